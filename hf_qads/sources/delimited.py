"""CSV and TSV, row by row: every cell is text, and a damaged line is one row lost."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hf_qads.errors import SourceError

LARGEST_CELL: Final = 64 * 2**20
NOT_CSV: Final = "line that is not CSV"
WRONG_CELLS: Final = "line with more or fewer cells than the header"


def read(path: Path, delimiter: str, rows: int) -> Iterator[list[dict[str, Any] | str]]:
    """Read a delimited file whose first line names the columns, `rows` rows at a time.

    Bytes that are not UTF-8 become lone surrogates, which no row may hold, so that such rows are counted.

    Raises:
        SourceError: there is no header, or it names a column twice.
    """
    csv.field_size_limit(LARGEST_CELL)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        header = _header(path, reader)
        found: list[dict[str, Any] | str] = []
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error:
                found.append(NOT_CSV)
            else:
                if cells:
                    ok = len(cells) == len(header)
                    found.append(dict(zip(header, cells, strict=True)) if ok else WRONG_CELLS)
            if len(found) == rows:
                yield found
                found = []
    if found:
        yield found


def _header(path: Path, reader: Iterator[list[str]]) -> list[str]:
    try:
        header = next(reader, [])
    except csv.Error as error:
        raise SourceError(
            f"{path} has no readable header: {error}. Its first line must name the columns."
        ) from error
    if len(set(header)) < len(header):
        raise SourceError(f"{path} names a column twice in its header: {header}. Rename one.")
    return header
