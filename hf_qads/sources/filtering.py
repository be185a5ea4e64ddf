"""The `where` of a source: keep the rows whose column holds a value, or one of several."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def matches(raw: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether one raw row passes. A text cell passes for a value that is written so (`"false"` for False)."""
    return all(_equal(raw.get(column), _wanted(value)) for column, value in where.items())


def matching(batch: pa.RecordBatch, where: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Mask (n,) of the rows of a batch that pass; a column that is not there is null in every row."""
    mask = np.ones(batch.num_rows, dtype=bool)
    for column, value in where.items():
        wanted = _wanted(value)
        if column not in batch.schema.names:
            mask &= None in wanted
            continue
        cells = batch.column(column)
        if not cells.type.id == pa.string().id and not cells.type.id == pa.bool_().id:
            mask &= np.fromiter((_equal(cell, wanted) for cell in cells.to_pylist()), bool, batch.num_rows)
            continue
        hits = [pc.is_null(cells)] if None in wanted else []
        for cell in (v for v in wanted if v is not None):
            if pa.types.is_boolean(cells.type):
                hits += [pc.equal(cells, cell)] if isinstance(cell, bool) else []
            elif isinstance(cell, str):
                hits.append(pc.equal(cells, cell))
            else:
                hits.append(pc.equal(pc.utf8_lower(cells), str(cell).lower()))
        for_column = np.zeros(batch.num_rows, dtype=bool)
        for hit in hits:
            for_column |= pc.fill_null(hit, False).to_numpy(zero_copy_only=False)
        mask &= for_column
    return mask


def to_mask(mask: NDArray[np.bool_]) -> pa.Array:
    """A mask (n,) for Arrow's `filter`; `pa.array` would first import pandas."""
    bits = np.packbits(mask, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(mask), [None, pa.py_buffer(bits)])


def _wanted(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple | set) else [value]


def _equal(cell: Any, wanted: list[Any]) -> bool:
    for value in wanted:
        if cell is None or value is None:
            if cell is value:
                return True
        elif isinstance(cell, bool) is isinstance(value, bool) and cell == value:
            return True
        elif isinstance(cell, str) and not isinstance(value, str) and cell.lower() == str(value).lower():
            return True
    return False
