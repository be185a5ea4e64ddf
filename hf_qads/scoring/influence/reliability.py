"""Whether influence can be trusted: intervals, and what the answer's length explains."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.statistics.correlation import FEWEST, correlations

Wins = NDArray[np.float32]


@dataclass(frozen=True)
class LengthEffect:
    """Correlation in [-1, 1] of the influence with the answer's length in tokens, over `n` prompt rows."""

    n: int
    pearson: float | None = None
    spearman: float | None = None


def wilson(share: NDArray[Any], trials: NDArray[Any], *, z: float = 1.959964) -> tuple[Wins, Wins]:
    """Wilson's interval of a share of successes.

    Args:
        share: (n,) shares in [0, 1]; NaN gives NaN.
        trials: (n,) numbers of trials; it need not be whole.
        z: quantile of the normal distribution; the default makes it a 95 % interval.

    Returns:
        the lower and the upper ends, each (n,) float32 in [0, 1].
    """
    p = np.asarray(share, dtype=np.float64)
    n = np.where(np.asarray(trials) > 0, trials, np.nan).astype(np.float64)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return np.clip(centre - half, 0, 1).astype(np.float32), np.clip(centre + half, 0, 1).astype(np.float32)


def length_effect(scores: NDArray[Any], tokens: NDArray[Any]) -> LengthEffect:
    """Correlation of scores (n,) with answers' lengths in tokens (n,); rows with a NaN score are left out."""
    known = np.isfinite(scores)
    pair = correlations(scores[known].astype(np.float64), tokens[known].astype(np.float64))
    return LengthEffect(int(known.sum()), *(pair or (None, None)))


def without_length(scores: NDArray[Any], tokens: NDArray[Any]) -> Wins:
    """Scores without what a straight line on the logarithm of the answer's length explains.

    Args:
        scores: (n,) in [0, 1]; NaN stays NaN.
        tokens: (n,) answer lengths in tokens, at least 1.

    Returns:
        (n,) float32 in [0, 1]: the residual plus the mean score, clipped. Where there are fewer than four
        rows or all lengths are equal, the scores as they are.
    """
    known = np.isfinite(scores)
    x = np.log(np.maximum(tokens, 1).astype(np.float64))
    result = scores.astype(np.float64)
    if known.sum() >= FEWEST and np.ptp(x[known]) > 0:
        centred = x[known] - x[known].mean()
        slope = centred @ result[known] / (centred @ centred)
        result[known] -= slope * centred
    return np.clip(result, 0, 1).astype(np.float32)
