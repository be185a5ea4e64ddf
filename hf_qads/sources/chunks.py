"""Raw rows in pieces: Arrow batches where a format has columns, a list of dicts where rows differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads.errors import SourceError
from hf_qads.sources import delimited, jsonlines

BATCH_ROWS: Final = 8192
BATCH_BYTES: Final = 64 * 2**20
FORMATS: Final = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".arrow": "arrow",
}

RawRow = dict[str, Any] | str  # a string is the reason why the row cannot be read
Chunk: TypeAlias = pa.RecordBatch | list[RawRow]


@dataclass(frozen=True)
class Segment:
    """A stretch of one file.

    Attributes:
        path: the file, or the name of an embedded pool.
        format: one of the values of `FORMATS`, or `embedded`.
        start: first row group (parquet) or byte (jsonl).
        stop: end of the stretch, exclusive; -1 for the file's end.
        size: bytes, for progress.
    """

    path: str
    format: str
    start: int = 0
    stop: int = -1
    size: int = 0


def chunks(
    segment: Segment, columns: Sequence[str] | None = None, types: pa.Schema | None = None
) -> Iterator[Chunk]:
    """Read a segment piece by piece.

    Args:
        segment: what to read.
        columns: the columns wanted; all where None. Columns that are not there are left out.
        types: expected types of JSON lines' fields, so that every piece is parsed alike.

    Raises:
        SourceError: the file is missing, damaged, or not of its format.
    """
    path = Path(segment.path)
    try:
        match segment.format:
            case "parquet":
                yield from _parquet(path, segment, columns)
            case "arrow":
                yield from _arrow(path, columns)
            case "jsonl":
                yield from jsonlines.read_lines(path, segment.start, segment.stop, types)
            case "json":
                yield from jsonlines.read_document(path, BATCH_ROWS)
            case "csv" | "tsv":
                yield from delimited.read(path, "," if segment.format == "csv" else "\t", BATCH_ROWS)
            case "embedded":
                yield _embedded(segment.path)
            case other:
                raise SourceError(f"{path} has the unknown format {other!r}; known are {sorted(FORMATS)}.")
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"{path} cannot be read as {segment.format}: {_first_line(error)}. "
            "The file may be cut or damaged; fetch or write it again."
        ) from error


def _parquet(path: Path, segment: Segment, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path, pre_buffer=False) as file:
        stop = segment.stop if segment.stop >= 0 else file.num_row_groups
        wanted = None if columns is None else [c for c in file.schema_arrow.names if c in columns]
        for group in range(segment.start, stop):
            held = file.metadata.row_group(group)
            rows = held.num_rows * BATCH_BYTES // max(1, held.total_byte_size)
            size = max(1, min(BATCH_ROWS, rows))
            yield from file.iter_batches(size, row_groups=[group], columns=wanted, use_threads=False)


def _arrow(path: Path, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(str(path)) as stream, pa.ipc.open_stream(stream) as reader:
        for batch in reader:
            if columns is not None:
                batch = batch.select([c for c in batch.schema.names if c in columns])
            for start in range(0, batch.num_rows, BATCH_ROWS):
                yield batch.slice(start, BATCH_ROWS)


def _embedded(name: str) -> list[RawRow]:
    from hf_qads.embedded import pool

    return [dict(row) for row in pool.rows(name)]


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
