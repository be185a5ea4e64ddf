"""Read one unit of work into files of its own, so that a kill loses at most the units under way."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hf_qads import schema
from hf_qads.rows.turns import TURN_FIELDS
from hf_qads.runtime import files
from hf_qads.sources.filtering import to_mask
from hf_qads.sources.normalising import LEFT_SCHEMA, Normalised, normalise
from hf_qads.sources.precomputed import PrecomputedWriter
from hf_qads.sources.recipe import Recipe
from hf_qads.sources.units import Unit, raw_rows

GROUP_ROWS: Final = 50_000
GROUP_BYTES: Final = 64 * 2**20
PLAIN_COLUMNS: Final = [schema.SOURCE, schema.KIND]  # the columns worth a dictionary


@dataclass(frozen=True)
class Job:
    """One unit and how to read it."""

    number: int
    unit: Unit
    recipe: Recipe
    types: pa.Schema | None
    folder: Path

    def file(self, what: str) -> Path:
        """One of the unit's files: rows.arrow, left.arrow, keys.npy or counts.json, written last.

        keys.npy is (n, 3): both halves of each row's content key, and the number of its raw row.
        """
        return self.folder / f"unit-{self.number:05d}.{what}"

    @property
    def size(self) -> int:
        """Bytes of the unit, for progress."""
        return sum(segment.size for segment in self.unit)

    @property
    def counts(self) -> dict[str, Any] | None:
        """What the unit held, or None where it is not finished."""
        path, rows = self.file("counts.json"), self.file("rows.arrow")
        if not path.exists() or not rows.exists():
            return None
        counts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return counts if rows.stat().st_size == counts["bytes"] else None


@dataclass(frozen=True)
class Shard:
    """A shard to be written: the rows of a unit that the mask `kept` (n,) names."""

    source: Path
    target: Path
    kept: NDArray[np.bool_]


def read_unit(job: Job) -> int:
    """Read, normalise and write one unit.

    The unit's files are Arrow's own format, which costs a tenth of parquet's time: which rows are duplicates
    is known only when all units are read.

    Returns:
        bytes of the unit. Memory: one chunk.

    Raises:
        SourceError: a file of the unit cannot be read.
    """
    keys, read, outside, columns = [], 0, 0, dict[str, int]()
    files.remove(job.file("counts.json"))
    with (
        _arrow_writer(job.file("rows.arrow"), schema.ROW_SCHEMA) as rows,
        _arrow_writer(job.file("left.arrow"), LEFT_SCHEMA) as left,
        PrecomputedWriter(job.file("precomputed.parquet"), job.recipe.precomputed) as precomputed,
    ):
        for segment in job.unit:
            for chunk in raw_rows(segment, job.recipe.columns, job.types, TURN_FIELDS):
                done: Normalised = normalise(chunk, job.recipe, read)
                rows.write_table(done.rows)
                left.write_table(done.left)
                precomputed.write(chunk, done.rows, done.keys[:, 2].astype(np.int64) - read)
                keys.append(done.keys)
                read += done.read
                outside += done.outside
                columns[done.columns] = columns.get(done.columns, 0) + done.rows.num_rows
    np.save(job.file("keys.npy"), np.concatenate(keys) if keys else np.empty((0, 3), np.uint64))
    size = job.file("rows.arrow").stat().st_size
    counts = {"read": read, "outside": outside, "bytes": size, "columns": columns}
    files.write_json(job.file("counts.json"), counts)
    return job.size


def write_shard(shard: Shard) -> int:
    """Write one shard, whole or not at all, unless it is there.

    Returns:
        rows of the unit it was made of. Memory: one row group.
    """
    if not shard.target.exists():
        at = 0
        with files.atomic_path(shard.target) as path, RowWriter(path, schema.ROW_SCHEMA) as writer:
            for batch in batches(shard.source):
                kept = shard.kept[at : at + batch.num_rows]
                at += batch.num_rows
                writer.write(pa.Table.from_batches([batch if kept.all() else batch.filter(to_mask(kept))]))
    return len(shard.kept)


@contextmanager
def _arrow_writer(path: Path, columns: pa.Schema) -> Iterator[Any]:
    with pa.OSFile(str(path), "wb") as stream, pa.ipc.new_stream(stream, columns) as writer:
        yield writer


class RowWriter:
    """Writes tables to one parquet file, gathered into row groups of a useful size."""

    def __init__(self, path: Path, columns: pa.Schema) -> None:
        dictionary = [name for name in PLAIN_COLUMNS if name in columns.names]
        self._writer = pq.ParquetWriter(path, columns, compression="zstd", use_dictionary=dictionary)
        self._held: list[pa.Table] = []
        self._rows = 0
        self._bytes = 0

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()
        self._writer.close()

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        self._held.append(table)
        self._rows += table.num_rows
        self._bytes += table.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.concat_tables(self._held), row_group_size=max(1, self._rows))
        self._held, self._rows, self._bytes = [], 0, 0


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """The batches of one of a unit's files, one at a time."""
    with pa.memory_map(str(path)) as stream, pa.ipc.open_stream(stream) as reader:
        yield from reader
