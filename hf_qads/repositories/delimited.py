"""CSV and TSV, row by row: every cell is text, and a damaged line costs no other line."""

import csv
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

from hf_qads.errors import SourceError
from hf_qads.repositories.formats import open_bytes

LARGEST_CELL: Final = 64 * 2**20
NOT_CSV: Final = "line that is not CSV"
WRONG_CELLS: Final = "line with more or fewer cells than the header"


def read(path: Path, delimiter: str, rows: int) -> Iterator[list[dict[str, Any] | str]]:
    """Read a delimited file whose first line names the columns, `rows` rows at a time.

    A cell in quotes may hold several lines. Where such lines make no row (a quote is not closed, or closed
    where no cell ends), each of them is read for itself, so that a stray quote costs its own line only.
    Bytes that are not UTF-8 become lone surrogates, which no row may hold, so that such rows are counted.

    Memory: the rows, and the lines of one cell up to `LARGEST_CELL` characters.

    Raises:
        SourceError: there is no header, or it names a column twice.
    """
    csv.field_size_limit(LARGEST_CELL)
    with TextIOWrapper(open_bytes(path), "utf-8-sig", errors="surrogateescape", newline="") as stream:
        found = _rows(path, _Lines(stream), delimiter)
        while chunk := list(islice(found, rows)):
            yield chunk


class _Lines:
    """The lines of a file; `taken` are those of the row under way, and the last of them can be put back."""

    def __init__(self, stream: TextIO) -> None:
        self.taken: list[str] = []
        self._stream = stream
        self._back: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else next(self._stream)
        self.taken.append(line)
        return line

    def put_back(self) -> None:
        self._back.append(self.taken.pop())


def _rows(path: Path, lines: _Lines, delimiter: str) -> Iterator[dict[str, Any] | str]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header = _header(path, reader)
    while True:
        lines.taken.clear()
        try:
            row = _row(reader, header)
        except StopIteration:
            return
        found = [row]
        if isinstance(row, str) and len(lines.taken) > 1:
            lines.put_back()  # its quote may open a cell that goes on
            alone = (csv.reader([line], delimiter=delimiter, strict=True) for line in lines.taken)
            found = [_row(reader, header) for reader in alone]
        yield from filter(None, found)


def _row(reader: Iterator[list[str]], header: list[str]) -> dict[str, Any] | str:
    """The next row, or the reason why there is none; a blank line is an empty row."""
    try:
        cells = next(reader)
    except csv.Error:
        return NOT_CSV
    if cells and len(cells) != len(header):
        return WRONG_CELLS
    return dict(zip(header, cells, strict=False))


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
