"""Explain a selection: why a row was picked or not, its nearest picked row, its rank."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hf_qads.selection.pool import Picks, Pool, Rows, Strategy
from hf_qads.selection.registry import checked_options, find_strategy, name_of

BLOCK = 4096


@dataclass(frozen=True)
class Explanation:
    """Where a row stands in a selection.

    Attributes:
        row: the row.
        picked: whether it was picked.
        started: whether it is in the start pool, and could not be picked.
        absent: whether it does not take part (`candidates`).
        score: its score, or None where there are no scores.
        nearest: the nearest row that was picked (before it) or in the start pool; None where there is none,
            or an already selected vector is nearer.
        already_selected: that vector's place in `already_selected`.
        distance: its distance to that row or vector, in the selection's metric.
        rank: its place in the order, from 0: where it was picked, or where it would have come had the
            selection gone on. None if it had not come by `rank_above`.
        rank_above: how many picks were looked at.
        last_gain: what the last pick was worth.
    """

    row: int
    picked: bool
    started: bool
    absent: bool
    score: float | None
    nearest: int | None
    already_selected: int | None
    distance: float
    rank: int | None
    rank_above: int
    last_gain: float

    def __str__(self) -> str:
        score = "no score" if self.score is None else f"score {self.score:.4g}"
        near = "no row before it"
        if self.nearest is not None:
            near = f"distance {self.distance:.4g} to row {self.nearest}"
        elif self.already_selected is not None:
            near = f"distance {self.distance:.4g} to already selected vector {self.already_selected}"
        if self.absent:
            return f"row {self.row} does not take part: it is not among the rows that were chosen from"
        if self.started:
            return f"row {self.row} is in the start pool, which is never picked"
        if self.picked:
            return f"row {self.row} was picked at rank {self.rank}: {score}, {near}"
        place = (
            f"at rank {self.rank}" if self.rank is not None else f"after the first {self.rank_above} picks"
        )
        worth = (
            f"the last pick was worth {self.last_gain:.4g}, and " if self.last_gain == self.last_gain else ""
        )
        return (
            f"row {self.row} was not picked: {score}, {near}; {worth}had the selection gone on, it would "
            f"have come {place}"
        )


def explain(
    picks: Picks,
    pool: Pool,
    row: int,
    *,
    strategy: str | Strategy,
    options: Mapping[str, Any],
    further: int,
    later: dict[int, Rows],
) -> Explanation:
    """Where a row of the pool stands in what `strategy` picked from it, see `Selection.explain`.

    `later` keeps the longer orders that were worked out, by their length.
    """
    started, absent = bool(np.isin(row, pool.start)), bool(np.isin(row, pool.out))
    found = np.flatnonzero(picks.order == row)
    rank: int | None = int(found[0]) if len(found) else None
    looked_at = len(picks.order)
    before = np.concatenate([pool.start[pool.start != row], picks.order[:rank]])
    nearest, already_selected, distance = (None, None, np.nan) if absent else nearest_of(pool, row, before)
    if rank is None and not started and not absent and further > 0:
        looked_at = min(pool.room, looked_at + further)
        if looked_at not in later:
            later[looked_at] = _order(pool, looked_at, strategy, options)
        found_later = np.flatnonzero(later[looked_at] == row)
        rank = int(found_later[0]) if len(found_later) else None
    return Explanation(
        row=row,
        picked=len(found) > 0,
        started=started,
        absent=absent,
        score=None if pool.scores is None or absent else float(pool.scores[row]),
        nearest=nearest,
        already_selected=already_selected,
        distance=distance,
        rank=rank,
        rank_above=looked_at,
        last_gain=float(picks.gains[-1]) if len(picks.gains) else float("nan"),
    )


def nearest_of(pool: Pool, row: int, others: Rows) -> tuple[int | None, int | None, float]:
    """What of `others` and the already selected vectors is nearest to `row`; ties to the first.

    Returns:
        the row or None, the place of the already selected vector or None, and the distance, NaN without any.
    """
    if pool.vectors is None or (len(others) == 0 and pool.already_selected is None):
        return None, None, float("nan")
    from hf_qads.neighbours.arrays import as_tensor
    from hf_qads.selection.engine.space import Space

    space = Space(pool.vectors, metric=pool.metric, device="cpu", out=pool.out)
    here = space.raw(np.array([row]))
    parts = [space.raw(others[begin : begin + BLOCK]) for begin in range(0, len(others), BLOCK)]
    near = [space.measure(part, here) for part in parts]
    if pool.already_selected is not None:
        already_selected = as_tensor(pool.already_selected, "already_selected")
        blocks = (already_selected[begin : begin + BLOCK] for begin in range(0, len(already_selected), BLOCK))
        near += [space.measure(space.exact(block), here) for block in blocks]
    measures = np.concatenate(near)
    best = int(measures.argmin())
    distance = float(space.unscale(space.distance(measures[best : best + 1]))[0])
    if best < len(others):
        return int(others[best]), None, distance
    return None, best - len(others), distance


def _order(pool: Pool, size: int, strategy: str | Strategy, options: Mapping[str, Any]) -> Rows:
    """The order of a larger selection of the same pool."""
    function = find_strategy(strategy)
    chosen = checked_options(name_of(strategy), function, options)
    return function(replace(pool, checkpoint_dir=None), size, **chosen).order
