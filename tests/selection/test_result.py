import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads.errors import SelectionError
from hf_qads.selection import STRATEGIES, Selection, select

RNG = np.random.default_rng(0)
VECTORS = RNG.standard_normal((300, 6)).astype(np.float32)
SCORES = RNG.uniform(1, 5, 300)


@pytest.fixture(scope="module")
def picked():
    return select(VECTORS, SCORES, size=60)


def test_a_saved_selection_comes_back(picked, tmp_path):
    loaded = Selection.load(picked.save(tmp_path / "picks.parquet"))
    for name in ("order", "gains", "start", "radius"):
        assert getattr(loaded, name).tobytes() == getattr(picked, name).tobytes()
    assert dict(loaded.asked) == dict(picked.asked)
    assert [file.name for file in tmp_path.iterdir()] == ["picks.parquet"]


def test_saving_twice_gives_the_same_bytes(picked, tmp_path):
    first, second = (picked.save(tmp_path / name).read_bytes() for name in ("a.parquet", "b.parquet"))
    assert first == second


def test_the_file_reads_as_a_table(picked, tmp_path):
    table = pq.read_table(picked.save(tmp_path / "picks.parquet"))
    assert table.column_names == ["row", "rank", "gain", "radius", "start"]
    assert table["rank"].to_pylist()[:2] == [0, 1]
    assert table["rank"].to_pylist()[60:] == [None] * 30
    assert table["start"].to_pylist() == [False] * 60 + [True] * 30


def test_an_empty_selection_is_saved_and_loaded(tmp_path):
    loaded = Selection.load(select(VECTORS, size=0).save(tmp_path / "picks.parquet"))
    assert len(loaded) == 0
    assert len(loaded.start) == 30


def test_other_files_are_refused(tmp_path):
    with pytest.raises(SelectionError, match="cannot be read"):
        Selection.load(tmp_path / "absent.parquet")
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(SelectionError, match="cannot be read"):
        Selection.load(tmp_path / "text.parquet")
    pq.write_table(pa.table({"row": [1]}), tmp_path / "other.parquet")
    with pytest.raises(SelectionError, match="not one that"):
        Selection.load(tmp_path / "other.parquet")


def test_explain_a_row_that_was_not_picked(picked):
    everything = select(VECTORS, SCORES, size=270)
    row = int(everything.order[150])
    found = picked.explain(row)
    before = [*picked.start, *picked.order]
    distances = np.linalg.norm(VECTORS[before].astype(float) - VECTORS[row], axis=1)
    assert not found.picked
    assert found.score == SCORES[row]
    assert found.nearest == before[int(distances.argmin())]
    assert found.distance == pytest.approx(distances.min())
    assert found.rank == 150  # where a larger selection picks it
    assert found.last_gain == picked.gains[-1]
    assert str(found).startswith(f"row {row} was not picked: score ")
    assert "it would have come at rank 150" in str(found)


def test_explain_knows_who_does_not_take_part():
    among = np.arange(200)
    picked = select(VECTORS, SCORES, size=60, candidates=among)
    absent = picked.explain(250)
    assert (absent.absent, absent.rank, absent.nearest) == (True, None, None)
    assert "row 250 does not take part" in str(absent)
    whole = select(VECTORS, SCORES, size=200 - len(picked.start), candidates=among, start=picked.start)
    for rank in (60, 150):
        assert picked.explain(int(whole.order[rank])).rank == rank


def test_explain_measures_to_owned_vectors():
    owned = VECTORS[:90] + 0.05
    picked = select(VECTORS, SCORES, size=60, start=0, already_selected=owned)
    for rank in (0, 7, 59):
        found = picked.explain(int(picked.order[rank]))
        assert found.score * found.distance == pytest.approx(picked.gains[rank])
        assert (found.nearest is None) == (found.already_selected is not None)
    first = picked.explain(int(picked.order[0]))
    assert f"to already selected vector {first.already_selected}" in str(first)
    assert first.distance == pytest.approx(np.linalg.norm(owned - VECTORS[first.row], axis=1).min())


def test_explain_goes_on_once_for_many_questions():
    calls = []

    def counted(pool, size):
        calls.append(size)
        return STRATEGIES["qads"](pool, size)

    picked = select(VECTORS, SCORES, size=20, strategy=counted)
    later = select(VECTORS, SCORES, size=25).order[20:]
    assert [picked.explain(int(row)).rank for row in later] == list(range(20, 25))
    assert len(calls) == 2


def test_a_selection_with_numbers_of_numpy_is_saved(tmp_path):
    picked = select(
        VECTORS, size=5, strategy="ssl_prototype", seed=np.int64(3), options={"clusters": np.int64(4)}
    )
    assert Selection.load(picked.save(tmp_path / "a.parquet")).asked["options"] == {"clusters": 4}


def test_explain_does_not_look_further_than_asked(picked):
    row = int(select(VECTORS, SCORES, size=270).order[150])
    found = picked.explain(row, further=50)
    assert found.rank is None
    assert found.rank_above == 110
    assert "it would have come after the first 110 picks" in str(found)


def test_explain_a_picked_and_a_start_row(picked):
    found = picked.explain(int(picked.order[7]))
    assert found.picked
    assert found.rank == 7
    assert found.score * found.distance == pytest.approx(picked.gains[7])
    assert "was picked at rank 7" in str(found)
    assert "start pool" in str(picked.explain(int(picked.start[0])))


@pytest.mark.parametrize("strategy", ["quality", "random"])
def test_explain_needs_no_vectors_where_the_strategy_needs_none(strategy):
    picked = select(None, SCORES, size=20, strategy=strategy)
    row = int(select(None, SCORES, size=200, strategy=strategy).order[100])
    found = picked.explain(row)
    assert found.rank == 100
    assert found.nearest is None


def test_a_loaded_selection_is_explained_with_its_data(picked, tmp_path):
    loaded = Selection.load(picked.save(tmp_path / "picks.parquet"))
    row = int(np.setdiff1d(np.arange(300), [*picked.order, *picked.start])[0])
    assert loaded.explain(row, vectors=VECTORS, scores=SCORES) == picked.explain(row)
    with pytest.raises(SelectionError, match="give its scores again"):
        loaded.explain(row, vectors=VECTORS)
    with pytest.raises(SelectionError, match="made from 300 rows, got 299"):
        loaded.explain(row, vectors=VECTORS[:299], scores=SCORES[:299])


@pytest.mark.parametrize("row", [-1, 300])
def test_explain_refuses_rows_that_are_not_there(picked, row):
    with pytest.raises(SelectionError, match=f"row {row} is not in the pool"):
        picked.explain(row)
