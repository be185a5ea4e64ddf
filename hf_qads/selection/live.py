"""The few rows that may be picked next, all brought up to date."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from hf_qads.selection.bounds import Rival
from hf_qads.selection.pool import Floats, Rows
from hf_qads.selection.space import Space

AT_ONCE = 128  # rows whose distances to the other live rows are worked out together

Single = npt.NDArray[np.float32]


@dataclass
class Live:
    """Rows in ascending order, with exact measures to their nearest centers.

    Attributes:
        index: (m,) rows of the pool.
        rows: (m, d) working rows.
        norms: (m,) their squared lengths.
        slack: (m,) rounding of a squared distance.
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
        self.limits = (self.measure + 3 * self.slack).astype(np.float32)
        self.squares = torch.from_numpy(self.norms).to(self.rows.device, torch.float32)

    def between(self, others: torch.Tensor, norms: torch.Tensor) -> Single:
        """Approximate squared distances (k, m) of working rows (k, d) to the live rows."""
        squared: Single = (
            self.squares.addmm(others, self.rows.T, alpha=-2).add_(norms.unsqueeze(1)).cpu().numpy()
        )
        return squared

    def take_in(self, squared: Single, center: Floats) -> None:
        """Lower the measures by a new center: its approximate squared distances (m,) and raw row (1, d)."""
        hit = (squared <= self.limits).nonzero()[0]
        if len(hit) == 0:
            return
        measure = np.minimum(self.measure[hit], self.space.measure(self.raw[hit], center))
        self.measure[hit] = measure
        self.limits[hit] = measure + 3 * self.slack[hit]
        self.values[hit] = self.weights[hit] * self.space.distance(measure)

    def pick(self, rival: Rival, most: int) -> tuple[Rows, list[float]]:
        """Plain greedy among the live rows for as long as none outside can be better.

        Returns:
            Positions of the picked rows, in order, and their objectives. Picked rows get a value of minus
            infinity.
        """
        where = np.full(len(self.index), -1)
        blocks: list[Single] = []
        positions: list[int] = []
        gains: list[float] = []
        while len(positions) < most:
            best = int(self.values.argmax())
            value = float(self.values[best])
            if (
                value < rival.value
                or (value == rival.value and self.index[best] > rival.row)
                or value == -np.inf
            ):
                break
            if where[best] < 0:
                self.prepare(where, blocks)
            positions.append(best)
            gains.append(value)
            self.limits[best] = -np.inf
            self.values[best] = -np.inf
            block, line = divmod(int(where[best]), AT_ONCE)
            self.take_in(blocks[block][line], self.raw[best])
        return np.array(positions, dtype=np.int64), gains

    def prepare(self, where: Rows, blocks: list[Single]) -> None:
        """Work out the distances of the rows that are likely to be picked next to all live rows."""
        waiting = np.flatnonzero(where < 0)
        if len(waiting) > AT_ONCE:
            waiting = waiting[np.argpartition(-self.values[waiting], AT_ONCE)[:AT_ONCE]]
        where[waiting] = len(blocks) * AT_ONCE + np.arange(len(waiting))
        chosen = torch.from_numpy(waiting).to(self.rows.device)
        blocks.append(self.between(self.rows[chosen], self.squares[chosen]))

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
                self.take_in(squared[step], raw[step])
        return largest, len(squared)
