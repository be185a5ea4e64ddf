"""Units of work: a source's files cut into stretches of about 64 MiB, small files together, in order."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads.errors import SourceError
from hf_qads.repositories.chunks import Chunk, Segment, chunks
from hf_qads.repositories.formats import format_of, is_compressed

UNIT_BYTES: Final = 64 * 2**20  # bytes of one unit of work: what a kill loses at most
UNIT_ROWS: Final = 200_000
EMBEDDED: Final = "embedded"  # the format of a pool inside the package

Unit = tuple[Segment, ...]


def cut(files: Sequence[Path]) -> list[Unit]:
    """Cut files into units of about `UNIT_BYTES` or `UNIT_ROWS`, small files together, in order.

    Raises:
        SourceError: a parquet file has no readable footer.
    """
    units: list[Unit] = []
    gathered: list[Segment] = []
    for path in files:
        for segment in _segments(path):
            if gathered and sum(s.size for s in gathered) + segment.size > UNIT_BYTES:
                units.append(tuple(gathered))
                gathered = []
            gathered.append(segment)
    return [*units, tuple(gathered)] if gathered else units


def raw_rows(
    segment: Segment,
    columns: Sequence[str] | None = None,
    types: pa.Schema | None = None,
    fields: Collection[str] = (),
) -> Iterator[Chunk]:
    """The raw rows of a stretch of a file, or of a pool inside the package; see `chunks`."""
    if segment.format != EMBEDDED:
        yield from chunks(segment, columns, types, fields)
        return
    from hf_qads.embedded import pool

    yield [dict(row) for row in pool.rows(segment.path)]


def _segments(path: Path) -> list[Segment]:
    kind, size = format_of(path) or "arrow", path.stat().st_size
    if kind == "jsonl" and size > UNIT_BYTES and not is_compressed(path):
        pieces = -(-size // UNIT_BYTES)
        edges = [size * i // pieces for i in range(pieces + 1)]
        return [Segment(str(path), kind, a, b, b - a) for a, b in pairwise(edges)]
    if kind == "parquet":
        return _row_groups(path, size)
    return [Segment(str(path), kind, size=size)]


def _row_groups(path: Path, size: int) -> list[Segment]:
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"{path} is not a whole parquet file ({str(error).splitlines()[0]}). Fetch or write it again."
        ) from error
    rows = max(1, metadata.num_rows)
    segments, start, held = [], 0, 0
    for group in range(metadata.num_row_groups):
        held += metadata.row_group(group).num_rows
        if held >= UNIT_ROWS or held * size // rows >= UNIT_BYTES or group == metadata.num_row_groups - 1:
            segments.append(Segment(str(path), "parquet", start, group + 1, held * size // rows))
            start, held = group + 1, 0
    return segments
