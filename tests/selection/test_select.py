import functools

import numpy as np
import pytest
import torch

from hf_qads.errors import DeviceError, SelectionError
from hf_qads.selection import Picks, Pool, Selection, choose_anchors, select
from hf_qads.selection.registry import name_of
from hf_qads.selection.strategies.kcenter import kcenter
from tests.selection.loops import plain_loop

RNG = np.random.default_rng(0)
VECTORS = RNG.standard_normal((300, 8)).astype(np.float32)
SCORES = RNG.uniform(1, 5, 300)


def broken(value, row=17):
    vectors = VECTORS.copy()
    vectors[row, 3] = value
    return vectors


def bad_scores(value, row=17):
    scores = SCORES.copy()
    scores[row] = value
    return scores


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"size": -1}, "size=-1 is negative"),
        ({"size": 271}, r"size=271 but only 270 rows are outside the start pool \(n=300, start=30\)"),
        ({"size": 2.0}, "whole number"),
        ({"size": True}, "whole number"),
        ({"start": -3}, "start=-3 is negative"),
        ({"start": [1, 300]}, "start row 300 is not in the pool of 300 rows"),
        ({"start": [1, -1]}, "start row -1"),
        ({"start": [4, 7, 4]}, "start row 4 is given more than once"),
        ({"start": [0.5]}, "list of row indices"),
        ({"start": 0}, "needs something to be far from"),
        ({"start": []}, "needs something to be far from"),
        ({"vectors": broken(np.nan)}, "vectors hold NaN or infinity, first in row 17"),
        ({"vectors": broken(np.inf)}, "vectors hold NaN or infinity, first in row 17"),
        ({"vectors": broken(-np.inf)}, "vectors hold NaN or infinity"),
        ({"scores": bad_scores(np.nan)}, "scores has 1 values that are NaN or infinite, the first in row 17"),
        ({"scores": bad_scores(np.inf)}, "NaN or infinite"),
        ({"scores": bad_scores(-0.5)}, "row 17 has -0.5"),
        ({"scores": SCORES[:299]}, "scores: 299, vectors: 300"),
        ({"scores": SCORES[:, None]}, r"shape \(300,\)"),
        ({"scores": ["a"] * 300}, "one number per row"),
        ({"scores": 3.0}, "one entry per row"),
        ({"vectors": np.zeros((300, 8)), "metric": "cosine"}, "not defined for zero vectors"),
        ({"vectors": VECTORS[:0], "scores": None}, "empty"),
        ({"vectors": VECTORS[:, :0]}, "empty"),
        ({"vectors": VECTORS[:, 0]}, "table of numbers"),
        ({"vectors": VECTORS.astype(np.complex64)}, "table of numbers"),
        ({"vectors": [["a", "b"]] * 300}, "table of numbers"),
        ({"vectors": [[1.0, 2.0], [1.0]] * 150}, "table of numbers"),
        ({"vectors": None}, "needs vectors"),
        ({"vectors": None, "scores": None}, "nothing to select from"),
        ({"metric": "manhattan"}, "Choose one of euclidean, cosine"),
        ({"strategy": "best"}, "There are: balanced_random, bm25, d4, deita, dsir, .*, ssl_prototype, wici"),
        (
            {"options": {"threshold": 0.8}},
            "takes no option 'threshold'. Its options: power, rank, score, target, target_in, whiten",
        ),
        ({"strategy": "deita", "options": {"threshold": "high"}}, "must be float"),
        ({"strategy": "deita", "options": {"threshold": 1.5}}, r"in \[-1, 1\]"),
        ({"strategy": "ssl_prototype", "options": {"clusters": 0}}, "at least 1"),
        ({"strategy": "quality", "scores": None}, "needs scores"),
        ({"strategy": "ifd"}, "needs a column 'ifd', got none"),
        ({"strategy": "ifd", "columns": {"ifd": np.full(300, np.nan)}}, "ifd has 300 values that are NaN"),
        ({"columns": {"ifd": SCORES[:10]}}, "ifd: 10"),
        ({"already_selected": VECTORS[:, :5]}, "already_selected vectors have 5 dimensions"),
        ({"already_selected": broken(np.nan)}, "already_selected hold NaN"),
        ({"candidates": [1, 300]}, "candidates has row 300"),
        ({"candidates": []}, "candidates"),
        ({"candidates": np.zeros(300, dtype=bool)}, "No row takes part"),
        ({"candidates": [0, 1, 2], "start": [3]}, "not among the rows that take part"),
        ({"device": "nowhere"}, "device='nowhere' cannot be used"),
        ({"device": "meta"}, "device='meta' cannot be used"),
        ({"scores": SCORES.astype(np.complex64)}, "one number per row, got ndarray: they are complex64"),
        ({"scores": SCORES.astype(str)}, "one number per row"),
        ({"scores": np.ma.masked_less(SCORES, 2)}, "NaN or infinite"),
        ({"vectors": np.ma.masked_less(VECTORS, 0)}, "vectors are masked"),
        ({"vectors": torch.from_numpy(VECTORS).to_sparse()}, "dense table of numbers"),
        ({"vectors": torch.from_numpy(VECTORS).to(torch.float8_e5m2)}, "dense table of numbers"),
        ({"columns": {"a": 3}}, "a must have one entry per row, got int"),
        ({"columns": [SCORES]}, "columns must map names to columns, got list"),
        ({"options": [1]}, r"options must map names to values, got \[1\]"),
        ({"strategy": "ssl_prototype", "options": {"clusters": True}}, "must be int, got True"),
        ({"seed": -1}, "seed=-1 is negative"),
        ({"seed": 1.5}, "seed must be a whole number, got 1.5"),
        ({"strategy": "random", "metric": "manhattan"}, "Choose one of euclidean, cosine"),
        ({"start": 5.0}, "a whole number, or a list of row indices, got 5.0"),
        ({"start": np.ones(300, dtype=bool)}, r"got bool \(300,\)"),
        ({"start": np.array([2**64 - 5], dtype=np.uint64)}, "start row 18446744073709551611 is not in"),
    ],
)
def test_wrong_use_is_refused_with_what_was_got(arguments, says):
    asked = {"vectors": VECTORS, "scores": SCORES, "size": 10, **arguments}
    with pytest.raises((SelectionError, DeviceError), match=says):
        select(asked.pop("vectors"), asked.pop("scores"), **asked)


