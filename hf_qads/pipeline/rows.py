"""Sample rows of the pool, and read just those."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hf_qads.runfolder import RunFolder


def sizes(run: RunFolder) -> dict[str, int]:
    """Rows of each source of the pool."""
    return {
        source: sum(pq.read_metadata(path).num_rows for path in run.pool_files(source))
        for source in run.sources()
    }


def draw(size: int, count: int, *, seed: int, source: str, purpose: str) -> NDArray[np.int64]:
    """`min(count, size)` row indices of one source, rising; a source's draw depends on no other source."""
    entropy = [seed, *f"{purpose}:{source}".encode()]
    drawn = np.random.default_rng(entropy).choice(size, size=min(count, size), replace=False)
    return np.sort(drawn)


def take(run: RunFolder, source: str, indices: Sequence[int] | NDArray[np.int64]) -> pa.Table:
    """The rows at rising `indices` of one source. Cost: one shard and the rows asked for in memory."""
    found = take_from(run.pool_files(source), indices)
    return run.pool(source).slice(0, 0) if found is None else found


def take_from(shards: Sequence[Path], indices: Sequence[int] | NDArray[np.int64]) -> pa.Table | None:
    """The rows at rising `indices` of all rows of some shards; None where none is asked for."""
    wanted = np.asarray(indices, dtype=np.int64)
    pieces: list[pa.Table] = []
    start = 0
    for path in shards:
        stop = start + pq.read_metadata(path).num_rows
        here = wanted[(wanted >= start) & (wanted < stop)] - start
        if len(here):
            pieces.append(pq.read_table(path, partitioning=None).take(pa.array(here)))
        start = stop
    return pa.concat_tables(pieces) if pieces else None


def as_dicts(table: pa.Table) -> list[dict[str, Any]]:
    """A table's rows as dicts."""
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
