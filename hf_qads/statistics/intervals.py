"""95 % confidence intervals: Wilson's of a share, and of a mean."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054  # two-sided 95 % of the normal distribution


def wilson(right: Any, n: Any) -> tuple[Any, Any]:
    """95 % interval of a share of successes, which stays within [0, 1] and is honest for small n.

    Args:
        right: number of successes, or an array of such; it need not be whole. NaN gives NaN.
        n: number of trials, or an array of such; 0 gives the interval from 0 to 1.

    Returns:
        lower and upper end: floats, or arrays where arrays were given.

    Source: Wilson (1927), the score interval without continuity correction.
    """
    count = np.asarray(right, dtype=np.float64)
    trials = np.maximum(np.asarray(n, dtype=np.float64), 1e-12)
    share, weight = count / trials, Z * Z / trials
    middle = (share + weight / 2) / (1 + weight)
    half = Z * np.sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    low = np.where(count == 0, 0.0, np.maximum(middle - half, 0.0))
    high = np.where(count == n, 1.0, np.minimum(middle + half, 1.0))
    return (low, high) if low.ndim else (float(low), float(high))


def mean_interval(values: NDArray[Any]) -> tuple[float, float, float]:
    """Mean of an (n,) array and the 95 % interval of that mean (normal approximation)."""
    mean = float(values.mean())
    half = Z * float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return mean, mean - half, mean + half
