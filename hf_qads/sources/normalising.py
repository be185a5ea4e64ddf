"""Normalise raw rows: rows of the schema with a content key each, and a reason for each row left out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hf_qads import schema
from hf_qads.repositories.chunks import Chunk, RawRow
from hf_qads.rows import columns as pairs
from hf_qads.rows.columns import ColumnMapping, Pair
from hf_qads.sources.filtering import matches, matching, to_mask
from hf_qads.sources.recipe import Recipe

LARGEST_ROW: Final = 16 * 2**20  # bytes of UTF-8: question, answer and history
TOO_LARGE: Final = f"row with more than {LARGEST_ROW // 2**20} MiB of text"
NO_COLUMNS: Final = "no question and answer among its columns"
NO_ROWS: Final = "raw row that holds no pair"
UNREADABLE: Final = "raw row that its reader cannot read"
START: Final = 200  # characters of a left-out question that are listed

LEFT_SCHEMA: Final = pa.schema([("index", pa.int64()), ("reason", pa.string()), ("question", pa.string())])


@dataclass(frozen=True)
class Normalised:
    """One chunk.

    Attributes:
        rows: the rows.
        keys: (n, 3), both halves of each row's content key and the number of its raw row.
        left: what was left out, by `LEFT_SCHEMA`.
        read: raw rows read.
        outside: raw rows that `where` did not ask for.
        columns: what the columns mean, in words.
    """

    rows: pa.Table
    keys: NDArray[np.uint64]
    left: pa.Table
    read: int
    outside: int
    columns: str = ""


def normalise(chunk: Chunk, recipe: Recipe, first: int = 0) -> Normalised:
    """Turn raw rows into rows of `schema.ROW_SCHEMA`.

    Args:
        chunk: the raw rows.
        recipe: how they are read.
        first: number of the chunk's first raw row, for the list of what was left out.
    """
    mapping = recipe.mapping(_names(chunk))
    if isinstance(chunk, pa.RecordBatch):
        index = np.arange(first, first + chunk.num_rows)
        if recipe.where:
            keep = matching(chunk, recipe.where)
            chunk, index = chunk.filter(to_mask(keep)), index[keep]
        outside = len(keep) - len(index) if recipe.where else 0
        read = len(index) + outside
        mapping = _held(chunk, mapping)
        if mapping is not None and _is_columnar(chunk, mapping):
            return _by_column(chunk, recipe, mapping, index, read, outside)
        raws: list[RawRow] = _decoded(chunk)
    else:
        kept = [
            (i, raw)
            for i, raw in enumerate(chunk, first)
            if isinstance(raw, str) or matches(raw, recipe.where)
        ]
        index = np.array([i for i, _ in kept], dtype=np.int64)
        raws, read, outside = [raw for _, raw in kept], len(chunk), len(chunk) - len(kept)
    return _by_row(raws, recipe, mapping, index, read, outside)


def _names(chunk: Chunk) -> list[str]:
    if isinstance(chunk, pa.RecordBatch):
        return list(chunk.schema.names)
    return list(dict.fromkeys(name for raw in chunk if isinstance(raw, dict) for name in raw))


def _held(batch: pa.RecordBatch, mapping: ColumnMapping | None) -> ColumnMapping | None:
    """The mapping without those of its alternatives that no row of the batch has."""
    fitting: list[ColumnMapping] = []
    one = mapping
    while one is not None:
        if any(_holds(batch, name) for name in (one.question, one.answer, one.messages) if name):
            fitting.append(one)
        one = one.otherwise
    held: ColumnMapping | None = None
    while fitting:
        held = replace(fitting.pop(), otherwise=held)
    return held or mapping


def _by_row(
    raws: Sequence[RawRow],
    recipe: Recipe,
    mapping: ColumnMapping | None,
    index: NDArray[np.int64],
    read: int,
    outside: int,
) -> Normalised:
    found: list[Pair] = []
    numbers: list[int] = []
    left: list[tuple[int, str, str | None]] = []
    for i, raw in zip(index.tolist(), raws, strict=True):
        for result in _results(raw, recipe, mapping):
            if not isinstance(result, str) and _is_too_large(result):
                result = TOO_LARGE
            if isinstance(result, str):
                left.append((i, result, _start_of(raw, mapping)))
            else:
                found.append(result)
                numbers.append(i)
    keys = [schema.content_key(pair.question, pair.answer, pair.history) for pair in found]
    table = _table(
        recipe,
        keys=b"".join(keys),
        question=pa.array([pair.question for pair in found], pa.string()),
        answer=pa.array([pair.answer for pair in found], pa.string()),
        history=pa.array([pair.history for pair in found], schema.ROW_SCHEMA.field(schema.HISTORY).type),
        final=pa.array([pair.final_answer for pair in found], pa.string()),
    )
    listed = {name: [row[k] for row in left] for k, name in enumerate(LEFT_SCHEMA.names)}
    return Normalised(
        table,
        _as_numbers(b"".join(keys), np.array(numbers, np.int64)),
        pa.table(listed, LEFT_SCHEMA),
        read,
        outside,
        mapping.name if mapping else "",
    )


def _results(raw: RawRow, recipe: Recipe, mapping: ColumnMapping | None) -> Iterable[Pair | str]:
    if isinstance(raw, str):
        return [raw]
    if recipe.to_rows is None:
        return [pairs.pair_or_reason(raw, mapping) if mapping else NO_COLUMNS]
    try:
        return [pairs.check(pair) or pair for pair in recipe.to_rows(raw)] or [NO_ROWS]
    except pairs.RowError as error:
        return [str(error)]
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # the row is unlike any it knows
        return [f"{UNREADABLE} ({type(error).__name__})"]


def _is_too_large(pair: Pair) -> bool:
    """Whether all texts together take more than `LARGEST_ROW` bytes of UTF-8."""
    texts = [pair.question, pair.answer, *(turn["content"] for turn in pair.history or ())]
    if 4 * sum(map(len, texts)) <= LARGEST_ROW:  # a character is four bytes at most
        return False
    return sum(len(text.encode()) for text in texts) > LARGEST_ROW


def _start_of(raw: RawRow, mapping: ColumnMapping | None) -> str | None:
    """The first characters of what stands where the question is expected, if it is text."""
    value: object = None
    if not isinstance(raw, str):
        try:
            value = pairs.question_of(raw, pairs.fitting(raw, mapping or ColumnMapping(question="question")))
        except pairs.RowError:
            value = None
    return value[:START].encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _decoded(batch: pa.RecordBatch) -> list[RawRow]:
    try:
        rows: list[RawRow] = batch.to_pylist()
    except UnicodeDecodeError:
        rows = []
        for i in range(batch.num_rows):
            try:
                rows += batch.slice(i, 1).to_pylist()
            except UnicodeDecodeError:
                rows.append(pairs.NOT_UNICODE)
    return rows


def _is_columnar(batch: pa.RecordBatch, mapping: ColumnMapping) -> bool:
    """Whether whole columns can be handled at once: text columns, valid Unicode, no turns, one meaning."""
    if mapping.messages or (mapping.history and _holds(batch, mapping.history)):
        return False
    if mapping.system and _says(batch, mapping.system):
        return False
    if mapping.otherwise and pc.any(_lacking(batch, mapping)).as_py():
        return False
    final = mapping.final_answer
    final = final if final and _holds(batch, final) else None
    for column in filter(None, (*mapping.texts, final)):
        if column not in batch.schema.names or not _is_text(batch.column(column).type):
            return False
        try:
            batch.column(column).validate(full=True)
        except pa.ArrowInvalid:
            return False
    return True


def _holds(batch: pa.RecordBatch, column: str) -> bool:
    return column in batch.schema.names and batch.column(column).null_count < batch.num_rows


def _says(batch: pa.RecordBatch, column: str) -> bool:
    """Whether a column holds anything but null and blank text."""
    if not _holds(batch, column):
        return False
    cells = batch.column(column)
    return not _is_text(cells.type) or not pc.all(pc.fill_null(_blank(cells), True)).as_py()


def _lacking(batch: pa.RecordBatch, mapping: ColumnMapping) -> pa.Array:
    return pc.and_(pc.is_null(batch.column(mapping.question)), pc.is_null(batch.column(mapping.answer)))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _by_column(
    batch: pa.RecordBatch,
    recipe: Recipe,
    mapping: ColumnMapping,
    index: NDArray[np.int64],
    read: int,
    outside: int,
) -> Normalised:
    question = _joined(batch, mapping)
    answer = batch.column(mapping.answer).cast(pa.string())
    final = pa.nulls(len(index), pa.string())
    if mapping.final_answer and _holds(batch, mapping.final_answer):
        final = pc.utf8_trim_whitespace(batch.column(mapping.final_answer).cast(pa.string()))
        final = pc.if_else(pc.equal(final, ""), None, final)
    size = pc.add(_bytes(question), _bytes(answer))
    tests = {
        "missing question": pc.is_null(question),
        "blank question": _blank(question),
        "missing answer": pc.is_null(answer),
        "blank answer": _blank(answer),
        pairs.NUL: pc.or_(_with_nul(question), _with_nul(answer)),
        TOO_LARGE: pc.greater(size, LARGEST_ROW),
    }
    usable = np.ones(len(index), dtype=bool)
    reasons = np.empty(len(index), dtype=object)
    for reason, test in tests.items():
        hit = _mask(test) & usable
        reasons[hit] = reason
        usable &= ~hit
    left = LEFT_SCHEMA.empty_table()
    if not usable.all():
        starts = pc.utf8_slice_codeunits(question.filter(to_mask(~usable)), 0, START)
        why = pa.array(reasons[~usable].tolist(), pa.string())
        left = pa.table([pa.array(index[~usable].tolist(), pa.int64()), why, starts], schema=LEFT_SCHEMA)
        kept = to_mask(usable)
        question, answer, final = question.filter(kept), answer.filter(kept), final.filter(kept)
    keys = _keys(question, answer)
    return Normalised(
        _table(recipe, keys=keys, question=question, answer=answer, history=None, final=final),
        _as_numbers(keys, index[usable]),
        left,
        read,
        outside,
        mapping.name,
    )


def _joined(batch: pa.RecordBatch, mapping: ColumnMapping) -> pa.Array:
    question = batch.column(mapping.question).cast(pa.string())
    if mapping.input is None:
        return question
    more = batch.column(mapping.input).cast(pa.string())
    empty = pc.or_(pc.is_null(more), pc.fill_null(_blank(more), True))
    alone = pc.or_(pc.is_null(question), pc.fill_null(_blank(question), True))
    both = pc.binary_join_element_wise(question, more, pairs.INPUT_SEPARATOR)
    return pc.if_else(empty, question, pc.if_else(alone, more, both))


def _bytes(text: pa.Array) -> pa.Array:
    return pc.fill_null(pc.binary_length(text), 0)


def _blank(text: pa.Array) -> pa.Array:
    return pc.or_(pc.equal(pc.binary_length(text), 0), pc.utf8_is_space(text))


def _with_nul(text: pa.Array) -> pa.Array:
    _, starts, data = text.buffers()
    if data is not None:
        first, last = np.frombuffer(starts, np.int32)[[text.offset, text.offset + len(text)]]
        if data.slice(first, last - first).to_pybytes().find(0) >= 0:  # far faster than a look at each row
            return pc.fill_null(pc.match_substring(text, "\0"), False)
    return to_mask(np.zeros(len(text), bool))


def _mask(test: pa.Array) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = pc.fill_null(test, False).to_numpy(zero_copy_only=False)
    return mask


def _keys(question: pa.Array, answer: pa.Array) -> bytes:
    """The content keys of all rows, one after the other; each as `schema.content_key` makes it.

    The digest's input (length and text of both) is put together for all rows at once, which halves the time;
    a copy of an empty digest is made sooner than a new one.
    """
    parts = [part for text in (question, answer) for part in (_lengths(text), text.cast(pa.binary()))]
    joined = pc.binary_join_element_wise(*parts, b"")
    ends = np.frombuffer(joined.buffers()[1], np.int32, len(joined) + 1).tolist()
    text = memoryview(joined.buffers()[2] or b"")
    empty, keys = blake2b(digest_size=16), []
    for i, j in pairwise(ends):
        digest = empty.copy()
        digest.update(text[i:j])
        keys.append(digest.digest())
    return b"".join(keys)


def _lengths(text: pa.Array) -> pa.Array:
    """Each text's length in bytes, as 8 bytes, the lowest first."""
    lengths = pc.binary_length(text).to_numpy().astype("<i8")
    return pa.Array.from_buffers(pa.binary(8), len(text), [None, pa.py_buffer(lengths)]).cast(pa.binary())


