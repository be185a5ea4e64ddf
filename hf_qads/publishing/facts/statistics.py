"""Correlations with their intervals, means, and bins: the numbers behind the figures."""

from dataclasses import dataclass

import numpy as np

from hf_qads.statistics.correlation import comparable, correlation, ranks


@dataclass(frozen=True)
class Correlation:
    """A correlation in [-1, 1] over `n` pairs, with its 95 % interval by Fisher's transformation."""

    r: float
    low: float
    high: float
    n: int


def pearson(x: np.ndarray, y: np.ndarray) -> Correlation | None:
    """Pearson correlation of two (n,) arrays; None for fewer than four pairs or where one is constant."""
    if not comparable(x, y):
        return None
    n, r = len(x), correlation(x, y)
    if abs(r) > 1 - 1e-12:
        return Correlation(r, r, r, n)
    centre, half = np.arctanh(r), 1.959964 / np.sqrt(n - 3)
    return Correlation(r, float(np.tanh(centre - half)), float(np.tanh(centre + half)), n)


def spearman(x: np.ndarray, y: np.ndarray) -> Correlation | None:
    """Spearman's rank correlation of two (n,) arrays, ties sharing their mean rank; None as in `pearson`."""
    return pearson(ranks(x), ranks(y))


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of an (n,) array and the 95 % interval of that mean (normal approximation)."""
    mean = float(values.mean())
    half = 1.959964 * float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return mean, mean - half, mean + half


def binned_median(x: np.ndarray, y: np.ndarray, bins: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Median of `y` in bins of about equal count along `x`: centres (b,) and medians (b,).

    Equal values of `x` share a bin.
    """
    edges = np.unique(np.quantile(x, np.linspace(0, 1, min(bins, max(1, len(x) // 8)) + 1)))
    place = np.searchsorted(edges[1:-1], x, side="right")
    parts = [np.flatnonzero(place == number) for number in np.unique(place)]
    return np.array([np.median(x[p]) for p in parts]), np.array([np.median(y[p]) for p in parts])
