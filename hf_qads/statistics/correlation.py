"""Pearson and Spearman correlation with one 95 % interval: the bootstrap over rows."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
FEWEST: Final = 4  # with three rows or fewer a correlation says nothing
RESAMPLED: Final = 5_000  # rows of a resample, at most
BLOCK: Final = 2_000_000  # drawn rows held at once


@dataclass(frozen=True)
class Correlations:
    """Correlations in [-1, 1] over `n` pairs, each with its 95 % bootstrap interval.

    None where there is too little to say, with the reason, and where no interval was asked for.
    """

    n: int
    pearson: float | None = None
    pearson_low: float | None = None
    pearson_high: float | None = None
    spearman: float | None = None
    spearman_low: float | None = None
    spearman_high: float | None = None
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The fields as they go into a JSON file."""
        return asdict(self)


def correlations(
    x: Sequence[float] | NDArray[Any],
    y: Sequence[float] | NDArray[Any],
    *,
    resamples: int = 1000,
    seed: int = 0,
    names: tuple[str, str] = ("values on one side", "values on the other side"),
) -> Correlations:
    """Pearson's and Spearman's correlation of two columns of numbers, and how far chance may have moved them.

    Args:
        x: (n,) numbers; pairs with a NaN on either side are left out.
        y: (n,) numbers.
        resamples: bootstrap samples of the pairs; 0 gives no interval.
        seed: of the bootstrap.
        names: what the two sides are, for the reason that is given where there is no correlation.

    Returns:
        the correlations with percentile intervals; a reason instead for fewer than four pairs or a constant.
        Of more than `RESAMPLED` pairs, each resample is of so many, and the interval is narrowed by the root
        of their share, as the standard error shrinks (m out of n bootstrap).

    Cost: n log n, and resamples x min(n, `RESAMPLED`).

    Source: Efron (1979), the bootstrap; Bickel, Götze and van Zwet (1997) for m out of n.
    """
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    known = np.isfinite(first) & np.isfinite(second)
    first, second = first[known], second[known]
    n = len(first)
    if n < FEWEST:
        return Correlations(n, reason=f"only {n} rows")
    for values, name in zip((first, second), names, strict=True):
        if np.ptp(values) == 0:
            return Correlations(n, reason=f"all {name} are equal")
    found = correlation(first, second), correlation(ranks(first), ranks(second))
    if not resamples:
        return Correlations(n, found[0], spearman=found[1])
    rng = np.random.default_rng(seed)
    size = min(n, RESAMPLED)
    if size < n:
        chosen = rng.choice(n, size, replace=False)
        first, second = first[chosen], second[chosen]
    samples = np.concatenate(list(_resampled(first, second, resamples, rng)))
    ends = np.percentile(samples[np.isfinite(samples).all(axis=1)], (2.5, 97.5), axis=0)
    if size < n:
        centre = np.array([correlation(first, second), correlation(ranks(first), ranks(second))])
        ends = np.clip(np.array(found) + (ends - centre) * np.sqrt(size / n), -1.0, 1.0)
    (pearson_low, spearman_low), (pearson_high, spearman_high) = ends.tolist()
    return Correlations(n, found[0], pearson_low, pearson_high, found[1], spearman_low, spearman_high)


def correlation(x: NDArray[Any], y: NDArray[Any]) -> float:
    """Pearson correlation in [-1, 1] of two (n,) arrays that vary; of their `ranks`, it is Spearman's."""
    a, b = x - x.mean(), y - y.mean()
    return float(np.clip((a @ b) / np.sqrt((a @ a) * (b @ b)), -1.0, 1.0))


def ranks(values: NDArray[Any]) -> Values:
    """Ranks from 0 of an (n,) array; equal values share the mean of their places."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: Values = (np.cumsum(counts) - (counts + 1) / 2)[inverse]
    return shared


def _resampled(x: Values, y: Values, resamples: int, rng: np.random.Generator) -> Iterator[Values]:
    """(block, 2): Pearson and Spearman of resamples; NaN where a side does not vary in one.

    A resample is a weight per row. Sorted once, the weights' running sum gives the ranks that sorting the
    resample anew would give.
    """
    sorted_x, sorted_y = (np.unique(values, return_inverse=True)[1] for values in (x, y))
    step = max(1, BLOCK // len(x))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, len(x), (rows, len(x)))
        places = drawn + np.arange(rows)[:, None] * len(x)
        weights = (
            np.bincount(places.ravel(), minlength=rows * len(x)).reshape(rows, len(x)).astype(np.float64)
        )
        pearson = _weighted(weights, np.broadcast_to(x, weights.shape), np.broadcast_to(y, weights.shape))
        spearman = _weighted(weights, _weighted_ranks(weights, sorted_x), _weighted_ranks(weights, sorted_y))
        yield np.stack([pearson, spearman], axis=1)


def _weighted_ranks(weights: Values, place: NDArray[np.int64]) -> Values:
    """Ranks in each resample, ties by their mean: the weight below a value and half of its own."""
    rows, values = len(weights), int(place.max()) + 1
    flat = (place[None, :] + np.arange(rows)[:, None] * values).ravel()
    own = np.bincount(flat, weights.ravel(), minlength=rows * values).reshape(rows, values)
    shared: Values = (np.cumsum(own, axis=1) - own / 2)[:, place]
    return shared


def _weighted(weights: Values, x: Values, y: Values) -> Values:
    total = weights.sum(axis=1, keepdims=True)
    a = x - (weights * x).sum(axis=1, keepdims=True) / total
    b = y - (weights * y).sum(axis=1, keepdims=True) / total
    spread = (weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1)
    # A resample in which a side is constant has a spread of rounding errors only.
    varies = spread > 1e-24 * (x**2).max() * (y**2).max() * total[:, 0] ** 2
    found = np.full(len(weights), np.nan)
    np.divide((weights * a * b).sum(axis=1), np.sqrt(spread), out=found, where=varies)
    bounded: Values = np.clip(found, -1.0, 1.0)
    return bounded
