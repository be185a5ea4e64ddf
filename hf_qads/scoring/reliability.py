"""Whether influence can be trusted: intervals, agreement between halves of the anchors, and answer length."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.correlation import FEWEST, comparable, correlation, ranks

Float = NDArray[np.float64]
Wins = NDArray[np.float32]


@dataclass(frozen=True)
class SplitHalf:
    """Agreement of the scores by one half of the anchors with those by the other, over `n` prompt rows.

    Correlations in [-1, 1] are means over the splits; `reliability` steps the Spearman correlation up to the
    whole set of anchors (Spearman-Brown). None where there is too little to say.
    """

    n: int
    anchors: int
    splits: int
    pearson: float | None = None
    spearman: float | None = None
    reliability: float | None = None


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


def split_half(wins: Sequence[Wins], *, splits: int = 20, seed: int = 0) -> SplitHalf:
    """Agreement between scores by two disjoint halves of the anchors.

    Args:
        wins: for each anchor set, (n, anchors) of 1 (win), 0 (loss) or NaN (not scored). Each set is halved,
            and a half's score is the mean over the sets, as the whole score is.
        splits: how many random halvings to average over.
        seed: of the halvings.

    Cost: splits x n x anchors.
    """
    rng = np.random.default_rng(seed)
    anchors = sum(one.shape[1] for one in wins)
    found: list[tuple[float, float]] = []
    rows = 0
    if all(one.shape[1] > 1 for one in wins):
        for _ in range(splits):
            orders = [rng.permutation(one.shape[1]) for one in wins]
            halves = [
                np.mean(
                    [_rate(one[:, order[part::2]]) for one, order in zip(wins, orders, strict=True)], axis=0
                )
                for part in (0, 1)
            ]
            known = np.isfinite(halves[0]) & np.isfinite(halves[1])
            rows = max(rows, int(known.sum()))
            found += [pair for pair in [_correlations(halves[0][known], halves[1][known])] if pair]
    if not found:
        return SplitHalf(rows, anchors, 0)
    pearson, spearman = (float(value) for value in np.mean(found, axis=0))
    return SplitHalf(rows, anchors, len(found), pearson, spearman, 2 * spearman / (1 + spearman))


def length_effect(scores: NDArray[Any], tokens: NDArray[Any]) -> LengthEffect:
    """Correlation of scores (n,) with answers' lengths in tokens (n,); rows with a NaN score are left out."""
    known = np.isfinite(scores)
    pair = _correlations(scores[known].astype(np.float64), tokens[known].astype(np.float64))
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


def _rate(wins: Wins) -> Float:
    count = np.isfinite(wins).sum(axis=1)
    sums = np.nansum(wins, axis=1, dtype=np.float64)
    rates = np.full(len(wins), np.nan)
    np.divide(sums, count, out=rates, where=count > 0)
    return rates


def _correlations(x: Float, y: Float) -> tuple[float, float] | None:
    return (correlation(x, y), correlation(ranks(x), ranks(y))) if comparable(x, y) else None