@pytest.mark.parametrize("row", [3.0, True, "3", -1, 300])
def test_a_row_to_explain_is_one_of_the_pool(row):
    with pytest.raises(SelectionError, match="is not in the pool of 300 rows"):
        select(VECTORS, SCORES, size=10).explain(row)


def test_scores_may_be_any_numbers():
    expected = select(VECTORS, SCORES.astype(np.float32), size=30).order.tolist()
    tensor = torch.from_numpy(SCORES.astype(np.float32)).requires_grad_()
    assert select(VECTORS, tensor, size=30).order.tolist() == expected
    assert (
        select(VECTORS, SCORES.astype(np.float32).tolist(), size=30, already_selected=[]).order.tolist()
        == expected
    )


def test_what_the_caller_gives_stays_as_it_was():
    vectors, owned, scores = VECTORS.astype(np.float64), VECTORS[:20].astype(np.float64) * 3, SCORES.copy()
    before = [array.copy() for array in (vectors, owned, scores)]
    for metric in ("euclidean", "cosine"):
        select(vectors, scores, size=50, already_selected=owned, metric=metric).explain(7)
    for array, old in zip((vectors, owned, scores), before, strict=True):
        assert array.tobytes() == old.tobytes()


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "vectors",
    [
        np.asfortranarray(VECTORS),
        np.repeat(VECTORS, 2, axis=1)[:, ::2],
        VECTORS[::-1][::-1],
        np.ascontiguousarray(VECTORS[::-1])[::-1],
        read_only(VECTORS),
        VECTORS.astype(np.float64),
        VECTORS.astype(">f4"),
        VECTORS.tolist(),
        torch.from_numpy(VECTORS),
        torch.from_numpy(VECTORS).requires_grad_(),
    ],
    ids=[
        "fortran",
        "strided",
        "view",
        "reversed",
        "read-only",
        "float64",
        "big-endian",
        "list",
        "tensor",
        "grad",
    ],
)
def test_the_form_of_the_array_does_not_matter(vectors):
    expected = select(VECTORS, SCORES, size=40)
    assert select(vectors, SCORES, size=40).order.tolist() == expected.order.tolist()


@pytest.mark.parametrize(
    "dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, bool]
)
def test_whole_numbers_are_vectors_too(dtype):
    vectors = RNG.integers(0, 2 if dtype is bool else 9, (200, 6)).astype(dtype)
    picked = select(vectors, None, size=100)
    assert picked.order.tolist() == plain_loop(vectors, None, 100, picked.start).order.tolist()


def test_bfloat16_tensors_are_read_as_they_are():
    vectors = torch.from_numpy(VECTORS).bfloat16()
    picked = select(vectors, SCORES, size=40)
    assert (
        picked.order.tolist() == plain_loop(vectors.double().numpy(), SCORES, 40, picked.start).order.tolist()
    )


def test_a_memmap_is_selected_from(tmp_path):
    np.save(tmp_path / "vectors.npy", VECTORS.astype(np.float16))
    vectors = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    expected = select(VECTORS.astype(np.float16), SCORES, size=40)
    assert select(vectors, SCORES, size=40).order.tolist() == expected.order.tolist()


@pytest.mark.parametrize(("n", "start"), [(1, 1), (2, 1), (9, 1), (25, 2), (2000, 100)])
def test_the_start_pool_is_at_most_a_tenth(n, start):
    picked = select(RNG.standard_normal((n, 3)), size=0)
    assert len(picked.start) == start
    assert len(picked.order) == len(picked.gains) == len(picked.radius) == 0


