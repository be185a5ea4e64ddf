"""The rows picked so far (and the start rows), in the form that the products want."""

import numpy as np
import torch

from hf_qads.selection.engine import groups
from hf_qads.selection.engine.space import UNIT, Space
from hf_qads.selection.pool import Rows


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
        room = capacity + groups.GROUP
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
