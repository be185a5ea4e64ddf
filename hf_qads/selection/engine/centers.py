"""Centers: the rows picked so far and the start rows; and which of them is likely near to a row.

A row that is not picked next needs one center that brings its objective below the rival's; which of all
centers is nearest does not matter then. A short product along the principal directions says where such a
center probably is, and exact products with the few best guesses settle it. Nothing is lost by a wrong
guess: the row's bound stays an upper bound.
"""

import numpy as np
import torch

from hf_qads.selection.engine.products import GROUP, Scratch, chosen_products, grouped, whole_groups
from hf_qads.selection.engine.space import UNIT, Space
from hf_qads.selection.pool import Rows

GUESSES = 8
DIRECTIONS = 32


def coordinates(space: Space, rows: torch.Tensor, norms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Coordinates (m, r) of working rows along the principal directions, and the rest of their length (m,).

    The rest is rounded up, so that bounds made with it stay bounds.
    """
    along = rows @ space.basis
    rest = (norms - along.square().sum(1)).clamp_min(0) + (space.d + 32) * UNIT * norms
    return along, rest.sqrt()


class Centers:
    """Centers in the order picked, with room for all that may come, and for whole groups of them.

    Attributes:
        count: how many there are.
        index: (capacity,) their rows in the pool.
        rows: (capacity, d) working rows.
        norms: (capacity,) squared lengths of the working rows.
        flat: (capacity, 2 + r) squared length, rest, principal coordinates.
    """

    def __init__(self, space: Space, capacity: int) -> None:
        self.space = space
        self.count = 0
        room = capacity + GROUP
        self.index = np.empty(room, dtype=np.int64)
        self.rows = torch.zeros(room, space.d, device=space.device)
        self.norms = torch.zeros(room, device=space.device)
        self.flat = torch.zeros(room, 2 + space.basis.shape[1], device=space.device)

    def add(self, index: Rows, rows: torch.Tensor) -> None:
        """Append centers by their rows in the pool and their working rows."""
        begin, end = self.count, self.count + len(index)
        norms = rows.square().sum(1)
        self.index[begin:end] = index
        self.rows[begin:end] = rows
        self.norms[begin:end] = norms
        self.flat[begin:end, 0] = norms
        self.flat[begin:end, 2:], self.flat[begin:end, 1] = coordinates(self.space, rows, norms)
        self.count = end


def likely_centers(estimate: torch.Tensor, count: int) -> torch.Tensor:
    """Columns (m, g) with small values among the first `count` of `estimate`; at most one per group."""
    members = grouped(estimate, count)
    if members.shape[2] <= GUESSES:
        return torch.topk(
            estimate[:, :count], min(GUESSES, count), dim=1, largest=False, sorted=False
        ).indices
    chosen = torch.topk(members.amin(1), GUESSES, dim=1, largest=False, sorted=False).indices
    each = chosen.unsqueeze(2).expand(-1, -1, members.shape[1])
    inside = members.transpose(1, 2).gather(1, each).argmin(2)
    return inside * members.shape[2] + chosen


def near_centers(
    rows: torch.Tensor, flat: torch.Tensor, centers: Centers, begin: int, end: int, scratch: Scratch
) -> torch.Tensor:
    """Smallest squared distance, less the row's squared length, to a few likely centers.

    Args:
        rows: (m, d) working rows.
        flat: (m, 2 + r) their coordinates, made for a product with `Centers.flat`.
        centers: all centers.
        begin: first center to look at.
        end: one past the last.
        scratch: memory of the product.

    Returns:
        (m,) an approximation within the space's slack, of a distance that is really there.
    """
    width = 2 + DIRECTIONS
    stop = begin + whole_groups(end - begin)
    estimate = scratch.product(flat[:, :width], centers.flat[begin:stop, :width])
    columns = likely_centers(estimate, end - begin)
    guesses = columns.shape[1]
    ends = torch.arange(len(rows) + 1, device=rows.device) * guesses
    products = chosen_products(rows, centers.rows[begin:stop], ends, columns.reshape(-1))
    nearest: torch.Tensor = (centers.norms[begin:stop][columns] - 2 * products.view(-1, guesses)).amin(1)
    return nearest
