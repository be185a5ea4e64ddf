"""Shards of parquet rows, each of them a file: resumed after a kill, shared by workers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads.errors import RunError
from hf_qads.runtime import executors, files
from hf_qads.runtime.executors import Shard

SHARD_ROWS = 4096


class RowShard(NamedTuple):
    """Rows `[start, stop)` of one row group of one parquet file; `offset` is the first one's place in all."""

    number: int
    path: Path
    group: int
    start: int
    stop: int
    offset: int

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.stop - self.start


def row_shards(folder: Path, shard_rows: int = SHARD_ROWS) -> list[RowShard]:
    """Cut the parquet files of a folder, in the order of their names, into shards of at most `shard_rows`.

    Raises:
        RunError: the folder holds no parquet file, or one that cannot be read.
    """
    paths = sorted(folder.glob("*.parquet"))
    # Beside a source's shards lies the list of what was left out of them.
    paths = [path for path in paths if path.name.startswith("part-")] or [
        path for path in paths if path.name != "left_out.parquet"
    ]
    if not paths:
        raise RunError(f"{folder} holds no parquet file. Name a folder with parquet files of rows.")
    shards: list[RowShard] = []
    offset = 0
    for path in paths:
        try:
            metadata = pq.read_metadata(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise RunError(f"{path} cannot be read as parquet: {error}. Make it again.") from error
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            for start in range(0, rows, shard_rows):
                stop = min(rows, start + shard_rows)
                shards.append(RowShard(len(shards), path, group, start, stop, offset))
                offset += stop - start
    return shards


class ShardReader:
    """Reads shards; the row group read last is kept, since the next shard mostly lies in it too."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Read those of `columns` that a file has."""
        self.columns = columns
        self._last: tuple[Path, int] | None = None
        self._table: pa.Table | None = None

    def table(self, shard: RowShard) -> pa.Table:
        """The rows of one shard. Cost: one row group in memory."""
        if self._table is None or self._last != (shard.path, shard.group):
            file = pq.ParquetFile(shard.path)
            there = [name for name in file.schema_arrow.names if name in self.columns]
            self._table = file.read_row_group(shard.group, columns=there)
            self._last = (shard.path, shard.group)
        return self._table.slice(shard.start, shard.rows)


def work_through(
    shards: Sequence[RowShard], folder: Path, work: Callable[[RowShard], pa.Table], *, what: str
) -> None:
    """Have each shard's table made and written to `folder`, by the executor in force.

    Finished shards are kept from earlier starts. When this returns, this worker's shards are there; after
    `executors.current().gather()`, all of them.

    Args:
        shards: all shards; the same for every worker.
        folder: where the tables go, one parquet file per shard.
        work: makes one shard's table, the same one each time.
        what: the progress bar's title.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def do(number: int) -> None:
        table, path = work(shards[number]), shard_file(folder, shards[number])
        with executors.writing(path) as part:
            pq.write_table(table, part)

    pieces = [Shard((shard_file(folder, shard),), shard.rows) for shard in shards]
    name = shards[0].path.parent.name if shards else folder.name
    executors.current().run(pieces, do, what=f"{what} of {name}", unit="row")


def shard_file(folder: Path, shard: RowShard) -> Path:
    """Where a shard's table is."""
    return folder / f"{shard.number:06d}.parquet"


def merge(folder: Path, shards: Sequence[RowShard], out: Path, schema: pa.Schema) -> None:
    """Write the columns of `schema` of all shards' tables into the one parquet file `out`.

    Cost: one shard in memory at a time.
    """
    with (
        files.atomic_path(out) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for shard in shards:
            path = shard_file(folder, shard)
            writer.write_table(pq.read_table(path, columns=schema.names, partitioning=None))
