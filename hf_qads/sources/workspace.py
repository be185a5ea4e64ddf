"""Reading one unit of work into files of its own, so that a kill loses at most the units under way."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads import files, schema
from hf_qads.sources.chunks import chunks
from hf_qads.sources.given import GivenWriter
from hf_qads.sources.local import Unit
from hf_qads.sources.normalising import LEFT_SCHEMA, Normalised, Recipe, normalise

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
        """One of the unit's files: rows.parquet, left.parquet, keys.npy or counts.json, written last.

        keys.npy is (n, 3): both halves of each row's content key, and the number of its raw row.
        """
        return self.folder / f"unit-{self.number:05d}.{what}"

    @property
    def counts(self) -> dict[str, Any] | None:
        """What the unit held, or None where it is not finished."""
        path = self.file("counts.json")
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def read_unit(job: Job) -> int:
    """Read, normalise and write one unit.

    Returns:
        bytes of the unit, for progress. Memory: one chunk and one row group.

    Raises:
        SourceError: a file of the unit cannot be read.
    """
    keys, read, outside = [], 0, 0
    with (
        files.atomic_path(job.file("rows.parquet")) as rows,
        files.atomic_path(job.file("left.parquet")) as left,
        GivenWriter(job.file("given.parquet"), job.recipe.given) as given,
    ):
        with (
            RowWriter(rows, schema.ROW_SCHEMA) as row_writer,
            RowWriter(left, LEFT_SCHEMA) as left_writer,
        ):
            for segment in job.unit:
                for chunk in chunks(segment, job.recipe.columns, job.types):
                    done: Normalised = normalise(chunk, job.recipe, read)
                    row_writer.write(done.rows)
                    left_writer.write(done.left)
                    given.write(chunk, done.rows, done.keys[:, 2].astype(np.int64) - read)
                    keys.append(done.keys)
                    read += done.read
                    outside += done.outside
    with files.atomic_path(job.file("keys.npy")) as path, path.open("wb") as stream:
        np.save(stream, np.concatenate(keys) if keys else np.empty((0, 3), np.uint64))
    files.write_json(job.file("counts.json"), {"read": read, "outside": outside})
    return sum(segment.size for segment in job.unit)


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


def write_kept(source: Path, target: Path, kept: np.ndarray) -> None:
    """Write the rows of `source` that the mask `kept` (n,) names to `target`, whole or not at all."""
    at = 0
    with files.atomic_path(target) as path, RowWriter(path, schema.ROW_SCHEMA) as writer:
        for batch in batches(source):
            writer.write(pa.Table.from_batches([batch]).filter(pa.array(kept[at : at + batch.num_rows])))
            at += batch.num_rows


def batches(path: Path, columns: list[str] | None = None) -> Iterable[pa.RecordBatch]:
    """The batches of a parquet file, one at a time."""
    with pq.ParquetFile(path, pre_buffer=False) as file:
        yield from file.iter_batches(8192, columns=columns, use_threads=False)
