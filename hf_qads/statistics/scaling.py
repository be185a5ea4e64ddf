"""Scaling of a measure with the amount of data: log-linear fit over seeds, its interval, and saturation.

Source: arXiv 2310.05506, which finds accuracy linear in the logarithm of the amount of augmented data.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hf_qads.statistics.students_t import t_quantile

LEVEL = 0.95
LEAST_AMOUNTS = 3
SATURATED, GROWING, UNKNOWN = "saturated", "growing", "cannot tell"


@dataclass(frozen=True)
class LogLinear:
    """A measure against the natural logarithm of the amount.

    Attributes:
        slope: growth of the measure where the amount grows by the factor e; mean of the seeds' slopes.
        low: of the 95 % interval of the slope, by Student's t over seeds.
        high: of the interval.
        intercept: the measure at an amount of 1.
        seeds: seeds that were fitted.
        verdict: `saturated` where growth ends within the amounts seen, `growing` where it goes on at the
            last ones, else `cannot tell`.
        from_amount: where `saturated`, the amount from which no growth is seen; else None.
    """

    slope: float
    low: float
    high: float
    intercept: float
    seeds: int
    verdict: str
    from_amount: float | None = None

    @property
    def per_doubling(self) -> tuple[float, float, float]:
        """Growth where the amount doubles, and its interval."""
        return self.slope * math.log(2), self.low * math.log(2), self.high * math.log(2)

    def at(self, amount: ArrayLike) -> NDArray[np.float64]:
        """The fitted line at some amounts."""
        return self.intercept + self.slope * np.log(np.asarray(amount, dtype=np.float64))


def fit_log_linear(amounts: ArrayLike, values: ArrayLike) -> LogLinear:
    """Fit `value = intercept + slope * ln(amount)` to each seed, and judge whether growth ends.

    Growth ends at an inner amount where each of three things is more than chance, at 95 % over all inner
    amounts together (Bonferroni): there is growth up to it, it is faster than from there on, and what goes
    on from there is less than a quarter of it. It goes on where the slope over the last three amounts has an
    interval above 0. With one seed nothing is known of chance, and the interval is endless.

    Args:
        amounts: (m,) rows or tokens, rising, at least three.
        values: (seeds, m) a measure, or (m,) of one seed.

    Raises:
        ValueError: amounts do not rise, are too few, or do not go with the values.
    """
    x = np.log(np.asarray(amounts, dtype=np.float64))
    y = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if x.ndim != 1 or len(x) < LEAST_AMOUNTS or not np.all(np.diff(x) > 0) or y.shape[1] != len(x):
        raise ValueError(
            f"amounts {np.shape(amounts)} must rise, at least {LEAST_AMOUNTS} of them, with values (seeds, "
            f"amounts), got {np.shape(values)}."
        )
    slopes = _slopes(x, y)
    slope, low, high = _interval(slopes, 1 - LEVEL)
    intercept = float(y.mean() - slope * x.mean())
    verdict, place = _verdict(x, y)
    return LogLinear(
        slope, low, high, intercept, len(y), verdict, None if place is None else float(math.exp(x[place]))
    )


def _slopes(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least-squares slope of each row of `y`."""
    centred = x - x.mean()
    return np.asarray((y - y.mean(axis=1, keepdims=True)) @ centred / (centred @ centred))


def _interval(values: NDArray[np.float64], alpha: float) -> tuple[float, float, float]:
    """Mean, and the interval of the mean by Student's t."""
    mean, n = float(values.mean()), len(values)
    if n < 2:
        return mean, -math.inf, math.inf
    half = t_quantile(1 - alpha / 2, n - 1) * float(values.std(ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


def _verdict(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[str, int | None]:
    if len(y) < 2:
        return UNKNOWN, None
    inner = range(1, len(x) - 1)
    alpha = 2 * (1 - LEVEL) / len(inner)  # one-sided tests
    for place in inner:
        before = _slopes(x[: place + 1], y[:, : place + 1])
        after = _slopes(x[place:], y[:, place:])
        ends = _interval(before - after, alpha)[1] > 0 and _interval(after - before / 4, alpha)[2] < 0
        if ends and _interval(before, alpha)[1] > 0:
            return SATURATED, place
    last = _slopes(x[-3:], y[:, -3:])
    return (GROWING, None) if _interval(last, 1 - LEVEL)[1] > 0 else (UNKNOWN, None)
