"""Compare two arms of an experiment over seeds and questions: difference, interval, Holm, detectable size.

Both arms answer the same questions; each has seeds of its own. A difference between their means varies with
the seeds that were drawn and with the questions that were asked: the interval holds both to be samples.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hf_qads.statistics.students_t import t_cdf, t_quantile

ALPHA = 0.05
FEWEST_SEEDS = 2  # below, nothing is known of how much seeds differ

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """How much a mean varies, in parts.

    Attributes:
        arm: variance of the first arm's mean by its seeds, questions held.
        control: of the second arm's.
        questions: variance of the difference by the questions.
        residual: what the parts above count twice: noise of one seed on one question.
        degrees: degrees of freedom of these four, in this order.
    """

    arm: float
    control: float
    questions: float
    residual: float
    degrees: tuple[float, float, float, float]

    @property
    def variance(self) -> float:
        """Of the difference; never below its largest part."""
        largest = max(self.arm + self.control, self.questions)
        return max(self.arm + self.control + self.questions - self.residual, largest)

    @property
    def df(self) -> float:
        """Degrees of freedom of `variance` (Satterthwaite, 1946)."""
        parts = (self.arm, self.control, self.questions, self.residual)
        below = sum(part**2 / df for part, df in zip(parts, self.degrees, strict=True) if df > 0)
        return self.variance**2 / below if below > 0 else 1.0


@dataclass(frozen=True)
class Comparison:
    """Mean difference of an arm to a control.

    Attributes:
        mean: arm minus control, benchmarks weighted equally.
        low: of the interval at `level`.
        high: of the interval.
        level: of the interval; after `holm` the one at which the verdict is decided.
        p: two-sided, that a difference this large comes where there is none.
        seeds: of the arm and of the control.
        n: questions.
        spread: its parts.
    """

    mean: float
    low: float
    high: float
    level: float
    p: float
    seeds: tuple[int, int]
    n: int
    spread: Spread | None = None

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or `inconclusive` where the interval includes 0."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "inconclusive"


def compare_arms(
    arm: Mapping[str, Values], control: Mapping[str, Values], *, level: float = 1 - ALPHA
) -> Comparison:
    """Difference of an arm's mean to a control's, with a t interval over seeds and questions.

    Args:
        arm: benchmark -> (seeds, questions) of a measure; NaN where it is not known.
        control: the same benchmarks and questions; its number of seeds may be another.
        level: of the interval.

    Returns:
        the difference. With fewer than two seeds of either arm the interval is infinite: inconclusive.

    Cost: a pass over the values.

    Source: crossed random effects (seeds within arms, questions common), variance by moments, degrees of
    freedom by Satterthwaite (1946).
    """
    means, parts = [], []
    row_a, row_c = 0.0, 0.0
    for name in arm:
        a, c = _common(arm[name], control[name])
        means.append(float(a.mean() - c.mean()))
        parts.append((a, c))
        row_a, row_c = row_a + a.mean(axis=1), row_c + c.mean(axis=1)
    n, count = sum(a.shape[1] for a, _ in parts), len(parts)
    seeds = (len(parts[0][0]), len(parts[0][1]))
    mean = float(np.mean(means))
    if min(seeds) < FEWEST_SEEDS or n < 2:
        return Comparison(mean, -math.inf, math.inf, level, 1.0, seeds, n)
    by_arm = float(np.var(row_a / count, ddof=1)) / seeds[0]
    by_control = float(np.var(row_c / count, ddof=1)) / seeds[1]
    questions, residual = 0.0, 0.0
    for a, c in parts:
        gaps = a.mean(axis=0) - c.mean(axis=0)
        width = len(gaps) * count**2
        questions += float(np.var(gaps, ddof=1)) / width if len(gaps) > 1 else 0.0
        residual += (_residual(a) / seeds[0] + _residual(c) / seeds[1]) / width
    degrees = (seeds[0] - 1, seeds[1] - 1, n - count, (min(seeds) - 1) * max(1, n - count))
    spread = Spread(by_arm, by_control, questions, residual, degrees)
    return _with_level(Comparison(mean, 0.0, 0.0, level, 1.0, seeds, n, spread), level)


def holm(comparisons: Mapping[str, Comparison], *, alpha: float = ALPHA) -> dict[str, Comparison]:
    """Correct for several comparisons: each gets the interval at the level at which it is tested.

    The smallest p is tested at alpha / m, the next at alpha / (m - 1), and so on to the first that fails;
    those after it are shown at the level of that one. So an interval excludes 0 exactly where the verdict
    is `better` or `worse`, and the chance of one false verdict among all is at most alpha.

    Source: Holm (1979).
    """
    ordered = sorted(comparisons, key=lambda name: (comparisons[name].p, name))
    share, failed = alpha / max(1, len(ordered)), False
    levels = {}
    for place, name in enumerate(ordered):
        if not failed:
            share = alpha / (len(ordered) - place)
            failed = comparisons[name].p > share
        levels[name] = 1 - share
    return {name: _with_level(one, levels[name]) for name, one in comparisons.items()}


def detectable(spread: Spread, *, comparisons: int = 1, alpha: float = ALPHA, power: float = 0.8) -> float:
    """The smallest true difference that is found with probability `power`, in the measure's unit.

    Args:
        spread: of a pilot, or a prior; see `expected_spread`.
        comparisons: how many are made; each is held to alpha / comparisons.
        alpha: the chance of a false verdict that is allowed, among all comparisons.
        power: the chance with which a true difference is to be found.
    """
    df = max(1.0, spread.df)
    reach = t_quantile(1 - alpha / comparisons / 2, df) + t_quantile(power, df)
    return float(reach * math.sqrt(spread.variance))


def expected_spread(
    *, seed: float, question: float, noise: float, seeds: tuple[int, int], questions: Sequence[int]
) -> Spread:
    """The spread of a design from standard deviations that are known or guessed.

    Args:
        seed: standard deviation of an arm's mean between seeds, beyond that of its noise.
        question: standard deviation between questions of the difference of two arms.
        noise: standard deviation of one seed on one question beyond both.
        seeds: of the arm and of the control.
        questions: of each benchmark.
    """
    per = sum(1 / count for count in questions) / len(questions) ** 2
    by_seed = [seed**2 + noise**2 * per] * 2
    residual = noise**2 * per * (1 / seeds[0] + 1 / seeds[1])
    n = sum(questions) - len(questions)
    degrees = (max(1, seeds[0] - 1), max(1, seeds[1] - 1), n, max(1, (min(seeds) - 1) * n))
    return Spread(
        by_seed[0] / seeds[0], by_seed[1] / seeds[1], question**2 * per + residual, residual, degrees
    )


def hierarchical_bootstrap(
    arm: Mapping[str, Values],
    control: Mapping[str, Values],
    *,
    draws: int = 2000,
    level: float = 1 - ALPHA,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of the difference: seeds of each arm are drawn first, then questions of each set.

    With few seeds it is too narrow, as its variance between seeds is short by the factor (n - 1) / n and
    its ends are a normal's: `compare_arms` is what verdicts are made by.
    """
    rng = np.random.default_rng(seed)
    found = np.zeros(draws)
    pairs = [_common(arm[name], control[name]) for name in arm]
    for draw in range(draws):
        rows_a = rng.integers(0, len(pairs[0][0]), len(pairs[0][0]))
        rows_c = rng.integers(0, len(pairs[0][1]), len(pairs[0][1]))
        for a, c in pairs:
            asked = rng.integers(0, a.shape[1], a.shape[1])
            gap = a[rows_a].mean(axis=0)[asked] - c[rows_c].mean(axis=0)[asked]
            found[draw] += gap.mean() / len(pairs)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _with_level(one: Comparison, level: float) -> Comparison:
    if one.spread is None:
        return replace(one, level=level)
    error = math.sqrt(one.spread.variance)
    if error == 0:
        p = 1.0 if one.mean == 0 else 0.0
        return replace(one, low=one.mean, high=one.mean, level=level, p=p)
    half = t_quantile((1 + level) / 2, one.spread.df) * error
    p = 2 * t_cdf(-abs(one.mean) / error, one.spread.df)
    return replace(one, low=one.mean - half, high=one.mean + half, level=level, p=p)


def _common(a: Values, c: Values) -> tuple[Values, Values]:
    """Both, at the questions in which every seed of both is a number."""
    known = np.isfinite(a).all(axis=0) & np.isfinite(c).all(axis=0)
    return a[:, known], c[:, known]


def _residual(values: Values) -> float:
    """Variance of one seed on one question, beyond the means of both: of (seeds, questions)."""
    seeds, questions = values.shape
    if seeds < 2 or questions < 2:
        return 0.0
    rest: Values = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    found: float = float((rest**2).sum()) / ((seeds - 1) * (questions - 1))
    return found
