import numpy as np
import pytest

from hf_qads.publishing.facts.coverage import coverage
from hf_qads.publishing.facts.projection import project


def test_the_farthest_row_of_a_line_by_hand():
    # Rows at 0, 1, 2, 3, 10. After picking 0 the farthest row is at distance 10; after 10 it is 3 -> 0.
    vectors = np.array([[0.0], [1], [2], [3], [10]], dtype=np.float32)
    curve = coverage("line", vectors, np.array([0, 4, 2]))
    assert curve.budgets.tolist() == [1, 2, 3]
    assert curve.picked.tolist() == [10, 3, 1]
    assert (curve.rows, curve.of) == (5, 5)


def test_cosine_distance_by_hand():
    vectors = np.array([[1.0, 0], [0, 2], [-3, 0]], dtype=np.float32)
    curve = coverage("angles", vectors, np.array([0, 1]), metric="cosine")
    assert curve.picked == pytest.approx([2.0, 1.0], abs=1e-6)


def test_coverage_equals_the_slow_way():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(120, 6)).astype(np.float32)
    order = rng.permutation(120)[:40]
    curve = coverage("x", vectors, order)
    for budget, largest in zip(curve.budgets, curve.picked, strict=True):
        slow = max(min(np.linalg.norm(row - vectors[pick]) for pick in order[:budget]) for row in vectors)
        assert largest == pytest.approx(slow, rel=1e-4)


def test_rows_without_a_vector_are_left_out():
    vectors = np.array([[0.0], [np.nan], [4]], dtype=np.float16)
    curve = coverage("x", np.vstack([vectors, [[1.0]]]), np.array([1, 0, 2]))
    assert (curve.of, curve.budgets[-1]) == (3, 2)


def test_too_few_picks_give_no_curve():
    assert coverage("x", np.eye(3), np.array([1])) is None


def test_the_map_finds_the_axis_of_most_variance():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 5)) * [1, 9, 1, 1, 1]
    found = project([vectors.astype(np.float32)], [np.arange(200) < 50])
    assert abs(np.corrcoef(found.points[:, 0], vectors[:, 1])[0, 1]) > 0.99
    expected = np.sort(np.linalg.eigvalsh(np.cov(vectors.T)))[::-1]
    assert found.explained[0] == pytest.approx(expected[0] / expected.sum(), rel=0.02)
    assert found.kept.sum() == 50


def test_the_map_is_the_same_for_the_same_seed():
    vectors = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    first, second = (project([vectors], [np.zeros(50, bool)]) for _ in range(2))
    assert np.array_equal(first.points, second.points)


def test_there_is_no_map_without_vectors():
    assert project([None, np.empty((0, 3))], [np.zeros(0, bool)] * 2) is None
