import builtins

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_qads.errors import SelectionError
from hf_qads.neighbours import kmeans, nearest

RNG = np.random.default_rng(0)
BASE = RNG.standard_normal((700, 12)).astype(np.float32)
QUERIES = RNG.standard_normal((40, 12)).astype(np.float32)
BACKENDS = ("faiss", "torch")


def plain(queries, base, k, metric, rows=None, itself=None):
    """All values in float64, sorted; ties to the lowest row."""
    q, b = np.asarray(queries, dtype=float), np.asarray(base, dtype=float)
    rows = np.arange(len(b)) if rows is None else rows
    if metric == "euclidean":
        values = -np.sqrt(((q[:, None] - b[None, rows]) ** 2).sum(2))
    else:
        values = (q[:, None] * b[None, rows]).sum(2)
        if metric == "cosine":
            values /= np.sqrt((q * q).sum(1)[:, None] * (b[rows] * b[rows]).sum(1)[None])
    if itself is not None:
        values[rows[None] == itself[:, None]] = -np.inf
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    found = np.take_along_axis(values, order, 1)
    return rows[order], -found if metric == "euclidean" else found


@pytest.fixture
def small_blocks(monkeypatch):
    import sys

    module = sys.modules["hf_qads.neighbours.nearest"]
    monkeypatch.setattr(module, "BLOCK_BYTES", 256 * 4 * 12)
    monkeypatch.setattr(module, "QUERIES", 16)
    monkeypatch.setattr(module, "PAIR_BYTES", 8 * 12 * 30)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("metric", ["cosine", "inner", "euclidean"])
@pytest.mark.parametrize("k", [1, 7, 300, 700])
def test_the_nearest_are_those_of_the_plain_sort(small_blocks, backend, metric, k):
    found = nearest(QUERIES, BASE, k, metric=metric, backend=backend)
    rows, values = plain(QUERIES, BASE, k, metric)
    assert found.rows.tolist() == rows.tolist()
    np.testing.assert_allclose(found.values, values, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("metric", ["cosine", "inner", "euclidean"])
def test_equal_rows_come_by_number_however_many_there_are(small_blocks, backend, metric):
    base = np.concatenate([BASE[:50], np.tile(BASE[3], (400, 1)), BASE[50:300]])
    queries = np.concatenate([BASE[3:4], QUERIES[:5]])
    found = nearest(queries, base, 60, metric=metric, backend=backend)
    # one row's products may differ from those of its equals by the last bit of a float64
    same = base[found.rows[0]] == BASE[3]
    np.testing.assert_allclose(found.values, plain(queries, base, 60, metric)[1], atol=1e-12)
    if metric != "inner":
        assert same.all()
        assert found.rows[0].tolist() == [3, *range(50, 109)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_row_is_not_its_own_neighbour_and_rows_can_be_left_out(small_blocks, backend):
    rows = np.arange(0, 700, 3)
    base = BASE.copy()
    base[1::3] = np.nan
    found = nearest(base[rows], base, 9, rows=rows, itself=rows, backend=backend)
    expected = plain(base[rows], base, 9, "cosine", rows, rows)[0]
    assert found.rows.tolist() == expected.tolist()
    assert not (found.rows == rows[:, None]).any()


@given(
    st.integers(1, 40).flatmap(
        lambda n: st.lists(st.tuples(*[st.integers(-3, 3)] * 3).filter(any), min_size=n, max_size=n)
    ),
    st.integers(1, 8),
    st.sampled_from(["cosine", "euclidean"]),
)
@settings(max_examples=60, deadline=None)
def test_faiss_and_torch_agree_on_small_whole_numbers_full_of_ties(vectors, k, metric):
    base = np.array(vectors, dtype=np.float32)
    by_faiss = nearest(base, base, k, metric=metric, backend="faiss")
    by_torch = nearest(base, base, k, metric=metric, backend="torch")
    assert by_faiss.rows.tolist() == by_torch.rows.tolist()
    assert by_faiss.values.tobytes() == by_torch.values.tobytes()


def test_a_far_cluster_does_not_blur_distances(small_blocks):
    base = (BASE * 1e-3 + 1000).astype(np.float64)
    found = nearest(base[:30], base, 5, metric="euclidean")
    assert found.rows.tolist() == plain(base[:30], base, 5, "euclidean")[0].tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32])
def test_any_real_type_and_a_memmap_will_do(tmp_path, dtype):
    base = (BASE * 50).astype(dtype)
    np.save(tmp_path / "base.npy", base)
    mapped = np.load(tmp_path / "base.npy", mmap_mode="r")
    found = nearest(torch.from_numpy(base[:9]), mapped, 4)
    assert found.rows.tolist() == plain(base[:9], base, 4, "cosine")[0].tolist()


def test_without_faiss_torch_is_taken(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    real = builtins.__import__

    def without(name, *arguments, **named):
        assert name != "faiss"
        return real(name, *arguments, **named)

    many = np.tile(QUERIES, (10, 1))
    monkeypatch.setitem(nearest.__globals__, "find_spec", lambda name: None)
    monkeypatch.setattr(builtins, "__import__", without)
    assert nearest(many, BASE, 2).rows.shape == (400, 2)
    with pytest.raises(SelectionError, match=r"pip install 'hf_qads\[cpu\]'"):
        nearest(QUERIES, BASE, 2, backend="faiss")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"metric": "manhattan"}, "metric='manhattan' is not known"),
        ({"backend": "annoy"}, "backend='annoy' is not known"),
        ({"queries": QUERIES[:, :5]}, "queries have 5 dimensions, the base has 12"),
        ({"base": np.where(np.arange(700)[:, None] == 9, np.nan, BASE)}, "hold NaN"),
        ({"base": np.where(np.arange(700)[:, None] == 9, 0, BASE)}, "zero vectors"),
        ({"k": 1.5}, "k must be a whole number"),
    ],
)
def test_what_cannot_be_searched_is_refused(changed, message):
    asked = {"queries": QUERIES, "base": BASE, "k": 3, **changed}
    with pytest.raises(SelectionError, match=message):
        nearest(asked.pop("queries"), asked.pop("base"), asked.pop("k"), **asked)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_kmeans_gives_the_same_centroids_with_faiss_and_torch(metric):
    centers = RNG.standard_normal((9, 12)) * 4
    data = (centers[RNG.integers(0, 9, 900)] + RNG.standard_normal((900, 12))).astype(np.float32)
    one, other = (kmeans(data, 9, metric=metric, backend=backend, seed=3) for backend in BACKENDS)
    assert one.tobytes() == other.tobytes()
    assert one.shape == (9, 12)


def test_kmeans_finds_what_lloyds_algorithm_finds():
    data = np.array([[0, 0], [0, 2], [10, 0], [10, 2]], dtype=float)
    found = kmeans(data, 2)
    assert sorted(found.tolist()) == [[0, 1], [10, 1]]
    directions = kmeans(np.array([[1, 0], [100, 0], [0, 1], [0, 3]], dtype=float), 2, metric="cosine")
    assert sorted(directions.tolist()) == [[0, 1], [1, 0]]


def test_kmeans_leaves_rows_out_and_takes_no_more_clusters_than_rows():
    data = BASE.copy()
    data[100:] = np.nan
    assert kmeans(data, 200, rows=np.arange(100)).shape == (100, 12)
    with pytest.raises(SelectionError, match="at least 1"):
        kmeans(BASE, 0)
