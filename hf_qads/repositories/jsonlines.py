"""JSON lines by byte range, and JSON documents (a list of rows), in bounded memory."""

import codecs
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from hf_qads.errors import SourceError
from hf_qads.repositories.formats import is_compressed, open_bytes

BLOCK_BYTES: Final = 8 * 2**20
LONGEST_LINE: Final = 64 * 2**20
LARGEST_OBJECT: Final = 2**30
LARGEST_EXACT: Final = 2**53  # from here on, a float may stand for another whole number than was written

NOT_JSON: Final = "line that is not JSON"
NOT_UTF8: Final = "line that is not UTF-8"
NOT_A_ROW: Final = "JSON that is not an object"


def read_lines(
    path: Path,
    start: int = 0,
    stop: int = -1,
    types: pa.Schema | None = None,
    watched: Collection[str] = (),
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch | list[dict[str, Any] | str]]:
    """Read the lines that begin at bytes `start` to `stop` (exclusive; -1 is the end) of a file.

    Blocks that Arrow can parse come as batches with the fields of `types`; with all fields, of inferred
    types, where `types` is None or a field of `watched` that it lacks is in the block. Text stays text, also
    where it looks like a date. A block with a line that is no JSON, not UTF-8 or of other types, or with a
    number that Arrow would round, comes row by row, with a reason in the place of each line that cannot be
    read. Blank lines are no rows.

    Args:
        path: the file. A compressed one is read from its start.
        start: first byte.
        stop: end, exclusive.
        types: expected fields.
        watched: names of fields, at any depth, that must not be missed.
        block_bytes: bytes read at once, and as far as their last line goes.

    Raises:
        SourceError: a line is longer than `LONGEST_LINE` bytes.
    """
    unseen = sorted(set(watched) - _names(types)) if types is not None else []
    at = 0
    with open_bytes(path) as stream:
        if start:  # a line that begins before `start` belongs to the stretch before
            stream.seek(start - 1)
            at = start - 1 + len(_finish_line(stream, path))
        end = None if is_compressed(path) else path.stat().st_size if stop < 0 else stop
        while end is None or at < end:
            block = stream.read(block_bytes if end is None else min(block_bytes, end - at))
            if not block:
                return
            if not block.endswith(b"\n"):
                block += _finish_line(stream, path)
            first, at = at == 0, at + len(block)
            if first:
                block = block.removeprefix(codecs.BOM_UTF8)
            if not block.isspace():
                yield from _parse(block, None if _has_field(block, unseen) else types)


