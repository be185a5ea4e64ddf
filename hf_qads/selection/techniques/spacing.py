"""Go down a queue of rows and take those that are not too near to any taken before."""

from collections.abc import Callable

import numpy as np
import torch

from hf_qads.neighbours.arrays import full_precision
from hf_qads.selection.engine.space import Space
from hf_qads.selection.pool import Floats, Pool, Rows

BLOCK = 1024
CHUNK = 16_384  # rows taken before that a block is compared with at once

Near = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@full_precision()
def dissimilar(pool: Pool, queue: Rows, size: int, threshold: float, *, strategy: str) -> Rows:
    """The first `size` rows of `queue` whose cosine similarity to all taken before is at most `threshold`."""
    space = Space(pool.need_vectors(strategy), metric="cosine", device=pool.device, out=pool.out)

    def unit(index: Rows) -> torch.Tensor:
        return (space.rows(index) + space.center) * 2**0.5

    return taken(queue, size, unit, lambda rows, others: rows @ others.T > threshold)


def apart(space: Space, queue: Rows, size: int, distance: float) -> Rows:
    """The first `size` rows of `queue` whose distance to all taken before is at least `distance`."""
    if space.metric == "euclidean":
        distance = (distance * space.scale) ** 2

    def near(rows: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        squares = rows.square().sum(1).unsqueeze(1) + others.square().sum(1)
        return torch.addmm(squares, rows, others.T, alpha=-2) < distance

    return taken(queue, size, space.rows, near)


@full_precision()
def taken(queue: Rows, size: int, load: Callable[[Rows], torch.Tensor], near: Near) -> Rows:
    """The first `size` rows of a queue that are not near to any taken before.

    Args:
        queue: rows in the order in which they are looked at.
        size: how many at most.
        load: the vectors of some rows.
        near: whether each of some vectors (m, d) is near to each of others (k, d): (m, k).

    Cost: a product with all rows taken so far for each row looked at; the taken rows as float32 in memory.
    """
    found: list[int] = []
    kept: list[torch.Tensor] = []  # vectors of the rows found, in chunks
    for begin in range(0, len(queue), BLOCK):
        if len(found) >= size:
            break
        index = queue[begin : begin + BLOCK]
        rows = load(index)
        possible: np.ndarray = np.ones(len(index), dtype=bool)
        for chunk in kept:
            possible &= ~near(rows, chunk).any(1).cpu().numpy()
        within: Floats = near(rows, rows).cpu().numpy()
        new: list[int] = []
        for place in range(len(index)):
            if possible[place] and len(found) < size:
                new.append(place)
                found.append(int(index[place]))
                possible &= ~within[place]
        if new:
            if kept and len(kept[-1]) + len(new) <= CHUNK:
                kept[-1] = torch.cat([kept[-1], rows[new]])
            else:
                kept.append(rows[new])
    return np.array(found, dtype=np.int64)
