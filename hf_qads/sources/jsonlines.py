"""JSON lines by byte range, and JSON documents (a list of rows), in bounded memory."""

import codecs
import json
from collections.abc import Iterator
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.json

from hf_qads.errors import SourceError

BLOCK_BYTES: Final = 8 * 2**20
LONGEST_LINE: Final = 64 * 2**20
LARGEST_OBJECT: Final = 2**30

NOT_JSON: Final = "line that is not JSON"
NOT_UTF8: Final = "line that is not UTF-8"
NOT_A_ROW: Final = "JSON that is not an object"


def read_lines(
    path: Path, start: int = 0, stop: int = -1, types: pa.Schema | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[pa.RecordBatch | list[dict[str, Any] | str]]:
    """Read the lines that begin at bytes `start` to `stop` (exclusive; -1 is the end) of a file.

    Blocks that Arrow can parse come as batches with the fields of `types` (all fields, with inferred types,
    where None). A block with a line that is no JSON, not UTF-8 or of other types comes row by row, with a
    reason in the place of each line that cannot be read. Blank lines are no rows.

    Raises:
        SourceError: a line is longer than `LONGEST_LINE` bytes.
    """
    end = path.stat().st_size if stop < 0 else stop
    with path.open("rb") as stream:
        if start:  # a line that begins before `start` belongs to the stretch before
            stream.seek(start - 1)
            _finish_line(stream, path)
        while (at := stream.tell()) < end:
            block = stream.read(min(block_bytes, end - at))
            if not block.endswith(b"\n"):
                block += _finish_line(stream, path)
            if at == 0:
                block = block.removeprefix(codecs.BOM_UTF8)
            if not block.isspace():
                yield from _parse(block, types)


def read_document(path: Path, rows: int) -> Iterator[pa.RecordBatch | list[dict[str, Any] | str]]:
    """Read a `.json` file: a list of rows (streamed), JSON lines, or one object.

    An object with exactly one list of objects holds its rows there, one whose values are all objects (rows
    by number) holds them so, and any other object is one row. Memory: one object is decoded whole.

    Raises:
        SourceError: the file is cut, not JSON, not UTF-8, or one object of more than `LARGEST_OBJECT` bytes.
    """
    first, lines = _start(path)
    if first == "[":
        yield from _list(path, rows)
    elif lines:
        yield from read_lines(path)
    elif first:
        if (size := path.stat().st_size) > LARGEST_OBJECT:
            raise SourceError(
                f"{path} is one JSON object of {size / 2**30:.1f} GiB, which cannot be read in pieces. "
                "Write its rows as JSON lines or as a list."
            )
        try:
            value = json.loads(path.read_text(encoding="utf-8-sig"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise _damaged(path, error) from error
        yield [row if isinstance(row, dict) else NOT_A_ROW for row in _rows_of(value)]


def _rows_of(value: Any) -> list[Any]:
    if not isinstance(value, dict) or {"messages", "conversations"} & value.keys():
        return [value]
    held = [part for part in value.values() if isinstance(part, list) and part and isinstance(part[0], dict)]
    if len(held) == 1:
        return list(held[0])
    return list(value.values()) if value and all(isinstance(v, dict) for v in value.values()) else [value]


def _finish_line(stream: BufferedReader, path: Path) -> bytes:
    line = stream.readline(LONGEST_LINE)
    if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
        raise SourceError(
            f"{path} has a line longer than {LONGEST_LINE // 2**20} MiB: it is no file of JSON lines. "
            "Write one object per line; a list of rows belongs in a .json file."
        )
    return line


def _parse(block: bytes, types: pa.Schema | None) -> Iterator[pa.RecordBatch | list[dict[str, Any] | str]]:
    try:
        if not block.isascii():
            block.decode("utf-8")
        table = pyarrow.json.read_json(
            pa.BufferReader(block),
            pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            pyarrow.json.ParseOptions(
                explicit_schema=types, unexpected_field_behavior="infer" if types is None else "ignore"
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        yield [_row(line) for line in block.split(b"\n") if line.strip()]
    else:
        yield from table.to_batches()


def _row(line: bytes) -> dict[str, Any] | str:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return NOT_UTF8
    except (json.JSONDecodeError, RecursionError):
        return NOT_JSON
    return value if isinstance(value, dict) else NOT_A_ROW


def _start(path: Path) -> tuple[str, bool]:
    """First character of a JSON file, and whether it holds JSON lines (the first of several is whole)."""
    with path.open("rb") as stream:
        line = b""
        while not line.strip():
            line = stream.readline(LONGEST_LINE).removeprefix(codecs.BOM_UTF8)
            if not line:
                return "", False
        first = line.strip()[:1].decode("utf-8", "replace")
        if first == "[" or (first == "{" and not isinstance(_row(line), dict)):
            return first, False
        return first, any(more.strip() for more in stream)


def _list(path: Path, rows: int) -> Iterator[list[dict[str, Any] | str]]:
    found: list[dict[str, Any] | str] = []
    with TextIOWrapper(path.open("rb"), encoding="utf-8-sig") as stream:
        try:
            for value in _items(path, stream):
                found.append(value if isinstance(value, dict) else NOT_A_ROW)
                if len(found) == rows:
                    yield found
                    found = []
        except UnicodeDecodeError as error:
            raise _damaged(path, error) from error
    if found:
        yield found


def _items(path: Path, stream: TextIOWrapper) -> Iterator[Any]:
    """The items of one JSON list, decoded one by one from a sliding window of text."""
    decode = json.JSONDecoder().raw_decode
    text, at = stream.read(BLOCK_BYTES).lstrip()[1:], 0
    while True:
        at = _skip(text, at)
        if text[at : at + 1] == "]":
            return
        try:
            value, end = decode(text, at)
            after = _skip(text, end)
        except json.JSONDecodeError:
            after = len(text)
        if after == len(text):  # the item, or what separates it from the next, may go on in the next block
            more = stream.read(BLOCK_BYTES)
            if not more or len(text) - at > LONGEST_LINE:
                raise _damaged(
                    path, ValueError("the list is not closed, or holds something that is not JSON")
                )
            text, at = text[at:] + more, 0
            continue
        yield value
        if text[after] == "]":
            return
        if text[after] != ",":
            raise _damaged(path, ValueError(f"{text[after]!r} stands where a comma was expected"))
        at = after + 1


def _skip(text: str, at: int) -> int:
    """First place at or after `at` that is no white space."""
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _damaged(path: Path, error: Exception) -> SourceError:
    return SourceError(f"{path} is cut or not JSON: {error}. Fetch or write it again, as UTF-8.")
