"""Correlation of two columns of numbers: linear, and by ranks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
FEWEST = 4  # with three rows or fewer a correlation says nothing


def comparable(x: NDArray[Any], y: NDArray[Any]) -> bool:
    """Whether two (n,) arrays have a correlation that says something: enough rows, and both vary."""
    return len(x) >= FEWEST and bool(np.ptp(x) > 0) and bool(np.ptp(y) > 0)


def correlation(x: NDArray[Any], y: NDArray[Any]) -> float:
    """Pearson correlation in [-1, 1] of two (n,) arrays that vary; of their `ranks`, it is Spearman's."""
    a, b = x - x.mean(), y - y.mean()
    return float(np.clip((a @ b) / np.sqrt((a @ a) * (b @ b)), -1.0, 1.0))


def ranks(values: NDArray[Any]) -> Values:
    """Ranks from 0 of an (n,) array; equal values share the mean of their places."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: Values = (np.cumsum(counts) - (counts + 1) / 2)[inverse]
    return shared


def correlations(x: NDArray[Any], y: NDArray[Any]) -> tuple[float, float] | None:
    """Pearson's and Spearman's correlation of two (n,) arrays; None where they say nothing."""
    return (correlation(x, y), correlation(ranks(x), ranks(y))) if comparable(x, y) else None
