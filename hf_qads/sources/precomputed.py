"""Columns that came with the rows, such as vectors or scores: kept in files beside them, by row id."""

from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hf_qads import schema
from hf_qads.errors import SourceError
from hf_qads.repositories.chunks import Chunk
from hf_qads.runtime import files

TYPES = {schema.EMBEDDING: pa.list_(pa.float32()), "tags": pa.list_(pa.string())}  # others are numbers


class PrecomputedWriter:
    """Writes `row_id` and the precomputed columns of a unit's rows to one parquet file, whole or not at all.

    Without columns it writes nothing. Duplicates are kept: whoever looks a row up takes the first.
    """

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        """Write to `path`; columns are numbers, `tags` lists of names, `qads_embedding` lists of numbers."""
        self._columns = columns
        self._types = {name: TYPES.get(name, pa.float32()) for name in columns}
        self._schema = pa.schema([(schema.ROW_ID, pa.string()), *self._types.items()])
        self._place = files.atomic_path(path) if columns else None
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> "PrecomputedWriter":
        if self._place is not None:
            self._writer = pq.ParquetWriter(self._place.__enter__(), self._schema)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None and self._place is not None:
            self._writer.close()
            self._place.__exit__(kind, error, trace)

    def write(self, chunk: Chunk, rows: pa.Table, numbers: NDArray[np.int64]) -> None:
        """Add the rows (n) that raw rows `numbers` (n,) of `chunk` became.

        Raises:
            SourceError: a value is no number, or no list of numbers.
        """
        if self._writer is None:
            return
        columns = [rows[schema.ROW_ID]]
        for name in self._columns:
            try:
                if isinstance(chunk, pa.RecordBatch):
                    columns.append(chunk.column(name).take(pa.array(numbers)).cast(self._types[name]))
                else:
                    raws = [chunk[number] for number in numbers.tolist()]
                    values = [raw.get(name) if isinstance(raw, dict) else None for raw in raws]
                    columns.append(pa.array(values, self._types[name]))
            except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, KeyError) as error:
                raise SourceError(f"column {name} cannot be read as {self._types[name]}: {error}") from error
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
