import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_qads.selection import select
from hf_qads.selection.engine import candidates, centers, engine, nearest, products, startpool
from hf_qads.selection.engine.space import Space
from tests.selection.loops import plain_loop

USING = ("qads", "kcenter", "deita", "ssl_prototype")  # strategies that make large products


@pytest.fixture
def small_steps(monkeypatch):
    """Chunks, candidate sets and groups so small that every path is taken with a few hundred rows."""
    monkeypatch.setattr(engine, "CHUNK", 96)
    monkeypatch.setattr(engine, "FEW", 8)
    monkeypatch.setattr(engine, "MANY", 64)
    monkeypatch.setattr(candidates, "AT_ONCE", 4)
    monkeypatch.setattr(startpool, "CHUNK", 48)
    monkeypatch.setattr(startpool, "TWINS", 1)
    monkeypatch.setattr(products, "GROUP", 4)
    monkeypatch.setattr(engine, "GUESSES", 3)
    monkeypatch.setattr(centers, "GUESSES", 3)


def clustered(n, d, *, clusters=12, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((clusters, d))
    return (centers[rng.integers(0, clusters, n)] + 0.3 * rng.standard_normal((n, d))).astype(dtype)


def scores_of(n, seed=1):
    return np.random.default_rng(seed).uniform(1, 5, n)


def same_as_loop(vectors, scores, size, **asked):
    picked = select(vectors, scores, size=size, **asked)
    slow = plain_loop(
        vectors,
        scores,
        size,
        picked.start,
        asked.get("metric", "euclidean"),
        asked.get("already_selected", ()),
    )
    assert picked.order.tolist() == slow.order.tolist()
    np.testing.assert_allclose(picked.gains, slow.gains, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(picked.radius, slow.radius, rtol=1e-12, atol=1e-12)
    return picked


def test_four_points_on_a_line_by_hand():
    # start at 0. Distances 1, 4, 9; scores 3, 2, 1 -> values 3, 8, 9: row 3 (at 9) first.
    # Then the distances to {0, 9} are 1, 4, 0 -> values 3, 8: row 2. Then row 1: distance 1 to 0, value 3.
    vectors = np.array([[0.0], [1.0], [4.0], [9.0]])
    picked = select(vectors, [1.0, 3.0, 2.0, 1.0], size=3, start=[0])
    assert picked.order.tolist() == [3, 2, 1]
    assert picked.gains.tolist() == [9.0, 8.0, 3.0]
    assert picked.radius.tolist() == [4.0, 1.0, 0.0]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("scored", [False, True])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_picks_equal_the_plain_loop(small_steps, metric, scored, dtype):
    vectors = clustered(700, 20, dtype=dtype)
    same_as_loop(vectors, scores_of(700) if scored else None, 300, metric=metric, start=20)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_integer_vectors_tie_and_the_lowest_row_wins(small_steps, metric):
    vectors = np.random.default_rng(0).choice([-1, 1], (500, 16))  # lengths are 4: cosine is exact as well
    picked = same_as_loop(vectors, None, 450, metric=metric, start=10)
    assert len(np.unique(picked.gains)) < 20  # nearly all picks are ties


def test_integer_scores_times_integer_vectors_tie_too(small_steps):
    rng = np.random.default_rng(0)
    same_as_loop(rng.integers(-3, 4, (600, 5)), rng.integers(0, 4, 600), 500, start=30)


def test_duplicates_come_last(small_steps):
    vectors = np.repeat(clustered(40, 8), 5, axis=0)
    picked = same_as_loop(vectors, scores_of(200), 190, start=[0])
    assert (picked.gains[39:] == 0).all()


def test_rows_far_from_the_origin_are_told_apart(small_steps):
    vectors = 1000 + 1e-3 * np.random.default_rng(0).standard_normal((400, 12))
    same_as_loop(vectors, scores_of(400), 150)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiny_and_huge_vectors_do_not_leave_the_range(scale, dtype):
    vectors = (clustered(200, 6) * scale).astype(dtype)
    same_as_loop(vectors, scores_of(200), 80, metric="cosine")
    picked = select(vectors, scores_of(200), size=80)
    slow = plain_loop(vectors.astype(np.float64) / scale, scores_of(200), 80, picked.start)
    assert picked.order.tolist() == slow.order.tolist()


@pytest.mark.parametrize("times", [30, 1e3, 1e6])
def test_one_outlier_does_not_hide_the_others(small_steps, times):
    vectors = clustered(400, 10)
    vectors[123] *= times
    same_as_loop(vectors, scores_of(400), 200)


def test_one_outlier_does_not_make_every_pair_a_tie(monkeypatch):
    measured, real = [], Space.measure
    monkeypatch.setattr(Space, "measure", lambda *given: measured.append(len(given[1])) or real(*given))
    vectors = np.random.default_rng(0).standard_normal((2000, 64)).astype(np.float32)
    select(vectors, scores_of(2000), size=300)
    usual = sum(measured)
    measured.clear()
    vectors[700] *= 1000
    select(vectors, scores_of(2000), size=300)
    assert sum(measured) < 1.2 * usual


def test_rows_that_are_all_the_same_are_measured_few_times(monkeypatch):
    measured, real = [], Space.measure
    monkeypatch.setattr(Space, "measure", lambda *given: measured.append(len(given[1])) or real(*given))
    same = np.ones((2000, 8), dtype=np.float32)
    assert select(same, size=1000, start=[0]).order.tolist() == list(range(1, 1001))
    assert sum(measured) < 5 * 2000


@pytest.mark.parametrize(
    "lowered", ["tf32", "autocast", "default type"], ids=lambda name: name.replace(" ", "-")
)
def test_what_a_caller_has_set_for_its_model_changes_nothing(lowered):
    vectors, scores = clustered(2000, 48), scores_of(2000)
    expected = {strategy: select(vectors, scores, size=300, strategy=strategy).order for strategy in USING}
    mkldnn, default = torch.backends.mkldnn.matmul, torch.get_default_dtype()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=lowered == "autocast"):
        if lowered == "tf32":
            torch.backends.cuda.matmul.fp32_precision = "tf32"
            mkldnn.fp32_precision = "bf16"
        if lowered == "default type":
            torch.set_default_dtype(torch.float64)
        try:
            for strategy, order in expected.items():
                picked = select(vectors, scores, size=300, strategy=strategy)
                assert picked.order.tolist() == order.tolist()
            if lowered == "tf32":
                assert (torch.backends.cuda.matmul.fp32_precision, mkldnn.fp32_precision) == ("tf32", "bf16")
            if lowered == "default type":
                assert torch.get_default_dtype() is torch.float64
        finally:
            torch.backends.cuda.matmul.fp32_precision = mkldnn.fp32_precision = "none"
            torch.set_default_dtype(default)


@pytest.mark.parametrize("few_centers", [0, 1024])
def test_a_large_start_pool_is_worked_out_exactly(small_steps, monkeypatch, few_centers):
    monkeypatch.setattr(engine, "FEW_CENTERS", few_centers)
    rows = np.random.default_rng(3).permutation(600)[:250]
    same_as_loop(clustered(600, 12), scores_of(600), 200, start=rows)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("start", [0, 15])
def test_owned_vectors_count_as_picked(small_steps, metric, start):
    same_as_loop(
        clustered(500, 10),
        scores_of(500),
        200,
        metric=metric,
        start=start,
        already_selected=clustered(333, 10, seed=9),
    )


@pytest.mark.parametrize("owned", [1, 2, 60])
def test_owned_vectors_that_are_all_the_same(small_steps, owned):
    same_as_loop(clustered(400, 8), scores_of(400), 150, start=0, already_selected=np.full((owned, 8), 0.25))


def test_owned_vectors_that_crowd_in_one_cell(small_steps, monkeypatch):
    monkeypatch.setattr(startpool, "CROWDED", 1)
    owned = np.concatenate([clustered(300, 6, clusters=1, seed=4), 50 * clustered(9, 6, seed=5)])
    same_as_loop(clustered(500, 6), scores_of(500), 200, start=0, already_selected=owned)


def test_a_large_start_pool_and_owned_vectors_together(small_steps, monkeypatch):
    monkeypatch.setattr(engine, "FEW_CENTERS", 10)
    asked = {"start": np.arange(0, 500, 9), "already_selected": 1e4 + clustered(40, 6, seed=8)}
    same_as_loop(clustered(500, 6), scores_of(500), 444, **asked)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whole_numbers_with_owned_vectors_equal_the_plain_loop(data):
    def table(rows):
        cells = st.lists(st.integers(-3, 3), min_size=3 * rows, max_size=3 * rows)
        return np.array(data.draw(cells), dtype=np.float64).reshape(rows, 3)

    vectors, owned = table(data.draw(st.integers(2, 40))), table(data.draw(st.integers(1, 40)))
    scores = data.draw(st.lists(st.integers(0, 4), min_size=len(vectors), max_size=len(vectors)))
    same_as_loop(vectors, np.array(scores, dtype=float), len(vectors), start=0, already_selected=owned)


def test_rows_that_do_not_take_part_are_as_if_not_there(small_steps):
    vectors, scores = clustered(500, 10), scores_of(500)
    there = np.setdiff1d(np.arange(500), np.arange(0, 500, 7))
    holes, gaps = vectors.copy(), scores.copy()
    holes[::7], gaps[::7] = np.nan, np.nan
    picked = select(holes, gaps, size=200, candidates=there, start=[1, 2, 3])
    alone = select(vectors[there], scores[there], size=200, start=np.searchsorted(there, [1, 2, 3]))
    assert picked.order.tolist() == there[alone.order].tolist()
    np.testing.assert_allclose(picked.radius, alone.radius)
    assert set(select(holes, gaps, size=100, candidates=np.isfinite(gaps)).start) <= set(there)


def test_floats_differ_from_a_float32_loop_only_by_rounding():
    vectors, scores = clustered(3000, 64, clusters=40), scores_of(3000)
    picked = select(vectors, scores, size=600, coverage=False)
    x, weights = torch.from_numpy(vectors), torch.from_numpy(scores).float()
    best = torch.cdist(x, x[picked.start]).amin(1)
    free = torch.ones(3000, dtype=torch.bool)
    free[picked.start] = False
    for row in picked.order.tolist():  # each pick is worth the best there is, as float32 sees it
        values = torch.where(free, weights * best, -torch.inf)
        assert values[row] >= values.max() * (1 - 1e-5)
        free[row] = False
        best = torch.minimum(best, torch.linalg.vector_norm(x - x[row], dim=1))


@pytest.mark.parametrize("step", [1, 3])
def test_blocks_and_threads_do_not_change_a_bit(monkeypatch, step):
    vectors, scores = clustered(3000, 48), scores_of(3000)
    expected = select(vectors, scores, size=500)
    threads = torch.get_num_threads()
    monkeypatch.setattr(engine, "CHUNK", 128 * step)
    monkeypatch.setattr(engine, "FEW", 32 * step)
    monkeypatch.setattr(engine, "MANY", 100 * step)
    monkeypatch.setattr(nearest, "SPARSE", 0.5 * step)
    try:
        torch.set_num_threads(step)
        picked = select(vectors, scores, size=500)
    finally:
        torch.set_num_threads(threads)
    assert picked.order.tobytes() == expected.order.tobytes()
    assert picked.gains.tobytes() == expected.gains.tobytes()
    assert picked.radius.tobytes() == expected.radius.tobytes()


def test_permission_for_coarse_products_is_not_used():
    vectors, scores = clustered(1500, 48), scores_of(1500)
    expected = select(vectors, scores, size=200)
    torch.set_float32_matmul_precision("medium")
    try:
        picked = select(vectors, scores, size=200)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert picked.gains.tobytes() == expected.gains.tobytes()


def test_few_distances_are_worked_out():
    picked = select(clustered(6000, 32, clusters=30), scores_of(6000), size=600, coverage=False)
    assert picked.work["full"] < 0.3 * 6000 * 600


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_picks_the_same():
    vectors, scores = clustered(20_000, 64), scores_of(20_000)
    expected = select(vectors, scores, size=2000, device="cpu")
    assert select(vectors, scores, size=2000, device="cuda").order.tolist() == expected.order.tolist()
    resident = select(torch.from_numpy(vectors).cuda(), scores, size=2000)
    assert resident.order.tolist() == expected.order.tolist()


# Properties. Vectors are small integers, so that equal distances are exactly equal.

POOLS = st.tuples(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 5))


