"""Raw rows of a file in pieces: Arrow batches where a format has columns, else lists of dicts."""

import lzma
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads.errors import SourceError
from hf_qads.repositories import delimited, jsonlines
from hf_qads.repositories.formats import FORMATS, format_of, open_bytes

BATCH_ROWS: Final = 8192
BATCH_BYTES: Final = 64 * 2**20
ARROW_FILE: Final = b"ARROW1"  # begins an Arrow file; a stream of Arrow has no such mark

RawRow = dict[str, Any] | str  # a string is the reason why the row cannot be read
Chunk: TypeAlias = pa.RecordBatch | list[RawRow]


@dataclass(frozen=True)
class Segment:
    """A stretch of one file.

    Attributes:
        path: the file.
        format: one of the values of `FORMATS`.
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
    segment: Segment,
    columns: Sequence[str] | None = None,
    types: pa.Schema | None = None,
    fields: Collection[str] = (),
) -> Iterator[Chunk]:
    """Read a segment piece by piece.

    Args:
        segment: what to read.
        columns: the columns wanted; all where None. Columns that are not there are left out.
        types: expected types of JSON lines' fields, so that every piece is parsed alike.
        fields: names that matter within the columns, such as `role`. A piece of JSON lines with one of these
            or of `columns` that `types` lacks comes with all its fields.

    Raises:
        SourceError: the file is missing, damaged, or not of its format.
    """
    path = Path(segment.path)
    with _readable(path, segment.format):
        match segment.format:
            case "parquet":
                yield from _parquet(path, segment, columns)
            case "arrow":
                yield from _arrow(path, columns)
            case "jsonl":
                watched = [*(columns or ()), *fields]
                yield from jsonlines.read_lines(path, segment.start, segment.stop, types, watched)
            case "json":
                yield from jsonlines.read_document(path, BATCH_ROWS)
            case "csv" | "tsv":
                yield from delimited.read(path, "," if segment.format == "csv" else "\t", BATCH_ROWS)
            case other:
                raise SourceError(f"{path} has the unknown format {other!r}; known are {sorted(FORMATS)}.")


def schema_of(path: Path) -> pa.Schema:
    """The columns of a parquet or Arrow file.

    Raises:
        SourceError: the file is missing, damaged, or not of its format.
    """
    if format_of(path) == "parquet":
        with _readable(path, "parquet"):
            return pq.read_schema(path)
    with _readable(path, "arrow"), _opened(path) as reader:
        return reader.schema


def count_rows(path: Path) -> int:
    """How many raw rows a file holds. Cost: parquet's footer, or a pass over the file.

    Raises:
        SourceError: the file cannot be read.
    """
    kind = format_of(path) or "arrow"
    if kind == "parquet":
        with _readable(path, kind):
            return int(pq.read_metadata(path).num_rows)
    if kind == "jsonl":
        with _readable(path, kind), open_bytes(path) as stream:
            return sum(1 for line in stream if not line.isspace())
    return sum(len(chunk) for chunk in chunks(Segment(str(path), kind)))


def _parquet(path: Path, segment: Segment, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path, pre_buffer=False) as file:
        stop = segment.stop if segment.stop >= 0 else file.num_row_groups
        there = file.schema_arrow.names
        wanted = None if columns is None else [c for c in there if c in columns] or there[:1]
        for group in range(segment.start, stop):
            held = file.metadata.row_group(group)
            rows = held.num_rows * BATCH_BYTES // max(1, held.total_byte_size)
            size = max(1, min(BATCH_ROWS, rows))
            yield from file.iter_batches(size, row_groups=[group], columns=wanted, use_threads=False)


def _arrow(path: Path, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    with _opened(path) as reader:
        is_file = isinstance(reader, pa.ipc.RecordBatchFileReader)
        for batch in map(reader.get_batch, range(reader.num_record_batches)) if is_file else reader:
            if columns is not None:
                there = batch.schema.names
                batch = batch.select([c for c in there if c in columns] or there[:1])
            for start in range(0, batch.num_rows, BATCH_ROWS):
                yield batch.slice(start, BATCH_ROWS)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A reader of Arrow's batches, of either of its forms."""
    with pa.memory_map(str(path)) as stream:
        is_file = stream.read(len(ARROW_FILE)) == ARROW_FILE
        stream.seek(0)
        yield pa.ipc.open_file(stream) if is_file else pa.ipc.open_stream(stream)


@contextmanager
def _readable(path: Path, form: str) -> Iterator[None]:
    """Say of a file that it cannot be read, whichever library finds it out."""
    try:
        yield
    except (pa.ArrowException, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise SourceError(
            f"{path} cannot be read as {form}: {_first_line(error)}. "
            "The file may be cut or damaged; fetch or write it again."
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
