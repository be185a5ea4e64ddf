import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.filtering.dropping import drop_rows
from tests.mixing.rows import row, table, write_pool


def test_rows_are_left_out_counted_once_and_marked(tmp_path):
    shards = write_pool(tmp_path / "old", table("a", 20), shard=7)
    ids = [row("a", i)[schema.ROW_ID] for i in range(20)]
    kept, left_out = drop_rows(
        shards,
        tmp_path / "new",
        drop={
            "same row elsewhere": {ids[3], ids[8]},
            "repeats a question": {ids[8], ids[19], "b-" + "0" * 32},
        },
        also_in={ids[5]: ["b", "c"]},
    )
    assert (kept, left_out) == (17, {"same row elsewhere": 2, "repeats a question": 1})
    rows = pa.concat_tables([pq.read_table(tmp_path / "new" / path.name) for path in shards]).to_pylist()
    assert [line[schema.ROW_ID] for line in rows] == [ids[i] for i in range(20) if i not in (3, 8, 19)]
    assert {line[schema.ROW_ID]: line[schema.ALSO_IN] for line in rows if line[schema.ALSO_IN]} == {
        ids[5]: ["b", "c"]
    }


def test_a_second_run_keeps_finished_shards_and_gives_the_same_counts(tmp_path):
    shards = write_pool(tmp_path / "old", table("a", 20), shard=7)
    drop = {"x": {row("a", 3)[schema.ROW_ID]}}
    first = drop_rows(shards, tmp_path / "new", drop=drop)
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "new").iterdir()}
    (tmp_path / "new" / shards[1].name).unlink()
    assert drop_rows(shards, tmp_path / "new", drop=drop) == first == (19, {"x": 1})
    again = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "new").iterdir()}
    assert [name for name in times if times[name] != again[name]] == [shards[1].name]


def test_nothing_to_drop_keeps_everything(tmp_path):
    shards = write_pool(tmp_path / "old", table("a", 5))
    assert drop_rows(shards, tmp_path / "new", drop={}) == (5, {})