def read_document(path: Path, rows: int) -> Iterator[pa.RecordBatch | list[dict[str, Any] | str]]:
    """Read a `.json` file: a list of rows (streamed), JSON lines, or one object.

    An object with exactly one list of objects holds its rows there. One of equally long lists holds columns,
    as does one of objects whose keys are numbers (as pandas writes it); one whose values are all objects
    holds rows by number, and any other object is one row. Memory: one object is decoded whole.

    Raises:
        SourceError: the file is cut, not JSON, not UTF-8, or one object of more than `LARGEST_OBJECT` bytes.
    """
    first, lines = _start(path)
    if first == "[":
        yield from _list(path, rows)
    elif lines:
        yield from read_lines(path)
    elif first:
        with open_bytes(path) as stream:
            text = stream.read(LARGEST_OBJECT + 1)
        if len(text) > LARGEST_OBJECT:
            raise SourceError(
                f"{path} is one JSON object of more than {LARGEST_OBJECT / 2**30:.0f} GiB, which cannot be "
                "read in pieces. Write its rows as JSON lines or as a list."
            )
        try:
            value = json.loads(text.decode("utf-8-sig"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise _damaged(path, error) from error
        yield [row if isinstance(row, dict) else NOT_A_ROW for row in _rows_of(value)]


def _rows_of(value: Any) -> list[Any]:
    if not isinstance(value, dict) or not value:
        return [value]
    parts = list(value.values())
    if all(isinstance(part, dict) for part in parts):
        return _by_column(value) if _is_by_column(value) else parts
    if {"columns", "data"} <= value.keys() and _is_split(value["columns"], value["data"]):
        return [dict(zip(value["columns"], cells, strict=True)) for cells in value["data"]]
    if all(isinstance(part, list) for part in parts) and len({len(part) for part in parts}) == 1:
        if not all(
            isinstance(item, dict) for part in parts for item in part
        ):  # such a part is a conversation
            return [dict(zip(value, cells, strict=True)) for cells in zip(*parts, strict=True)]
    if {"messages", "conversations"} & value.keys():
        return [value]
    held = [part for part in parts if isinstance(part, list) and part and isinstance(part[0], dict)]
    return list(held[0]) if len(held) == 1 else [value]


def _is_by_column(value: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether an object of objects holds columns, each with its cells by number: what pandas writes."""
    first, *others = (list(part) for part in value.values())
    numbered = bool(first) and all(key.isdecimal() for key in first)
    return numbered and all(other == first for other in others) and not all(map(str.isdecimal, value))


def _by_column(value: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    rows = list(next(iter(value.values())))
    return [{name: cells[row] for name, cells in value.items()} for row in rows]


def _is_split(columns: object, data: object) -> bool:
    """Whether these are names and rows of cells, the form that pandas calls `split`."""
    return (
        isinstance(columns, list)
        and isinstance(data, list)
        and all(isinstance(name, str) for name in columns)
        and all(isinstance(cells, list) and len(cells) == len(columns) for cells in data)
    )


def _finish_line(stream: BufferedReader, path: Path) -> bytes:
    line = stream.readline(LONGEST_LINE)
    if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
        raise SourceError(
            f"{path} has a line longer than {LONGEST_LINE // 2**20} MiB: it is no file of JSON lines. "
            "Write one object per line; a list of rows belongs in a .json file."
        )
    return line


def _has_field(block: bytes, names: Sequence[str]) -> bool:
    """Whether one of some fields is in a block; RE2 looks for all at once, in a tenth of a parser's time."""
    if not names:
        return False
    field = rf'"(?:{"|".join(map(re.escape, names))})"\s*:'
    return bool(pc.match_substring_regex(pa.array([block], pa.large_binary()), field)[0].as_py())


def _parse(block: bytes, types: pa.Schema | None) -> Iterator[pa.RecordBatch | list[dict[str, Any] | str]]:
    try:
        if not block.isascii():
            block.decode("utf-8")
        table = _table(block, types)
        if types is None and not (texts := without_dates(table.schema)).equals(table.schema):
            table = _table(block, texts)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        exact = False
    else:
        exact = not any(_may_be_rounded(column) for column in table.columns)
    if exact:
        yield from table.to_batches()
    else:
        yield [_row(line) for line in block.split(b"\n") if line.strip()]


def _table(block: bytes, types: pa.Schema | None) -> pa.Table:
    return pyarrow.json.read_json(
        pa.BufferReader(block),
        pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
        pyarrow.json.ParseOptions(
            explicit_schema=types, unexpected_field_behavior="infer" if types is None else "ignore"
        ),
    )


def _may_be_rounded(column: pa.ChunkedArray) -> bool:
    if not pa.types.is_floating(column.type) or column.null_count == len(column):
        return False
    return float(pc.max(pc.abs(column)).as_py()) >= LARGEST_EXACT


def without_dates(fields: pa.Schema) -> pa.Schema:
    """The same fields, with text in the place of dates and times at any depth."""
    return pa.schema([field.with_type(_without_dates(field.type)) for field in fields])


def _without_dates(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_without_dates(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_without_dates(field.type)) for field in kind])
    return kind


def _names(fields: pa.Schema | pa.DataType | None) -> set[str]:
    """The names of fields at any depth."""
    if isinstance(fields, pa.Schema | pa.StructType):
        return {field.name for field in fields}.union(*(_names(field.type) for field in fields))
    return _names(fields.value_type) if isinstance(fields, pa.ListType) else set()


def _row(line: bytes) -> dict[str, Any] | str:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return NOT_UTF8
    except (ValueError, RecursionError):
        return NOT_JSON
    return value if isinstance(value, dict) else NOT_A_ROW


def _start(path: Path) -> tuple[str, bool]:
    """First character of a JSON file, and whether it holds JSON lines (the first of several is whole)."""
    with open_bytes(path) as stream:
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
    with TextIOWrapper(open_bytes(path), encoding="utf-8-sig") as stream:
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
