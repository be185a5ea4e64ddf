"""Eq. 3: the indicator of a prompt row that improves an anchor, and the share of anchors improved."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def wins(one_shot: NDArray[Any], zero_shot: NDArray[Any]) -> NDArray[np.float32]:
    """Whether each prompt row makes each anchor's answer more probable.

    Args:
        one_shot: (n, a) mean log-probability of the anchors' answers after each prompt row.
        zero_shot: (a,) the same without one.

    Returns:
        (n, a) float32: 1 where it does, 0 where not, NaN where a pair was not scored.

    Source: section 3.2, the indicator of Eq. 3.
    """
    known = np.isfinite(one_shot) & np.isfinite(zero_shot)
    return np.where(known, one_shot > zero_shot, np.nan).astype(np.float32)


def win_rate(won: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) share of the scored anchors that each row improves, by `wins` (n, a); NaN where there are none."""
    pairs = np.isfinite(won).sum(axis=1)
    rates = np.full(len(won), np.nan)
    np.divide(np.nansum(won, axis=1, dtype=np.float64), pairs, out=rates, where=pairs > 0)
    return rates