def _as_numbers(keys: bytes, index: NDArray[np.int64]) -> NDArray[np.uint64]:
    halves = np.frombuffer(keys, dtype=">u8").astype(np.uint64).reshape(-1, 2)
    return np.column_stack([halves, index.astype(np.uint64)])


def _table(
    recipe: Recipe,
    *,
    keys: bytes,
    question: pa.Array,
    answer: pa.Array,
    history: pa.Array | None,
    final: pa.Array,
) -> pa.Table:
    n = len(question)
    starts = np.arange(n + 1, dtype=np.int32) * 32
    digits = pa.StringArray.from_buffers(n, pa.py_buffer(starts), pa.py_buffer(keys.hex().encode()))
    columns = {
        schema.ROW_ID: pc.binary_join_element_wise(f"{recipe.source}-", digits, ""),
        schema.QUESTION: question,
        schema.ANSWER: answer,
        schema.HISTORY: pa.nulls(n, schema.ROW_SCHEMA.field(schema.HISTORY).type)
        if history is None
        else history,
        schema.SOURCE: pa.repeat(pa.scalar(recipe.source, pa.string()), n),
        schema.KIND: pa.repeat(pa.scalar(recipe.kind, pa.string()), n),
        schema.FINAL_ANSWER: final,
        schema.ALSO_IN: pa.nulls(n, schema.ROW_SCHEMA.field(schema.ALSO_IN).type),
    }
    return pa.table(columns, schema.ROW_SCHEMA)
