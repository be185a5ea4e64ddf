"""Large start pools and already selected vectors: exact nearest vector by cells, read in chunks.

A million already selected vectors are not compared with every row. They fall into cells around a few hundred
of them, and each row looks only at the cells nearest to it: that gives it a near vector, and with it an upper
bound of its distance to all. Only rows that this bound lets come near to being picked get their exact
nearest vector.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from hf_qads.selection.engine.centers import Centers
from hf_qads.selection.engine.nearest import NearestCenters, Pairs, Pending
from hf_qads.selection.engine.products import Scratch
from hf_qads.selection.engine.space import Space
from hf_qads.selection.pool import Floats, Rows

PROBES = 2  # cells that a row looks at
CELLS = 2048  # most cells
CROWDED = 8  # times the mean size of a cell, from which on its further vectors are passed over
CHUNK = 4096  # vectors in one product
TWINS = 16  # pairs for each vector of a chunk from which on equal vectors are looked for


class StartPool:
    """Vectors of any number, read in chunks and never held whole.

    Args:
        space: the pool's vectors.
        tensor: (m, d) raw vectors.
        index: the rows of `tensor` that count; None means all.
        scratch: memory of the products.
    """

    def __init__(self, space: Space, tensor: torch.Tensor, index: Rows | None, scratch: Scratch) -> None:
        self.space = space
        self.tensor = tensor
        self.index = index
        self.total = len(tensor) if index is None else len(index)
        self.scratch = scratch
        self.nearest = NearestCenters(
            Centers(space, 0), scratch
        )  # learns for all chunks whether its bound pays
        self.full = 0
        balance = np.sqrt(PROBES * space.n * self.total / (space.n + self.total))
        self.cells = int(np.clip(balance, 1, min(CELLS, self.total)))

    def taken(self, places: Rows | slice) -> torch.Tensor:
        """Raw vectors by their places among those that count."""
        rows = places if self.index is None else self.index[places]
        if isinstance(rows, slice):
            return self.tensor[rows]
        return self.tensor.index_select(0, torch.from_numpy(rows).to(self.tensor.device))

    def raw(self, places: Rows) -> Floats:
        """Raw vectors in float64, ready to be measured."""
        return self.space.exact(self.taken(places))

    def upper_bounds(self, norms: Floats) -> Floats:
        """Approximate squared distance (n,) of every row of the space to a near vector.

        Cost: (n + m) * cells + PROBES * n * m / cells distances at most, and as many reads of all vectors as
        there are probes, plus one.
        """
        total, found = self.total, np.empty(self.space.n)
        work = total + (1 + PROBES) * self.space.n
        with tqdm(
            total=work, desc="start pool", unit="row", unit_scale=True, disable=None, leave=False
        ) as bar:
            pivots = self.space.working(self.taken(np.arange(self.cells) * total // self.cells))
            squares = pivots.square().sum(1)
            cell = np.empty(total, dtype=np.int16)
            for places in blocks(total, self.space.block):
                rows = self.space.working(self.taken(places))
                near = self.scratch.squared(rows, pivots, squares).argmin(1)
                cell[places] = near.cpu().numpy()
                bar.update(len(rows))
            probes = np.empty((PROBES, self.space.n), dtype=np.int16)
            for index in blocks(self.space.n, self.space.block):
                rows = self.space.working(self.space.tensor[index])
                squared = self.scratch.squared(rows, pivots, squares)
                values, near = squared.topk(min(PROBES, self.cells), dim=1, largest=False)
                found[index] = values[:, 0].cpu().numpy()
                probes[: near.shape[1], index] = near.T.cpu().numpy()
                bar.update(len(rows))
            self.full += (total + self.space.n) * self.cells
            members = by_cell(cell, self.cells)
            for probe in probes[: min(PROBES, self.cells)]:
                for inside, rows_inside in zip(members, by_cell(probe, self.cells), strict=True):
                    if len(inside) and len(rows_inside):
                        self.look_inside(inside[: CROWDED * total // self.cells + 1], rows_inside, found)
                    bar.update(len(rows_inside))
        return found + norms

    def look_inside(self, places: Rows, index: Rows, found: Floats) -> None:
        """Lower `found` of the rows `index` by the vectors at `places`; less the rows' squared lengths."""
        for chunk in np.array_split(places, -(-len(places) // CHUNK)):
            vectors = self.space.working(self.taken(chunk))
            squares = vectors.square().sum(1)
            for part in np.array_split(index, -(-len(index) // CHUNK)):
                squared = self.scratch.squared(self.space.rows(part), vectors, squares)
                found[part] = np.minimum(found[part], squared.amin(1).cpu().numpy())
        self.full += len(places) * len(index)

    def nearest_pairs(self, pending: Pending, slab: int) -> Iterator[Pairs]:
        """By chunks, pairs of `pending` rows and places of vectors that may hold the smallest measure."""
        for places in blocks(self.total, CHUNK):
            rows = self.space.working(self.taken(places))
            self.nearest.centers = Centers(self.space, len(rows))
            self.nearest.centers.add(np.arange(places.start, places.stop), rows)
            for first in range(0, len(pending.norms), slab):
                part = pending.part(slice(first, first + slab))
                pairs = self.nearest.nearest_pairs(part, 0, len(rows))
                pairs = Pairs(pairs.rows + first, pairs.centers + places.start, pairs.squared)
                yield self.without_twins(pairs) if len(pairs.rows) > TWINS * len(rows) else pairs

    def without_twins(self, pairs: Pairs) -> Pairs:
        """Of equal vectors each row keeps one: a vector that is there a thousand times is measured once."""
        centers, where = np.unique(pairs.centers, return_inverse=True)
        same = np.unique(self.raw(centers), axis=0, return_inverse=True)[1]
        kept = np.unique(np.stack([pairs.rows, same[where]]), axis=1, return_index=True)[1]
        return Pairs(pairs.rows[kept], pairs.centers[kept], pairs.squared[kept])


def blocks(total: int, size: int) -> Iterator[slice]:
    """0 to `total` in runs of at most `size`."""
    for begin in range(0, total, size):
        yield slice(begin, min(begin + size, total))


def by_cell(cell: npt.NDArray[np.int16], cells: int) -> list[Rows]:
    """For each cell, the places that name it, in ascending order."""
    order = np.argsort(cell, kind="stable")
    return np.split(order, np.cumsum(np.bincount(cell, minlength=cells))[:-1])
