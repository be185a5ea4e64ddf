"""Where a row stands in a selection."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hf_qads.selection.pool import Picks, Pool, Rows, Strategy
from hf_qads.selection.strategies import checked_options, find_strategy, name_of

BLOCK = 4096


@dataclass(frozen=True)
class Explanation:
    """Where a row stands in a selection.

    Attributes:
        row: the row.
        picked: whether it was picked.
        started: whether it is in the start pool, and could not be picked.
        score: its score, or None where there are no scores.
        nearest: the nearest row that was picked (before it) or in the start pool; None where there is none.
        distance: its distance to that row, in the selection's metric.
        rank: its place in the order, from 0: where it was picked, or where it would have come had the
            selection gone on. None if it had not come by `rank_above`.
        rank_above: how many picks were looked at.
        last_gain: what the last pick was worth.
    """

    row: int
    picked: bool
    started: bool
    score: float | None
    nearest: int | None
    distance: float
    rank: int | None
    rank_above: int
    last_gain: float

    def __str__(self) -> str:
        score = "no score" if self.score is None else f"score {self.score:.4g}"
        near = (
            "no row before it"
            if self.nearest is None
            else f"distance {self.distance:.4g} to row {self.nearest}"
        )
        if self.started:
            return f"row {self.row} is in the start pool, which is never picked"
        if self.picked:
            return f"row {self.row} was picked at rank {self.rank}: {score}, {near}"
        place = f"at rank {self.rank}" if self.rank is not None else f"after rank {self.rank_above - 1}"
        return (
            f"row {self.row} was not picked: {score}, {near}; the last pick was worth {self.last_gain:.4g}, "
            f"and had the selection gone on, it would have come {place}"
        )


def explain(
    picks: Picks,
    pool: Pool,
    row: int,
    *,
    strategy: str | Strategy,
    options: Mapping[str, Any],
    further: int,
) -> Explanation:
    """Where a row of the pool stands in what `strategy` picked from it, see `Selection.explain`."""
    started = bool(np.isin(row, pool.start))
    found = np.flatnonzero(picks.order == row)
    rank: int | None = int(found[0]) if len(found) else None
    looked_at = len(picks.order)
    before = np.concatenate([pool.start[pool.start != row], picks.order[:rank]])
    nearest, distance = nearest_of(pool, row, before)
    if rank is None and not started and further > 0:
        looked_at = min(pool.n - len(pool.start), looked_at + further)
        order = _order(pool, looked_at, strategy, options)
        later = np.flatnonzero(order == row)
        rank = int(later[0]) if len(later) else None
    return Explanation(
        row=row,
        picked=len(found) > 0,
        started=started,
        score=None if pool.scores is None else float(pool.scores[row]),
        nearest=nearest,
        distance=distance,
        rank=rank,
        rank_above=looked_at,
        last_gain=float(picks.gains[-1]) if len(picks.gains) else float("nan"),
    )


def nearest_of(pool: Pool, row: int, others: Rows) -> tuple[int | None, float]:
    """The row of `others` nearest to `row`, ties to the first, and its distance; None and NaN without any."""
    if pool.vectors is None or len(others) == 0:
        return None, float("nan")
    from hf_qads.selection.space import Space

    space = Space(pool.vectors, metric=pool.metric, device="cpu", out=pool.out)
    here = space.raw(np.array([row]))
    parts = [others[begin : begin + BLOCK] for begin in range(0, len(others), BLOCK)]
    measures = np.concatenate([space.measure(space.raw(part), here) for part in parts])
    best = int(measures.argmin())
    return int(others[best]), float(space.unscale(space.distance(measures[best : best + 1]))[0])


def _order(pool: Pool, size: int, strategy: str | Strategy, options: Mapping[str, Any]) -> Rows:
    """The order of a larger selection of the same pool."""
    function = find_strategy(strategy)
    chosen = checked_options(name_of(strategy), function, options)
    return function(replace(pool, state=None), size, **chosen).order
