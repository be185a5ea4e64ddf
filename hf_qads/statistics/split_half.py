"""Reliability of a score by many anchors: do two halves of the anchors order the rows alike?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hf_qads.statistics.correlation import correlations
from hf_qads.statistics.wins import win_rate

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
                    [win_rate(one[:, order[part::2]]) for one, order in zip(wins, orders, strict=True)],
                    axis=0,
                )
                for part in (0, 1)
            ]
            agreed = correlations(*halves, resamples=0)
            rows = max(rows, agreed.n)
            if agreed.pearson is not None and agreed.spearman is not None:
                found.append((agreed.pearson, agreed.spearman))
    if not found:
        return SplitHalf(rows, anchors, 0)
    pearson, spearman = (float(value) for value in np.mean(found, axis=0))
    whole = 2 * spearman / (1 + spearman) if spearman > -1 else -1.0
    return SplitHalf(rows, anchors, len(found), pearson, spearman, whole)
