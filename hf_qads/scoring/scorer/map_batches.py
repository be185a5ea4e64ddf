"""Batches of `Dataset.map` and Ray Data as rows, and scores in the form in which the rows came."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hf_qads.errors import SourceError
from hf_qads.rows.columns import ColumnMapping, recognise


class Reasons(list[str | None]):
    """Reasons of a batch. Arrow reads them as strings, also where all are None.

    `datasets` fixes a column's type by the first batch: one that holds only None would make every later
    reason an error.
    """

    def __arrow_array__(self, type: Any = None) -> Any:
        return pa.array(list(self), type or pa.string())


def rows_of(given: Any) -> tuple[list[dict[str, Any]], bool]:
    """The rows of a mapping of columns, and whether it is a batch; a mapping of values is one row.

    An Arrow table and a pandas frame, which `map` hands over after `with_format`, are batches.

    Raises:
        SourceError: there is no known pair of columns, or it is nothing that holds columns.
    """
    if not isinstance(given, Mapping):
        table = _as_table(given)
        mapping = recognise(table.column_names)
        return table.select(_named(mapping)).to_pylist(), True
    mapping = recognise(given)
    columns = {name: _plain(given[name]) for name in _named(mapping)}
    if not _is_batch(columns, mapping, given):
        return [columns], False
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)], True


def answer(given: Any, batch: bool, columns: Mapping[str, NDArray[np.float32] | Sequence[str | None]]) -> Any:
    """New columns, of numbers or of texts such as reasons, in the form that fits what was given.

    A plain dict of numpy arrays is what Ray Data gives and wants back, and `map` after
    `with_format("numpy")`, its other columns included; so are tables and frames.
    """
    made = {
        name: values if isinstance(values, np.ndarray) else Reasons(values)
        for name, values in columns.items()
    }
    if not isinstance(given, Mapping):
        return _beside(given, {name: pa.array(values) for name, values in made.items()})
    if batch:
        if type(given) is dict and given and all(isinstance(v, np.ndarray) for v in given.values()):
            return {**given, **made}
        return made
    # `Dataset.map` hands over its own mapping, and takes a typed null for what else would be an untyped one.
    typed = not isinstance(given, dict)
    return {
        name: pa.scalar(values[0], pa.string()) if typed and isinstance(values, Reasons) else values[0]
        for name, values in made.items()
    }


def _beside(given: Any, made: Mapping[str, pa.Array]) -> Any:
    """A table or frame with new columns, in the place of any of the same names."""
    if isinstance(given, pa.Table):
        kept = given.select([name for name in given.column_names if name not in made])
        for name, column in made.items():
            kept = kept.append_column(name, column)
        return kept
    import pandas

    as_arrow = pandas.arrays.ArrowExtensionArray  # tells NaN from null, and has a type also without values
    return given.assign(**{name: as_arrow(column) for name, column in made.items()})


def _as_table(given: Any) -> pa.Table:
    if isinstance(given, pa.Table):
        return given
    import pandas

    if isinstance(given, pandas.DataFrame):
        return pa.Table.from_pandas(given, preserve_index=False)
    raise SourceError(
        f"rows are given as {type(given).__name__}. Give a mapping of columns, an Arrow table or a pandas "
        "frame: map after with_format(None), for example."
    )


def _named(mapping: ColumnMapping) -> list[str]:
    return [name for name in mapping.columns if name != mapping.final_answer]


def _plain(value: Any) -> Any:
    """Arrays as lists, all the way down."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) if isinstance(item, np.ndarray | list | tuple) else item for item in value]
    return value


def _is_batch(columns: Mapping[str, Any], mapping: ColumnMapping, given: Mapping[str, Any]) -> bool:
    value = columns[mapping.messages or mapping.question or ""]
    if not isinstance(value, list):
        return False
    if not value:  # no rows, or one row whose conversation is empty
        return all(_empty(column) for column in given.values())
    first = next((item for item in value if item is not None), None)
    if not isinstance(first, Mapping):
        return True
    # One row's turns are mappings of text; the rows of older versions of datasets are mappings of lists.
    return any(isinstance(part, Sequence) and not isinstance(part, str) for part in first.values())


def _empty(column: Any) -> bool:
    return isinstance(column, list | tuple | np.ndarray) and len(column) == 0
