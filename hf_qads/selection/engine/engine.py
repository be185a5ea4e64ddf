"""Exact lazy greedy selection: K-center and QaDS at few distances.

The objective of a row, its score times its distance to the nearest center, never grows as centers are added.
A stale value is therefore an upper bound, and only rows whose bound is among the largest need to be looked
at. A refill takes the rows with the largest bounds (`candidates.Frontier`) and the best bound outside them,
the rival. Rows that some near center rules out go back with a lower bound (`centers.near_centers`); the
others get their exact nearest center (`nearest`); among those that still beat the rival the plain greedy runs
for as long as its best does (`candidates.CandidateSet`). Then comes the next refill.

Source: section 3.3, Eq. 4 and Algorithm 1.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch

from hf_qads.selection.engine.candidates import Bounds, CandidateSet, Frontier, Rival, largest
from hf_qads.selection.engine.centers import GUESSES, Centers, coordinates, near_centers
from hf_qads.selection.engine.nearest import NearestCenters, Pairs, Pending, join, to_device
from hf_qads.selection.engine.products import Scratch
from hf_qads.selection.engine.space import Space
from hf_qads.selection.engine.startpool import StartPool
from hf_qads.selection.pool import Floats, Rows

CHUNK = 4096  # centers in one product
FEW, MANY = 256, 2048  # candidates of a refill
MANY_ON_DEVICE = 32768
SLAB = 512  # rows in one product
CLEAR = 0.02  # share of pairs left by the lower bound below which all rows are surveyed at once
FEW_CENTERS = 1024  # start rows up to which they are centers like the picks
PAIR_BYTES = 64 << 20  # raw rows that are measured at once


class LazyGreedy:
    """State of one greedy selection over the rows of a space.

    Args:
        space: the vectors.
        weights: (n,) scores, not negative.
        size: most picks there will be.
        start: rows that count as picked before the first pick.
        already_selected: (m, d) further vectors that do, or None.
        out: rows that are as if they were not there.
    """

    def __init__(
        self,
        space: Space,
        weights: Floats,
        size: int,
        *,
        start: Rows,
        already_selected: torch.Tensor | None,
        out: Rows,
    ) -> None:
        self.space = space
        self.weights = weights
        self.start = start
        self.out = out
        few = len(start) <= FEW_CENTERS
        self.first = start if few else start[:0]  # the centers before the first pick
        self.centers = Centers(space, len(self.first) + size)
        self.now = 0
        self.begun = False
        self.scratch = Scratch(space.device)
        self.nearest = NearestCenters(self.centers, self.scratch)
        self.start_pools = [] if few else [StartPool(space, space.tensor, start, self.scratch)]
        if already_selected is not None:
            self.start_pools.append(StartPool(space, already_selected, None, self.scratch))
        self.norms = np.zeros(space.n)
        self.slack = self.norms
        self.slab = SLAB if space.device.type == "cpu" else MANY_ON_DEVICE
        self.most = MANY if space.device.type == "cpu" else MANY_ON_DEVICE
        self.count = min(self.most, 4 * FEW)
        self.full = self.short = 0
        unknown = np.full(space.n, np.inf)
        self.bounds = Bounds(unknown, unknown.copy(), unknown.copy())
        self.frontier = Frontier(
            self.bounds.key, max(16 * self.most, int(np.sqrt(64.0 * space.n * self.most)))
        )

    def work(self) -> dict[str, int]:
        """How many distances were worked out in full, and how many along the principal directions only."""
        searches = [self.nearest, *(pool.nearest for pool in self.start_pools)]
        full = self.full + sum(pool.full for pool in self.start_pools)
        return {
            "full": full + sum(search.full_pairs for search in searches),
            "short": self.short + sum(search.bound_pairs for search in searches),
        }

    def begin(self) -> None:
        """Take in the rows and vectors that count as picked before the first pick, by upper bounds."""
        self.begun = True
        self.add_centers(self.first)
        squared = self.read_all()
        for pool in self.start_pools:
            np.minimum(squared, pool.upper_bounds(self.norms), out=squared)
        self.bounds.best[:] = self.space.at_most(squared, self.slack)
        self.bounds.settled[:] = not self.start_pools
        self.bounds.tried[:] = self.now
        self.bounds.key[:] = self.weights * self.space.distance(self.bounds.best)
        self.bounds.key[self.start] = -np.inf
        self.bounds.key[self.out] = -np.inf

    def restore(self, order: Rows) -> None:
        """Put back the centers of a checkpoint whose bounds are in place."""
        self.begun = True
        self.add_centers(np.concatenate([self.first, order]))
        self.read_all(nearest=False)

    def add_centers(self, index: Rows) -> None:
        """Make rows of the pool centers, by blocks."""
        for begin in range(0, len(index), self.space.block):
            part = index[begin : begin + self.space.block]
            self.centers.add(part, self.space.rows(part))
        self.now = self.centers.count

    def read_all(self, *, nearest: bool = True) -> Floats:
        """Work out the squared lengths of all rows, and their slack. One read of all vectors.

        Returns:
            (n,) approximate squared distances to the nearest center so far; infinity without any.
        """
        centers, found = self.centers, np.full(self.space.n, np.inf)
        for begin in range(0, self.space.n, self.space.block):
            part = slice(begin, begin + self.space.block)
            rows = self.space.working(self.space.tensor[part])
            self.norms[part] = torch.linalg.vector_norm(rows, dim=1).square_().cpu().numpy()
            if nearest and self.now:
                squared = self.scratch.squared(rows, centers.rows[: self.now], centers.norms[: self.now])
                self.full += squared.numel()
                found[part] = squared.amin(1).cpu().numpy()
        self.norms[self.out] = 0
        self.slack = self.space.slack(self.norms)
        return found + self.norms

    def settle_some(self) -> None:
        """Find the exact nearest vector in the start pools for the largest keys that lack it."""
        waiting = np.where(self.bounds.settled, -np.inf, self.bounds.key)
        index = np.sort(largest(waiting, None, self.most)[0])
        index = index[waiting[index] > -np.inf]
        pending = self.pending(index, self.space.rows(index))
        for pool in self.start_pools:
            for pairs in pool.nearest_pairs(pending, self.slab):
                self.measure(index, pairs, pool.raw)
        self.bounds.settled[index] = True
        self.bounds.best[index] = np.minimum(pending.best, self.bounds.exact[index])
        self.bounds.key[index] = self.weights[index] * self.space.distance(self.bounds.best[index])

    def pending(self, index: Rows, rows: torch.Tensor) -> Pending:
        """What the survey wants to know of rows."""
        norms = self.norms[index]
        along, rest = coordinates(self.space, rows, to_device(norms, rows))
        flat = torch.empty(len(index), 2 + along.shape[1], device=rows.device)
        flat[:, 0] = 1
        flat[:, 1] = -2 * rest
        flat[:, 2:] = -2 * along
        best = np.minimum(self.bounds.best[index], self.bounds.exact[index])
        return Pending(rows, flat, norms, self.slack[index], best)

    def measure(self, index: Rows, pairs: Pairs, raw: Callable[[Rows], Floats]) -> None:
        """Measure pairs in float64 and lower the exact measures of the rows `index` by them.

        `raw` gives the raw vectors of the pairs' centers.
        """
        exact = self.bounds.exact[index]
        step = max(1, PAIR_BYTES // (8 * self.space.d))
        for begin in range(0, len(pairs.rows), step):
            rows, centers = pairs.rows[begin : begin + step], pairs.centers[begin : begin + step]
            np.minimum.at(exact, rows, self.space.measure(self.space.raw(index[rows]), raw(centers)))
        self.bounds.exact[index] = exact

    def refill(self) -> tuple[CandidateSet, Rival] | None:
        """Bring the rows with the largest bounds up to date; those that may come next, and the rival."""
        candidates, rival = self.frontier.candidates(self.count)
        candidates = candidates[self.bounds.key[candidates] > -np.inf]
        known = candidates[self.bounds.exact[candidates] == 0]
        self.bounds.seen[known] = self.now  # no center is nearer
        candidates = candidates[np.argsort(-self.bounds.tried[candidates], kind="stable")]
        rows = self.space.rows(candidates)
        pending = self.pending(candidates, rows)
        if self.nearest.share_left > CLEAR:
            self.look_for_witnesses(candidates, pending)
        ahead = np.flatnonzero(rival.beaten_by(self.bounds.key[candidates], candidates))
        if not self.bounds.settled[candidates[ahead]].all():
            self.settle_some()
            return None
        if len(ahead):
            ahead = ahead[np.argsort(-self.bounds.seen[candidates[ahead]], kind="stable")]
            chosen = to_device(ahead, rows)
            part = Pending(
                rows[chosen],
                pending.flat[chosen],
                pending.norms[ahead],
                pending.slack[ahead],
                self.bounds.best[candidates[ahead]],
            )
            self.find_nearest(candidates[ahead], part)
            keep = np.flatnonzero(rival.beaten_by(self.bounds.key[candidates[ahead]], candidates[ahead]))
            keep = keep[np.argsort(candidates[ahead[keep]])]
        self.tune(0 if len(ahead) == 0 else len(keep))
        if len(ahead) == 0 or len(keep) == 0:
            return None
        index = candidates[ahead[keep]]
        return (
            CandidateSet(
                self.space,
                index,
                part.rows[to_device(keep, rows)],
                part.norms[keep],
                part.slack[keep],
                self.bounds.exact[index],
                self.weights[index],
            ),
            rival,
        )

    def tune(self, live: int) -> None:
        """More candidates where few of them stay, fewer where the products among them would cost most."""
        if live < self.count // 8:
            self.count = min(self.most, 2 * self.count)
        elif live > self.count // 2:
            self.count = max(FEW, self.count // 2)

    def look_for_witnesses(self, index: Rows, pending: Pending) -> None:
        """Lower the bounds of rows, sorted by falling `tried`, by a few likely centers among the others."""
        flat = pending.flat.clone()
        flat[:, 1] = 0
        for rows, begin, end in self.steps(self.bounds.tried[index]):
            squared = near_centers(pending.rows[rows], flat[rows], self.centers, begin, end, self.scratch)
            self.short += len(squared) * (end - begin)
            self.full += len(squared) * min(GUESSES, end - begin)
            found = self.space.at_most(squared.cpu().numpy() + pending.norms[rows], pending.slack[rows])
            np.minimum(pending.best[rows], found, out=pending.best[rows])
        self.bounds.tried[index] = self.now
        self.bounds.best[index] = pending.best
        self.bounds.key[index] = self.weights[index] * self.space.distance(pending.best)

    def find_nearest(self, index: Rows, pending: Pending) -> None:
        """Exact measures of rows, sorted by falling `seen`, to their nearest centers."""
        parts: list[Pairs] = []
        for rows, begin, end in self.steps(self.bounds.seen[index]):
            pairs = self.nearest.nearest_pairs(pending.part(rows), begin, end)
            parts.append(Pairs(pairs.rows + rows.start, pairs.centers, pairs.squared))
        if parts:
            pairs = join(parts, pending, self.space)
            self.measure(index, pairs, lambda places: self.space.raw(self.centers.index[places]))
        self.record(index, self.bounds.exact[index])

    def steps(self, done: npt.NDArray[np.int32]) -> Iterator[tuple[slice, int, int]]:
        """Products that bring rows up to date: which rows, and from which center to which.

        Products stay small enough for the processor's cache. Rows come with falling `done`, the number of
        centers that they have taken in, so that rows of one product have missed about the same.
        """
        for first in range(0, len(done), self.slab):
            last = min(first + self.slab, len(done))
            for begin in range(int(done[last - 1]), self.now, CHUNK):
                end = min(begin + CHUNK, self.now)
                behind = first + int((done[first:last] >= end).sum())
                yield slice(behind, last), begin, end

    def record(self, index: Rows, measure: Floats) -> None:
        """Note exact measures of rows with regard to all centers so far."""
        self.bounds.exact[index] = measure
        self.bounds.best[index] = measure
        self.bounds.seen[index] = self.now
        self.bounds.tried[index] = self.now
        self.bounds.key[index] = self.weights[index] * self.space.distance(measure)
