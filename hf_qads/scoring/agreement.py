"""How well predicted scores agree with real ones: correlations with n and bootstrap intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.statistics.correlation import FEWEST, comparable, correlation, ranks


@dataclass(frozen=True)
class Agreement:
    """Correlations in [-1, 1] over `n` pairs, each with its 95 % bootstrap interval; null where unknown."""

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


def agreement(
    real: Sequence[float] | NDArray[Any],
    predicted: Sequence[float] | NDArray[Any],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Agreement:
    """Pearson and Spearman correlation of predicted with real scores, on the pairs where both are known.

    Args:
        real: (n,) real scores, NaN where unknown.
        predicted: (n,) predicted scores, NaN where unknown.
        resamples: bootstrap samples of the pairs.
        seed: of the bootstrap.

    Returns:
        correlations and percentile intervals; with a reason instead where there are fewer than four pairs
        or one side does not vary.

    Cost: resamples x n log n.

    Source: Figures 4 and 6.
    """
    x, y = np.asarray(real, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    n = len(x)
    if n < FEWEST:
        return Agreement(n, reason=f"only {n} rows")
    for values, name in ((x, "real"), (y, "predicted")):
        if np.ptp(values) == 0:
            return Agreement(n, reason=f"all {name} scores are equal")
    rng = np.random.default_rng(seed)
    samples: list[tuple[float, float]] = []
    for _ in range(resamples):
        drawn = rng.integers(0, n, n)
        a, b = x[drawn], y[drawn]
        if comparable(a, b):
            samples.append((correlation(a, b), correlation(ranks(a), ranks(b))))
    low, high = (
        np.percentile(np.asarray(samples), (2.5, 97.5), axis=0) if samples else np.full((2, 2), np.nan)
    )
    return Agreement(
        n,
        correlation(x, y),
        float(low[0]),
        float(high[0]),
        correlation(ranks(x), ranks(y)),
        float(low[1]),
        float(high[1]),
    )


def agreement_by(
    real: NDArray[Any], predicted: NDArray[Any], parts: Mapping[str, Sequence[str]], *, seed: int = 0
) -> dict[str, Any]:
    """Agreement overall, and within each value of each of several ways to part the rows.

    Args:
        real: (n,) real scores.
        predicted: (n,) predicted scores.
        parts: name of a way, such as `source`, to the part that each row belongs to, (n,).
        seed: of the bootstrap.

    Returns:
        `{"all": ..., way: {part: ...}}`, each an `Agreement` as a mapping.
    """
    found: dict[str, Any] = {"all": agreement(real, predicted, seed=seed).as_dict()}
    for way, names in parts.items():
        column = np.asarray(names, dtype=object)
        found[way] = {
            name: agreement(real[column == name], predicted[column == name], seed=seed).as_dict()
            for name in dict.fromkeys(names)
        }
    return found
