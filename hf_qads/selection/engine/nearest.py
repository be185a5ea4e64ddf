"""Exact nearest center of the rows that may be picked next.

All centers that the row has missed are looked at, as one product or, where a lower bound from the principal
directions rules most of them out, pair by pair. Pairs within rounding of the nearest are then measured in
float64, and the smallest counts.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from hf_qads.selection.engine.centers import Centers
from hf_qads.selection.engine.products import Scratch, chosen_products, grouped, places_below, whole_groups
from hf_qads.selection.engine.space import Space
from hf_qads.selection.pool import Floats, Rows

SPARSE = 0.12  # share of pairs left by the bound below which going pair by pair pays
PROBE = 8  # of so many products, one tries the bound where it did not pay before


class Pending(NamedTuple):
    """Rows that have missed centers, with what is known of them.

    Attributes:
        rows: (m, d) working rows.
        flat: (m, 2 + r) coordinates, made for a product with `Centers.flat` that gives a lower bound.
        norms: (m,) squared lengths.
        slack: (m,) the rows' part of rounding, see `Space.slack`.
        best: (m,) upper bound of the measure to the nearest center; brought down in place.
    """

    rows: torch.Tensor
    flat: torch.Tensor
    norms: Floats
    slack: Floats
    best: Floats

    def part(self, rows: slice) -> "Pending":
        """Some of the rows; `best` stays shared."""
        return Pending(self.rows[rows], self.flat[rows], self.norms[rows], self.slack[rows], self.best[rows])


class Pairs(NamedTuple):
    """Pairs of a row and a center, with their approximate squared distances."""

    rows: Rows
    centers: Rows
    squared: Floats


class NearestCenters:
    """Finds the pairs that may be nearest; remembers whether the lower bound pays, and counts its work."""

    def __init__(self, centers: Centers, scratch: Scratch) -> None:
        self.centers = centers
        self.scratch = scratch
        self.share_left = 1.0
        self.calls = 0
        self.full_pairs = 0
        self.bound_pairs = 0

    def nearest_pairs(self, pending: Pending, begin: int, end: int) -> Pairs:
        """Pairs of `pending` rows with centers `begin` to `end` that may hold the smallest measure."""
        self.calls += 1
        if self.share_left > SPARSE and self.calls % PROBE:
            return self.by_product(pending, begin, end)
        return self.by_bound(pending, begin, end)

    def by_product(self, pending: Pending, begin: int, end: int) -> Pairs:
        """All pairs at once."""
        stop = begin + whole_groups(end - begin)
        norms = self.centers.norms[begin:stop]
        squared = self.scratch.squared(pending.rows, self.centers.rows[begin:stop], norms)
        self.full_pairs += len(squared) * (end - begin)
        members = grouped(squared, end - begin)
        minima = members.amin(1)
        nearest = minima.amin(1).cpu().numpy() + pending.norms
        space = self.centers.space
        np.minimum(pending.best, space.at_most(nearest, pending.slack), out=pending.best)
        limits = to_device(space.reach(pending.best, pending.slack) - pending.norms, squared)
        rows, columns, _ = places_below(members, minima, limits)
        values, at = squared[rows, columns].cpu().numpy(), rows.cpu().numpy()
        return Pairs(at, columns.cpu().numpy() + begin, values + pending.norms[at])

    def by_bound(self, pending: Pending, begin: int, end: int) -> Pairs:
        """Only pairs that the lower bound leaves."""
        stop = begin + whole_groups(end - begin)
        lower = self.scratch.product(pending.flat, self.centers.flat[begin:stop])
        self.bound_pairs += len(lower) * (end - begin)
        space = self.centers.space
        limits = to_device(space.reach(pending.best, pending.slack) - pending.norms, lower)
        members = grouped(lower, end - begin)
        rows, columns, share = places_below(members, members.amin(1), limits, most=SPARSE)
        self.share_left += 0.25 * (share - self.share_left)
        if share > SPARSE:
            return self.by_product(pending, begin, end)
        self.full_pairs += len(rows)
        ends = torch.zeros(len(lower) + 1, dtype=torch.int64, device=lower.device)
        torch.cumsum(torch.bincount(rows, minlength=len(lower)), 0, out=ends[1:])
        products = chosen_products(pending.rows, self.centers.rows[begin:stop], ends, columns)
        squared = (self.centers.norms[begin:stop][columns] - 2 * products).cpu().numpy()
        at = rows.cpu().numpy()
        squared = squared + pending.norms[at]
        np.minimum.at(pending.best, at, space.at_most(squared, pending.slack[at]))
        return keep_near(Pairs(at, columns.cpu().numpy() + begin, squared), pending, space)


def keep_near(pairs: Pairs, pending: Pending, space: Space) -> Pairs:
    """Pairs that may still hold a row's smallest measure."""
    near = pairs.squared <= space.reach(pending.best, pending.slack)[pairs.rows]
    return Pairs(pairs.rows[near], pairs.centers[near], pairs.squared[near])


def join(parts: list[Pairs], pending: Pending, space: Space) -> Pairs:
    """All pairs of several products that may hold a row's smallest measure."""
    together = Pairs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    return keep_near(together, pending, space)


def to_device(array: npt.NDArray[np.generic], like: torch.Tensor) -> torch.Tensor:
    """A host array on the device of `like`; floating arrays also in its type."""
    tensor = torch.from_numpy(array).to(like.device)
    return tensor.to(like.dtype) if tensor.is_floating_point() else tensor
