"""Go down a queue of rows and take those that are not too near to any taken before."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from hf_qads.neighbours.arrays import full_precision
from hf_qads.selection.engine.space import Space
from hf_qads.selection.pool import Pool, Rows

BLOCK = 1024
CHUNK = (
    2048  # rows taken before that a block is compared with at once; what is too near to one goes no further
)

Measure = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
GoOn = Callable[[Rows, int, float], bool]


class Taken(NamedTuple):
    """Rows that a walk down a queue took.

    Attributes:
        rows: in the order taken.
        closest: the smallest measure between two of them, infinite for fewer than two.
        finished: whether the walk came to its end.
    """

    rows: Rows
    closest: float
    finished: bool


@full_precision()
def dissimilar(pool: Pool, queue: Rows, size: int, threshold: float, *, strategy: str) -> Rows:
    """The first `size` rows of `queue` whose cosine similarity to all taken before is at most `threshold`."""
    space = Space(pool.need_vectors(strategy), metric="cosine", device=pool.device, out=pool.out)

    def unit(index: Rows) -> torch.Tensor:
        return (space.rows(index) + space.center) * 2**0.5

    return taken(queue, size, unit, lambda rows, others: -(rows @ others.T), -threshold).rows


def apart(space: Space, queue: Rows, size: int, least: float, *, go_on: GoOn = lambda *_: True) -> Taken:
    """The first `size` rows of `queue` whose measure in `space` to all taken before is not below `least`.

    It is the squared scaled distance, or 1 minus the cosine, up to rounding. See `taken` for the rest.
    """

    def squared(rows: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        squares = rows.square().sum(1).unsqueeze(1) + others.square().sum(1)
        return torch.addmm(squares, rows, others.T, alpha=-2)

    return taken(queue, size, space.rows, squared, least, go_on=go_on)


@full_precision()
def taken(
    queue: Rows,
    size: int,
    load: Callable[[Rows], torch.Tensor],
    measure: Measure,
    least: float,
    *,
    go_on: GoOn = lambda *_: True,
) -> Taken:
    """The first `size` rows of a queue whose measure to any taken before is not below `least`.

    Args:
        queue: rows in the order in which they are looked at.
        size: how many at most.
        load: the vectors of some rows.
        measure: of each of some vectors (m, d) and each of others (k, d), (m, k); small is near.
        least: the smallest measure allowed.
        go_on: asked before each block, with the rows taken, the place in the queue and the smallest measure
            so far; where it says no, the walk ends there.

    Cost: a product of each row looked at with the rows taken so far, up to the first that is too near, in
    blocks; the taken rows as float32 in memory.
    """
    found: list[int] = []
    kept: list[torch.Tensor] = []  # vectors of the rows found, in chunks
    closest = math.inf
    for begin in range(0, len(queue), BLOCK):
        if len(found) >= size:
            break
        if not go_on(np.array(found, dtype=np.int64), begin, closest):
            return Taken(np.array(found, dtype=np.int64), closest, finished=False)
        index = queue[begin : begin + BLOCK]
        rows = load(index)
        nearest = torch.full((len(index),), math.inf, device=rows.device)
        for chunk in kept:
            values = measure(rows, chunk).amin(1)
            nearest = torch.minimum(nearest, values)
            left = torch.nonzero(nearest >= least).squeeze(1)
            if len(left) < len(nearest):
                index, rows, nearest = index[left.cpu().numpy()], rows[left], nearest[left]
        within = measure(rows, rows).cpu().numpy()
        near = nearest.cpu().numpy().astype(np.float64)
        new: list[int] = []
        for place in range(len(index)):
            if near[place] >= least and len(found) < size:
                new.append(place)
                found.append(int(index[place]))
                closest = min(closest, float(near[place]))
                np.minimum(near, within[place], out=near)
        if new:
            if kept and len(kept[-1]) + len(new) <= CHUNK:
                kept[-1] = torch.cat([kept[-1], rows[new]])
            else:
                kept.append(rows[new])
    return Taken(np.array(found, dtype=np.int64), closest, finished=True)
