"""Types of a dataset's columns over all its files, and pieces of raw rows as tables of these types."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from hf_qads.repositories.chunks import Chunk, schema_of
from hf_qads.repositories.formats import format_of
from hf_qads.repositories.jsonlines import LARGEST_EXACT
from hf_qads.rows.columns import KNOWN

INTEGER: Final = re.compile(r"-?(0|[1-9]\d{0,17})")
NUMBER: Final = re.compile(r"-?((0|[1-9]\d{0,14})(\.\d*)?|\.\d+)(e[+-]?\d+)?|nan|-?inf", re.IGNORECASE)
UNFIT: Final = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)


def common_types(paths: Sequence[Path], chunks: Callable[[Sequence[Path]], Iterator[Chunk]]) -> pa.Schema:
    """Columns of all files, each with a type that holds all its values exactly; text where none does.

    Cells of CSV are numbers where all of a column are, except in columns that are known to hold text. What
    `datasets` wrote into the files about their columns is kept where it is the same in all.

    Cost: a pass over text formats; parquet and Arrow say their types.
    """
    kinds = {format_of(path) for path in paths}
    found: dict[str, pa.DataType] = {}
    if kinds <= {"parquet", "arrow", None}:
        schemas = [schema_of(path) for path in paths]
        for one in schemas:
            for column in one:
                found[column.name] = _common(found.get(column.name), column.type)
        said = {one.metadata.get(b"huggingface") if one.metadata else None for one in schemas}
        note = {b"huggingface": said.pop()} if len(said) == 1 and None not in said else None
        same = all(
            one.field(name).type == kind
            for one in schemas
            for name, kind in found.items()
            if name in one.names
        )
        return pa.schema(list(found.items()), note if same else None)
    large = set[str]()  # columns with whole numbers that a float cannot hold
    for chunk in chunks(paths):
        for name, column in _columns(chunk, as_cells=kinds <= {"csv", "tsv"}).items():
            found[name] = _common(found.get(name), column.type)
            large |= {name} if _is_large(column) else set()
    unfit = {name for name, kind in found.items() if name in large and pa.types.is_floating(kind)}
    unfit |= {name for name, kind in found.items() if pa.types.is_null(kind)}
    return pa.schema([(name, pa.string() if name in unfit else kind) for name, kind in found.items()])


def to_table(chunk: Chunk, types: pa.Schema) -> pa.Table:
    """A piece of raw rows with the columns of `types`; rows that could not be read are not in it."""
    if isinstance(chunk, pa.RecordBatch):
        columns = [
            _as(chunk.column(one.name), one.type)
            if one.name in chunk.schema.names
            else pa.nulls(chunk.num_rows, one.type)
            for one in types
        ]
        return pa.Table.from_arrays(columns, schema=types)
    rows = [row for row in chunk if isinstance(row, Mapping)]
    columns = [_array([row.get(one.name) for row in rows], one.type) for one in types]
    return pa.Table.from_arrays(columns, schema=types)


def _columns(chunk: Chunk, *, as_cells: bool) -> dict[str, pa.Array]:
    """The columns of a piece of a text format, each in the type that its values have."""
    if isinstance(chunk, pa.RecordBatch):
        return dict(zip(chunk.schema.names, chunk.columns, strict=True))
    rows = [row for row in chunk if isinstance(row, Mapping)]
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: _inferred([row.get(name) for row in rows], as_cells and name not in KNOWN) for name in names
    }


def _inferred(values: Sequence[Any], as_cells: bool) -> pa.Array:
    if as_cells:
        cells = [str(value) for value in values if value]
        for kind, pattern in ((pa.int64(), INTEGER), (pa.float64(), NUMBER)):
            if all(map(pattern.fullmatch, cells)):
                return _array(cells, kind) if cells else pa.nulls(len(values))
    try:
        return pa.array(values)
    except UNFIT:
        return pa.nulls(len(values), pa.string())


def _common(one: pa.DataType | None, other: pa.DataType) -> pa.DataType:
    if one is None or one == other:
        return other
    try:
        both = [pa.schema([("column", kind)]) for kind in (one, other)]
        return pa.unify_schemas(both, promote_options="permissive").field(0).type
    except UNFIT:
        return pa.string()


def _is_large(column: pa.Array) -> bool:
    if not pa.types.is_integer(column.type) or column.null_count == len(column):
        return False
    ends = pc.min_max(column).as_py()
    return bool(max(-ends["min"], ends["max"]) >= LARGEST_EXACT)


def _as(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.type == kind:
        return column
    if not pa.types.is_string(kind) or pa.types.is_large_string(column.type):
        try:
            return column.cast(kind)
        except UNFIT:
            pass
    return _array(column.to_pylist(), kind)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        return pa.array([_text(value) for value in values], kind)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        number = int if pa.types.is_integer(kind) else float
        values = [(number(value) if value else None) if isinstance(value, str) else value for value in values]
    return pa.array(values, kind)


def _text(value: object) -> str | None:
    """Text as it is, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
