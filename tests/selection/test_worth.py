import numpy as np
import pytest

from hf_qads.errors import SelectionError
from hf_qads.selection.worth import NEIGHBOURS, jaccard, novelsum, worth

RNG = np.random.default_rng(4)
VECTORS = RNG.standard_normal((300, 6)).astype(np.float32)
UNIT = VECTORS.astype(float) / np.linalg.norm(VECTORS.astype(float), axis=1, keepdims=True)
APART = 1 - UNIT @ UNIT.T


def slow_novelsum(rows):
    """Row by row, as the published code has it."""
    found = []
    for row in rows:
        near = np.sort(np.delete(APART[row], row))[:NEIGHBOURS].mean()
        distances = np.sort(np.maximum(APART[row, rows], 0))
        found.append(np.average(distances, weights=1 / np.arange(1, len(rows) + 1)) / (near + 1e-9) ** 0.5)
    return np.mean(found)


def test_novelsum_equals_the_slow_loop():
    rows = RNG.choice(300, 40, replace=False)
    assert novelsum(VECTORS[rows], VECTORS) == pytest.approx(slow_novelsum(rows))


def test_novelsum_of_two_rows_by_hand():
    # Two picks at right angles, so at distance 1. Distances 0 and 1 with weights 1 and 1/2 make 1/3. The only
    # different row of the pool is at distance 1 from either, so both densities are 1.
    assert novelsum(np.eye(3)[:2], np.repeat(np.eye(3)[2:], 4, axis=0)) == pytest.approx(1 / 3)


def test_worth_measures_each_selection_on_the_same_rows():
    selections = {"first": np.arange(60), "every": np.arange(0, 300, 5)}
    lines = worth(
        selections,
        VECTORS,
        scores=np.arange(300.0),
        lengths=np.arange(300),
        sources=["a"] * 100 + ["b"] * 200,
    )
    first, every = lines
    assert [line.name for line in lines] == ["first", "every"]
    assert first.coverage == pytest.approx(APART[:, :60].min(1).clip(0).mean(), abs=1e-6)
    assert every.farthest == pytest.approx(APART[:, ::5].min(1).max(), abs=1e-6)
    assert first.mean_score == 29.5
    assert every.median_length == np.median(np.arange(0, 300, 5))
    assert first.shares == {"a": 1.0}
    assert every.shares == pytest.approx({"a": 1 / 3, "b": 2 / 3})
    assert first.overlap == {"every": 12 / 108}
    assert 1 <= first.clusters <= first.of_clusters == 17


def test_near_duplicates_and_clusters_show_a_selection_of_copies():
    copies = VECTORS.copy()
    copies[:50] = VECTORS[0]
    narrow, wide = worth({"copies": np.arange(50), "others": np.arange(50, 100)}, copies)
    assert narrow.near_duplicates == 1
    assert narrow.clusters == pytest.approx(1)
    assert wide.near_duplicates < 0.1
    assert wide.clusters > 5
    assert wide.novelsum > narrow.novelsum


def test_jaccard_by_hand():
    assert jaccard(np.array([1, 2, 3]), np.array([3, 4])) == 0.25


def test_a_selection_without_rows_is_refused():
    with pytest.raises(SelectionError, match="none has no rows"):
        worth({"none": np.empty(0, dtype=int)}, VECTORS)
