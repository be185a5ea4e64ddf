import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads.errors import RunError
from hf_qads.runtime import distributed
from hf_qads.runtime.sharding import ShardReader, merge, row_shards, work_through


@pytest.fixture
def folder(tmp_path):
    for part, rows in enumerate((range(5), range(5, 12))):
        pq.write_table(pa.table({"n": rows, "x": rows}), tmp_path / f"part-{part}.parquet", row_group_size=4)
    pq.write_table(pa.table({"reason": ["blank"]}), tmp_path / "left_out.parquet")
    return tmp_path


def test_shards_lie_within_row_groups_and_cover_every_row_once(folder):
    shards = row_shards(folder, 3)
    assert [(s.number, s.offset, s.rows) for s in shards] == [
        (0, 0, 3),
        (1, 3, 1),
        (2, 4, 1),
        (3, 5, 3),
        (4, 8, 1),
        (5, 9, 3),
    ]
    reader = ShardReader(["n", "missing"])
    assert [n for shard in shards for n in reader.table(shard)["n"].to_pylist()] == list(range(12))
    assert reader.table(shards[0]).column_names == ["n"]


def test_each_rank_starts_with_its_own_and_helps_with_the_rest(folder, tmp_path, monkeypatch):
    shards, out, done = row_shards(folder, 3), tmp_path / "out", {0: [], 1: []}
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    monkeypatch.setattr(distributed, "barrier", lambda: None)
    reader = ShardReader(["n"])
    for rank in (1, 0):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)

        def work(shard, rank=rank):
            done[rank].append(shard.number)
            if rank == 1 and len(done[1]) == 4:
                raise KeyboardInterrupt
            return reader.table(shard)

        try:
            work_through(shards, out, work, what="test")
        except KeyboardInterrupt:
            continue
    # Rank 1 did its own three and was lost in the first of the others, 4.
    assert done == {1: [1, 3, 5, 4], 0: [0, 2, 4]}
    merge(out, shards, tmp_path / "all.parquet", pa.schema([("n", pa.int64())]))
    assert pq.read_table(tmp_path / "all.parquet")["n"].to_pylist() == list(range(12))


def test_finished_shards_are_not_done_again(folder, tmp_path):
    shards, reader = row_shards(folder, 3), ShardReader(["n"])
    work_through(shards, tmp_path / "out", reader.table, what="test")
    work_through(shards, tmp_path / "out", lambda shard: pytest.fail("done again"), what="test")


def test_damaged_files_are_named(folder):
    (folder / "part-1.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunError, match=r"part-1\.parquet cannot be read"):
        row_shards(folder)