def test_all_rows_outside_the_start_pool_can_be_picked():
    picked = select(VECTORS, SCORES, size=270)
    assert sorted([*picked.order, *picked.start]) == list(range(300))
    assert picked.radius[-1] == 0


def test_one_seed_one_result():
    assert select(VECTORS, size=5, seed=3).start.tolist() == select(VECTORS, size=5, seed=3).start.tolist()
    assert select(VECTORS, size=5, seed=3).start.tolist() != select(VECTORS, size=5, seed=4).start.tolist()


def test_all_scores_zero_picks_the_lowest_rows():
    assert select(VECTORS, np.zeros(300), size=3, start=[1]).order.tolist() == [0, 2, 3]


def test_what_was_asked_is_kept():
    asked = select(VECTORS, SCORES, size=5, metric="cosine", seed=3).asked
    assert asked["size"] == 5
    assert asked["metric"] == "cosine"
    assert asked["strategy"] == "qads"
    assert asked["seed"] == 3


def test_anchors_start_from_a_drawn_row_and_keep_it():
    anchors = choose_anchors(VECTORS, 12, seed=5)
    slow = plain_loop(VECTORS, None, 11, anchors[:1])
    assert anchors[1:].tolist() == slow.order.tolist()
    assert choose_anchors(VECTORS, 5, seed=5).tolist() == anchors[:5].tolist()


def test_a_set_no_larger_than_the_anchors_is_taken_whole():
    assert choose_anchors(VECTORS[:7], 7).tolist() == list(range(7))
    assert choose_anchors(VECTORS[:7], 100).tolist() == list(range(7))
    assert choose_anchors(VECTORS, 0).tolist() == []
    with pytest.raises(SelectionError, match="negative"):
        choose_anchors(VECTORS, -1)


def lowest(pool: Pool, size: int, *, column: str = "length") -> Picks:
    """Pick the lowest values."""
    values = pool.need_column("lowest", column)
    free = pool.free()
    order = free[np.argsort(values[free], kind="stable")][:size]
    return Picks(order, -values[order])


def test_a_function_serves_as_a_strategy_and_the_saved_selection_has_its_name(tmp_path):
    picked = select(None, SCORES, size=20, strategy=lowest, columns={"length": SCORES}, start=[3])
    assert picked.order.tolist() == [row for row in np.argsort(SCORES) if row != 3][:20]
    assert picked.explain(int(np.argsort(SCORES)[40])).rank in (39, 40)
    told = Selection.load(picked.save(tmp_path / "picks.parquet")).asked
    assert told["strategy"] == "tests.selection.test_select.lowest"
    renamed = select(None, size=5, strategy=lowest, columns={"age": -SCORES}, options={"column": "age"})
    assert renamed.asked["options"] == {"column": "age"}
    with pytest.raises(SelectionError, match=r"takes no option 'row'\. Its options: column"):
        select(VECTORS, size=5, strategy=lowest, options={"row": 1})


def first(pool, size):
    return Picks(pool.free()[:size], np.ones(size))


def test_a_loaded_selection_by_a_function_is_explained_with_the_function(tmp_path):
    loaded = Selection.load(select(VECTORS, size=20, strategy=first).save(tmp_path / "picks.parquet"))
    row = int(np.setdiff1d(np.arange(300), loaded.start)[30])
    assert loaded.explain(row, vectors=VECTORS, strategy=first).rank == 30
    with pytest.raises(SelectionError, match=r"test_select\.first' is not known"):
        loaded.explain(row, vectors=VECTORS)


def test_a_registered_function_keeps_its_name_and_other_callables_have_one():
    by_name, by_function = (select(VECTORS, size=20, strategy=one) for one in ("kcenter", kcenter))
    assert dict(by_name.asked) == dict(by_function.asked)
    assert by_name.order.tolist() == by_function.order.tolist()
    assert name_of(functools.partial(first)) == "functools.partial"


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (lambda pool, size: pool.free()[:size], "got ndarray"),
        (lambda pool, size: first(pool, size - 1), r"got an order \(9,\)"),
        (lambda pool, size: Picks(pool.free()[:size], np.ones(3)), r"gains \(3,\)"),
        (lambda pool, size: Picks(np.full(size, pool.free()[0]), np.ones(size)), "rows twice"),
        (lambda pool, size: Picks(pool.start[:size], np.ones(size)), "start rows"),
        (lambda pool, size: Picks(np.linspace(0, 1, size), np.ones(size)), "float64"),
        (lambda pool, size: first(pool, size)._replace(radius=np.ones(2)), "radius"),
    ],
)
def test_what_a_function_gives_back_is_checked(returned, says):
    with pytest.raises(SelectionError, match=says):
        select(VECTORS, size=10, strategy=returned)
