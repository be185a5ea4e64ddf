"""Second step for a row that may be picked next: its exact nearest center.

All centers that the row has missed are looked at, as one product or, where a lower bound from the principal
directions rules most of them out, pair by pair. Pairs within rounding of the nearest are then measured in
float64, and the smallest counts.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from hf_qads.selection.centers import Centers
from hf_qads.selection.pool import Floats, Rows
from hf_qads.selection.products import Scratch, chosen_products

SPARSE = 0.12  # share of pairs left by the bound below which going pair by pair pays
PROBE = 8  # of so many products, one tries the bound where it did not pay before


class Missed(NamedTuple):
    """Rows that have missed centers, with what is known of them.

    Attributes:
        rows: (m, d) working rows.
        flat: (m, 2 + r) coordinates, made for a product with `Centers.flat` that gives a lower bound.
        norms: (m,) squared lengths.
        slack: (m,) rounding of a squared distance.
        best: (m,) upper bound of the measure to the nearest center; brought down in place.
    """

    rows: torch.Tensor
    flat: torch.Tensor
    norms: Floats
    slack: Floats
    best: Floats

    def part(self, rows: slice) -> "Missed":
        """Some of the rows; `best` stays shared."""
        return Missed(self.rows[rows], self.flat[rows], self.norms[rows], self.slack[rows], self.best[rows])


class Pairs(NamedTuple):
    """Pairs of a row and a center, with their approximate squared distances."""

    rows: Rows
    centers: Rows
    squared: Floats


class Surveyor:
    """Finds the pairs that may be nearest; remembers whether the lower bound pays, and counts its work."""

    def __init__(self, centers: Centers, scratch: Scratch) -> None:
        self.centers = centers
        self.scratch = scratch
        self.share_left = 1.0
        self.calls = 0
        self.full_pairs = 0
        self.bound_pairs = 0

    def nearest_pairs(self, missed: Missed, begin: int, end: int) -> Pairs:
        """Pairs of `missed` rows with centers `begin` to `end` that may hold the smallest measure."""
        self.calls += 1
        if self.share_left > SPARSE and self.calls % PROBE:
            return self.by_product(missed, begin, end)
        return self.by_bound(missed, begin, end)

    def by_product(self, missed: Missed, begin: int, end: int) -> Pairs:
        """All pairs at once."""
        norms = self.centers.norms[begin:end]
        squared = self.scratch.squared(missed.rows, self.centers.rows[begin:end], norms)
        self.full_pairs += squared.numel()
        nearest = squared.amin(1).cpu().numpy() + missed.norms
        np.minimum(missed.best, nearest + missed.slack, out=missed.best)
        near = np.flatnonzero(nearest <= missed.best + 2 * missed.slack)
        limits = (missed.best + 2 * missed.slack - missed.norms)[near]
        chosen = squared[on(near, squared)]
        found = (chosen <= on(limits, chosen).unsqueeze(1)).nonzero()
        values = chosen[found[:, 0], found[:, 1]].cpu().numpy()
        rows, columns = found.cpu().numpy().T
        return Pairs(near[rows], columns + begin, values + missed.norms[near[rows]])

    def by_bound(self, missed: Missed, begin: int, end: int) -> Pairs:
        """Only pairs that the lower bound leaves."""
        lower = self.scratch.product(missed.flat, self.centers.flat[begin:end])
        self.bound_pairs += lower.numel()
        limits = missed.best + 2 * missed.slack - missed.norms
        near = np.flatnonzero(lower.amin(1).cpu().numpy() <= limits)
        near = near if 2 * len(near) < len(limits) else np.arange(len(limits))  # a copy costs, too
        picked = lower[on(near, lower)] if len(near) < len(limits) else lower
        left = picked <= on(limits[near], lower).unsqueeze(1)
        total = int(left.count_nonzero())
        self.share_left += 0.25 * (total / lower.numel() - self.share_left)
        if total == 0:
            empty = np.empty(0, dtype=np.int64)
            return Pairs(empty, empty, np.empty(0))
        if total > SPARSE * lower.numel():
            return self.by_product(missed, begin, end)
        found = left.nonzero()
        self.full_pairs += total
        ends = torch.zeros(len(near) + 1, dtype=torch.int64, device=lower.device)
        torch.cumsum(torch.bincount(found[:, 0], minlength=len(near)), 0, out=ends[1:])
        columns = found[:, 1].contiguous()
        products = chosen_products(missed.rows[on(near, lower)], self.centers.rows[begin:end], ends, columns)
        squared = (self.centers.norms[begin:end][columns] - 2 * products).cpu().numpy()
        rows = near[found[:, 0].cpu().numpy()]
        squared = squared + missed.norms[rows]
        np.minimum.at(missed.best, rows, squared + missed.slack[rows])
        return keep_near(Pairs(rows, columns.cpu().numpy() + begin, squared), missed)


def keep_near(pairs: Pairs, missed: Missed) -> Pairs:
    """Pairs that may still hold a row's smallest measure."""
    near = pairs.squared <= missed.best[pairs.rows] + 2 * missed.slack[pairs.rows]
    return Pairs(pairs.rows[near], pairs.centers[near], pairs.squared[near])


def join(parts: list[Pairs], missed: Missed) -> Pairs:
    """All pairs of several products that may hold a row's smallest measure."""
    return keep_near(Pairs(*(np.concatenate(columns) for columns in zip(*parts, strict=True))), missed)


def on(array: npt.NDArray[np.generic], like: torch.Tensor) -> torch.Tensor:
    """A host array on the device of `like`; floating arrays also in its type."""
    tensor = torch.from_numpy(array).to(like.device)
    return tensor.to(like.dtype) if tensor.is_floating_point() else tensor
