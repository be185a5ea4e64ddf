"""The few rows that may be picked next, all brought up to date."""

from dataclasses import dataclass

import numpy as np
import torch

from hf_qads.selection.bounds import Rival
from hf_qads.selection.pool import Floats, Rows
from hf_qads.selection.space import Space


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
        self.limits = self.measure + 2 * self.slack

    def between(self, others: torch.Tensor, norms: Floats) -> Floats:
        """Approximate squared distances (k, m) of working rows (k, d) to the live rows."""
        products: Floats = (others @ self.rows.T).cpu().numpy()
        return norms[:, None] + (self.norms - 2 * products)

    def take_in(self, squared: Floats, center: Floats) -> None:
        """Lower the measures by a new center: its approximate squared distances (m,) and raw row (1, d)."""
        hit = np.flatnonzero(squared <= self.limits)
        if len(hit) == 0:
            return
        measure = np.minimum(self.measure[hit], self.space.measure(self.raw[hit], center))
        self.measure[hit] = measure
        self.limits[hit] = measure + 2 * self.slack[hit]
        self.values[hit] = self.weights[hit] * self.space.distance(measure)

    def pick(self, rival: Rival, most: int) -> tuple[Rows, list[float]]:
        """Plain greedy among the live rows for as long as none outside can be better.

        Returns:
            Positions of the picked rows, in order, and their objectives. Picked rows get a value of minus
            infinity.
        """
        squared = self.between(self.rows, self.norms)
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
            positions.append(best)
            gains.append(value)
            self.limits[best] = -np.inf
            self.values[best] = -np.inf
            self.take_in(squared[best], self.raw[best])
        return np.array(positions, dtype=np.int64), gains

    def follow(
        self, centers: torch.Tensor, norms: Floats, raw: Floats, rival: Rival
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
