"""Candidate set: rows whose upper bound exceeds the runner-up's, with exact distances.

`Bounds` holds what is known of every row so far, `Frontier` finds the rows to look at next, and
`CandidateSet` runs the plain greedy among those that are up to date.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from hf_qads.selection.engine.space import Space
from hf_qads.selection.pool import Floats, Rows

AT_ONCE = 128  # rows whose distances to the other candidates are worked out together

Single = npt.NDArray[np.float32]


class Rival(NamedTuple):
    """The best that a row outside a set may still reach, and the lowest such row."""

    value: float
    row: int

    def beaten_by(self, values: Floats, rows: Rows) -> np.ndarray:
        """Which of `rows` come before the rival: a larger value, or an equal one but a lower row."""
        ahead: np.ndarray = (values > self.value) | ((values == self.value) & (rows < self.row))
        return ahead


NOBODY = Rival(-np.inf, -1)


class Bounds:
    """Per row: an upper bound of its objective, and how far it has been brought up to date.

    Attributes:
        key: upper bound of score times distance; minus infinity once picked.
        best: upper bound of the measure to the nearest center.
        exact: exact measure to the nearest of the first `seen` centers, and of the start pools if `settled`.
        seen: number of centers, counted from the first, that `exact` takes in.
        tried: number of centers among which a near one was looked for.
        settled: whether `exact` takes in the start pools.
    """

    def __init__(self, best: Floats, exact: Floats, key: Floats) -> None:
        self.best = best
        self.exact = exact
        self.key = key
        self.seen = np.zeros(len(best), dtype=np.int32)
        self.tried = np.zeros(len(best), dtype=np.int32)
        self.settled = np.ones(len(best), dtype=bool)


class Frontier:
    """The rows with the largest keys, found in two steps so that few refills read all keys."""

    def __init__(self, key: Floats, shelf: int) -> None:
        self.key = key
        self.size = shelf
        self.shelf: Rows = np.empty(0, dtype=np.int64)
        self.outside = Rival(np.inf, -1)

    def candidates(self, count: int) -> tuple[Rows, Rival]:
        """The `count` rows with the largest keys (ties: the lowest rows) and the best row outside them."""
        if not self.outside.beaten_by(self.key[self.shelf], self.shelf).any():
            rows, self.outside = largest(self.key, None, self.size)
            self.shelf = np.sort(rows)
        rows, rival = largest(self.key[self.shelf], self.shelf, count)
        if self.outside.value > rival.value:
            rival = self.outside
        elif self.outside.value == rival.value:
            rival = Rival(rival.value, min(rival.row, self.outside.row))
        return rows, rival


def largest(key: Floats, rows: Rows | None, count: int) -> tuple[Rows, Rival]:
    """The `count` entries with the largest keys, and the best of the others; ties go to lower rows.

    `rows` are the entries' rows in ascending order; None means that entries are rows.
    """
    total = len(key)
    if total <= count:
        return (np.arange(total) if rows is None else rows), NOBODY
    edge = total - count
    order = np.argpartition(key, [edge - 1, edge])
    inside, limit, beyond = order[edge:], key[order[edge]], key[order[edge - 1]]
    if beyond < limit:
        tied = np.flatnonzero(key == beyond) if beyond > -np.inf else np.zeros(1, dtype=np.int64)
        first = int(tied[0])
    else:
        inside = np.flatnonzero(key > limit)
        tied = np.flatnonzero(key == limit)
        room = count - len(inside)
        inside, first = np.concatenate([inside, tied[:room]]), int(tied[room])
    if rows is None:
        return inside, Rival(float(beyond), first)
    return rows[inside], Rival(float(beyond), int(rows[first]))


@dataclass
class CandidateSet:
    """Rows in ascending order, with exact measures to their nearest centers.

    Attributes:
        index: (m,) rows of the pool.
        rows: (m, d) working rows.
        norms: (m,) their squared lengths.
        slack: (m,) the rows' part of rounding, see `Space.slack`.
        measure: (m,) exact measure to the nearest center; kept up to date.
        weights: (m,) scores.
        values: (m,) objective; minus infinity once picked.
    """

    space: Space
    index: Rows
    rows: torch.Tensor
    norms: Floats
    slack: Floats
    measure: Floats
    weights: Floats

    def __post_init__(self) -> None:
        self.values = self.weights * self.space.distance(self.measure)
        self.raw = self.space.raw(self.index)
        self.limits = self.reach(slice(None))
        self.squares = torch.from_numpy(self.norms).to(self.rows.device, torch.float32)

    def reach(self, rows: Rows | slice) -> Single:
        """Squared distances up to which a new center can be nearer; none is nearer than a measure of 0."""
        limits = self.space.reach(self.measure[rows], self.slack[rows])
        return np.where(self.measure[rows] > 0, limits, -np.inf).astype(np.float32)

    def between(self, others: torch.Tensor, norms: torch.Tensor) -> Single:
        """Approximate squared distances (k, m) of working rows (k, d) to the live rows."""
        squared: Single = (
            self.squares.addmm(others, self.rows.T, alpha=-2).add_(norms.unsqueeze(1)).cpu().numpy()
        )
        return squared

    def take_in(self, hit: Rows, center: Floats) -> None:
        """Lower the measures of the rows `hit` by a new center, given by its raw row (d,)."""
        measure = np.minimum(self.measure[hit], self.space.measure(self.raw[hit], center))
        self.measure[hit] = measure
        self.limits[hit] = self.reach(hit)
        self.values[hit] = self.weights[hit] * self.space.distance(measure)

    def pick(self, rival: Rival, most: int) -> tuple[Rows, list[float]]:
        """Plain greedy among the live rows for as long as none outside can be better.

        Returns:
            Positions of the picked rows, in order, and their objectives. Picked rows get a value of minus
            infinity.
        """
        values, limits = self.values, self.limits
        lines: dict[int, Single] = {}
        positions: list[int] = []
        gains: list[float] = []
        while len(positions) < most:
            best = int(values.argmax())
            value = values.item(best)
            if value <= rival.value and (value < rival.value or self.index[best] > rival.row):
                break
            if value == -np.inf:
                break
            if best not in lines:
                self.prepare(lines)
            positions.append(best)
            gains.append(value)
            values[best] = limits[best] = -np.inf
            hit = (lines[best] <= limits).nonzero()[0]
            if hit.size:
                self.take_in(hit, self.raw[best])
        return np.array(positions, dtype=np.int64), gains

    def prepare(self, lines: dict[int, Single]) -> None:
        """Work out the distances of the next row, and of those likely to follow it, to all live rows."""
        waiting = np.setdiff1d(np.arange(len(self.index)), list(lines), assume_unique=True)
        waiting = waiting[np.argsort(-self.values[waiting], kind="stable")[:AT_ONCE]]
        chosen = torch.from_numpy(waiting).to(self.rows.device)
        squared = self.between(self.rows[chosen], self.squares[chosen])
        lines.update(zip(waiting.tolist(), squared, strict=True))

    def follow(
        self, centers: torch.Tensor, norms: torch.Tensor, raw: Floats, rival: Rival
    ) -> tuple[list[float], int]:
        """Take in centers one by one for as long as no row outside can have the largest value.

        Returns:
            The largest value before each center that was taken in, and after the last if it still holds;
            and how many were taken in.
        """
        squared = self.between(centers, norms)
        largest: list[float] = []
        for step in range(len(squared) + 1):
            value = float(self.values.max())
            if value < rival.value:
                return largest, step
            largest.append(value)
            if step < len(squared):
                hit = (squared[step] <= self.limits).nonzero()[0]
                self.take_in(hit, raw[step])
        return largest, len(squared)
