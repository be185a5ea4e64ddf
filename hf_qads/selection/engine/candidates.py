"""The few rows that may be picked next, all brought up to date."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from hf_qads.selection.engine.bounds import Rival
from hf_qads.selection.engine.space import Space
from hf_qads.selection.pool import Floats, Rows

AT_ONCE = 128  # rows whose distances to the other live rows are worked out together

Single = npt.NDArray[np.float32]


@dataclass
class Live:
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
