"""Length bias: a score without what the answer's length explains."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.statistics.correlation import FEWEST

Wins = NDArray[np.float32]


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
