"""Correlations with their intervals, reliability of a score, and bins: the numbers behind the figures."""

from dataclasses import dataclass

import numpy as np

from hf_qads.correlation import comparable, correlation, ranks


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


def split_half(better: np.ndarray, *, seed: int = 0, splits: int = 20) -> tuple[float, int] | None:
    """Reliability of a quality score: do two halves of the anchors order the rows alike?

    Args:
        better: (n_rows, n_anchors), 1 where the row improves the anchor, 0 where not, NaN where not scored.
        seed: of the random halves.
        splits: number of random halvings that are averaged.

    Returns:
        Mean correlation of the halves, stepped up to the full number of anchors by the Spearman-Brown
        formula, and the number of rows; None where there is too little to tell.
    """
    rng, found = np.random.default_rng(seed), []
    rows = np.isfinite(better).sum(axis=1) >= 4
    kept = better[rows]
    if kept.shape[0] < 4 or kept.shape[1] < 4:
        return None
    for _ in range(splits):
        order = rng.permutation(kept.shape[1])
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        counts = [np.isfinite(kept[:, half]).sum(axis=1) for half in halves]
        both = (counts[0] > 0) & (counts[1] > 0)
        means = [
            np.nansum(kept[:, half], axis=1)[both] / n[both] for half, n in zip(halves, counts, strict=True)
        ]
        result = pearson(means[0], means[1])
        if result is not None:
            found.append(2 * result.r / (1 + result.r) if result.r > -1 else -1.0)
    return (float(np.mean(found)), int(kept.shape[0])) if found else None


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