def drawn_pool(seed, n, d):
    rng = np.random.default_rng(seed)
    return rng.integers(-4, 5, (n, d)).astype(np.float32), rng.integers(0, 6, n).astype(np.float64)


@settings(max_examples=40, deadline=None)
@given(POOLS, st.sampled_from(["euclidean", "cosine"]))
def test_any_pool_equals_the_plain_loop(pool, metric):
    vectors, scores = drawn_pool(*pool)
    if metric == "cosine":
        vectors = np.sign(vectors[:, :1]) * 1.0 + np.zeros((len(vectors), 4))  # lengths of 2 or 0
        vectors[vectors[:, 0] == 0] = [1, -1, 1, -1]
    picked = select(vectors, scores, size=len(vectors) // 2, metric=metric)
    slow = plain_loop(vectors, scores, len(vectors) // 2, picked.start, metric)
    assert picked.order.tolist() == slow.order.tolist()


@settings(max_examples=40, deadline=None)
@given(POOLS, st.data())
def test_a_smaller_selection_is_a_prefix(pool, data):
    vectors, scores = drawn_pool(*pool)
    room = len(vectors) - max(1, min(100, len(vectors) // 10))
    size = data.draw(st.integers(0, room))
    whole = select(vectors, scores, size=room)
    part = select(vectors, scores, size=size)
    assert part.order.tolist() == whole.order[:size].tolist()
    assert part.radius.tolist() == whole.radius[:size].tolist()
    assert sorted([*whole.order, *whole.start]) == list(range(len(vectors)))


@settings(max_examples=40, deadline=None)
@given(POOLS)
def test_gains_and_radius_never_grow(pool):
    vectors, scores = drawn_pool(*pool)
    picked = select(vectors, scores, size=len(vectors) // 2)
    assert (np.diff(picked.gains) <= 0).all()
    assert (np.diff(picked.radius) <= 0).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(2, 5))
def test_permuted_rows_give_the_permuted_order(seed, n, d):
    rng = np.random.default_rng(seed)
    vectors, scores = rng.standard_normal((n, d)), rng.uniform(1, 5, n)  # no ties: rows have no say
    order = rng.permutation(n)
    first = int(rng.integers(n))
    picked = select(vectors, scores, size=n // 2, start=[first])
    moved = select(vectors[order], scores[order], size=n // 2, start=[int(np.flatnonzero(order == first)[0])])
    assert order[moved.order].tolist() == picked.order.tolist()


@settings(max_examples=40, deadline=None)
@given(POOLS, st.integers(-40, 40))
def test_scaled_vectors_give_the_same_order_and_scaled_gains(pool, power):
    vectors, scores = drawn_pool(*pool)
    picked = select(vectors, scores, size=len(vectors) // 2)
    scaled = select(vectors * np.float32(2.0**power), scores, size=len(vectors) // 2)
    assert scaled.order.tolist() == picked.order.tolist()
    assert scaled.gains.tolist() == (picked.gains * 2.0**power).tolist()


@settings(max_examples=40, deadline=None)
@given(POOLS, st.integers(-20, 20))
def test_scaled_scores_give_the_same_order_and_scaled_gains(pool, power):
    vectors, scores = drawn_pool(*pool)
    picked = select(vectors, scores, size=len(vectors) // 2)
    scaled = select(vectors, scores * 2.0**power, size=len(vectors) // 2)
    assert scaled.order.tolist() == picked.order.tolist()
    assert scaled.gains.tolist() == (picked.gains * 2.0**power).tolist()


@settings(max_examples=40, deadline=None)
@given(POOLS)
def test_a_duplicate_of_a_picked_row_is_worth_nothing(pool):
    vectors, _ = drawn_pool(*pool)
    twice = np.concatenate([vectors, vectors])
    picked = select(twice, None, size=len(twice) - 1, start=[0])
    distinct = len(np.unique(vectors, axis=0))
    assert (picked.gains[: distinct - 1] > 0).all()
    assert (picked.gains[distinct - 1 :] == 0).all()


def test_many_equal_values_among_the_live_rows(monkeypatch):
    monkeypatch.setattr(candidates, "AT_ONCE", 4)
    vectors = np.repeat(np.eye(12), 40, axis=0)  # all distances are the square root of 2, or 0
    same_as_loop(vectors, None, 460, start=[5])
    same_as_loop(vectors, None, 460, start=[5], metric="cosine")
