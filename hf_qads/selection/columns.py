"""Scores, vectors and numeric columns of a `datasets.Dataset` for selection."""

from collections.abc import Sized
from typing import Any

import numpy as np
import pyarrow as pa

from hf_qads.errors import SelectionError
from hf_qads.schema import EMBEDDING
from hf_qads.selection.pool import Floats, Rows


def numeric_columns(dataset: Sized) -> dict[str, Floats]:
    """The numeric columns of a `datasets.Dataset`, NaN where null; nothing for any other dataset."""
    from datasets import Dataset, Value

    if not isinstance(dataset, Dataset):
        return {}
    return {
        name: np.asarray(_column(dataset, name).to_numpy(zero_copy_only=False), dtype=np.float64)
        for name, feature in dataset.features.items()
        if isinstance(feature, Value) and feature.dtype.startswith(("int", "uint", "float"))
    }


def vectors_of(dataset: Sized, name: str = EMBEDDING) -> Any:
    """The vectors (n, d) of a `datasets.Dataset` in the column `name`, or None where it brings none.

    Raises:
        SelectionError: a row has none, or they differ in length.
    """
    from datasets import Dataset

    if not isinstance(dataset, Dataset) or name not in dataset.column_names:
        return None
    column = _column(dataset, name)
    fixed = pa.types.is_fixed_size_list(column.type)
    if not fixed and not pa.types.is_list(column.type) and not pa.types.is_large_list(column.type):
        raise SelectionError(f"column {name} holds no vectors but {column.type}. Store lists of numbers.")
    if column.null_count or not (fixed or len(np.unique(np.diff(column.offsets.to_numpy()))) <= 1):
        raise SelectionError(f"column {name} holds nulls or vectors of unequal length. Leave such rows out.")
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(dataset), -1)


def _column(dataset: Any, name: str) -> pa.Array:
    table = dataset.select_columns([name]).with_format("arrow")[:]
    return table[name].combine_chunks()


def finite_rows(scores: Any, n: int) -> Rows:
    """Rows with a finite score; all rows where there are no scores."""
    if scores is None:
        return np.arange(n)
    return np.flatnonzero(np.isfinite(np.asarray(scores, dtype=np.float64)))


def by_rank(ranks: Floats) -> Rows:
    """Rows that have a rank, by rank."""
    ranked = np.flatnonzero(np.isfinite(ranks))
    order: Rows = ranked[np.argsort(ranks[ranked], kind="stable")]
    return order
