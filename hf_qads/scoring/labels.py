"""Quality scores to the five labels that a scorer is trained on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ScoringError

LEVELS = 5
METHODS = ("width", "quantile")
MIDDLE = 3  # the label of every row where all scores are equal: they say neither good nor poor


def edges(scores: Sequence[float] | NDArray[np.floating], method: str = "width") -> NDArray[np.float64]:
    """The borders of the five bins of a group of scores, (6,), lowest and highest score included.

    Args:
        scores: real quality scores of one group, (n,), finite.
        method: `width` makes bins of equal width between the lowest and the highest score; `quantile` bins
            that hold equally many rows, as far as equal scores allow: rows with equal scores share a bin.

    Raises:
        ScoringError: no score, one that is not finite, or an unknown method.

    Source: section 3.2; the paper does not say how the scores are cut.
    """
    values = np.asarray(scores, dtype=np.float64)
    if method not in METHODS:
        raise ScoringError(f"labels={method!r} is none of {', '.join(METHODS)}. Choose one of them.")
    if values.ndim != 1 or not len(values):
        raise ScoringError(f"labels need one score per row, but got shape {values.shape}. Score rows first.")
    if not np.isfinite(values).all():
        raise ScoringError(
            f"{(~np.isfinite(values)).sum()} of {len(values)} scores are not finite. Leave those rows out."
        )
    if method == "width":
        return np.linspace(values.min(), values.max(), LEVELS + 1)
    return np.quantile(values, np.linspace(0, 1, LEVELS + 1))


def cut(
    scores: Sequence[float] | NDArray[np.floating],
    method: str = "width",
    *,
    borders: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """Labels 1 (poor) to 5 (good) of the scores of one group, (n,).

    A score on a border gets the higher label, the highest score 5. Where all scores are equal every row
    gets 3: there is nothing to learn, and `all_equal` tells.

    Args:
        scores: real quality scores of one group, (n,), finite.
        method: `width` or `quantile`, see `edges`.
        borders: the bins of other rows of the group, from `edges`; scores beyond them get 1 or 5.

    Raises:
        ScoringError: no score, one that is not finite, or an unknown method.
    """
    own = edges(scores, method)
    bins = own if borders is None else borders
    values = np.asarray(scores, dtype=np.float64)
    if all_equal(bins):
        return np.full(len(values), MIDDLE, dtype=np.int64)
    # 0.6 is the third border of 0 to 1, though in binary 3 * 0.2 lies above it.
    slack = 1e-9 * (bins[-1] - bins[0])
    labels: NDArray[np.int64] = np.searchsorted(bins[1:-1], values + slack, side="right").astype(np.int64) + 1
    return labels


def all_equal(borders: NDArray[np.float64]) -> bool:
    """Whether the scores that gave these borders are all the same."""
    return bool(borders[-1] <= borders[0])
