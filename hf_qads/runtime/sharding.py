"""Work on many rows in shards, each of them a file: resumed after a kill, shared by the ranks of a launch."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from hf_qads.errors import RunError
from hf_qads.runtime import distributed, files

logger = logging.getLogger(__name__)

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
    """Have each shard's table made and written to `folder`; finished shards are kept from earlier starts.

    A rank takes every world-size-th shard first and then helps with those of the others from the end on,
    so a lost or slow rank leaves no shard undone. A shard that two ranks do is written twice, whole each
    time. When this returns, every shard is there and every rank is done.

    Args:
        shards: all shards; the same on every rank.
        folder: where the tables go, one parquet file per shard.
        work: makes one shard's table, the same one each time.
        what: the progress bar's title.
    """
    rank, world = distributed.rank(), distributed.world_size()
    folder.mkdir(parents=True, exist_ok=True)
    own = [shard for shard in shards if shard.number % world == rank]
    others = [shard for shard in reversed(shards) if shard.number % world != rank]
    finished = sum(shard_file(folder, shard).exists() for shard in shards) if rank == 0 else 0
    if finished:
        name = shards[0].path.parent.name
        logger.info("%s of %s: %d of %d shards were done before.", what, name, finished, len(shards))
    bar = tqdm(total=sum(s.rows for s in shards), desc=what, unit="row", disable=rank > 0 or None)
    with bar:
        for shard in (*own, *others):
            path = shard_file(folder, shard)
            if not path.exists():
                table = work(shard)
                temporary = folder / f".{path.name}.{rank}.part"
                pq.write_table(table, temporary)
                os.replace(temporary, path)
            bar.update(shard.rows)
    distributed.barrier()


def shard_file(folder: Path, shard: RowShard) -> Path:
    """Where a shard's table is."""
    return folder / f"{shard.number:06d}.parquet"


def merge(folder: Path, shards: Sequence[RowShard], out: Path, schema: pa.Schema) -> None:
    """Write all shards' tables into the one parquet file `out`. Cost: one shard in memory at a time."""
    with (
        files.atomic_path(out) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for shard in shards:
            writer.write_table(pq.read_table(shard_file(folder, shard), partitioning=None))
