"""Exact greedy selection that looks at few distances.

The objective of a row, its score times its distance to the nearest center, never grows as centers are added.
A stale value is therefore an upper bound, and only rows whose bound is among the largest need to be looked
at. A refill takes the rows with the largest bounds (`bounds.Frontier`) and the best bound outside them, the
rival. Rows that some near center rules out go back with a lower bound (`witness`); the others get their exact
nearest center (`survey`); among those that still beat the rival the plain greedy runs for as long as its best
does (`live`). Then comes the next refill.

Source: section 3.3, Eq. 4 and Algorithm 1.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from hf_qads.selection.bounds import Bounds, Frontier, Rival
from hf_qads.selection.centers import Centers, coordinates
from hf_qads.selection.live import Live
from hf_qads.selection.pool import Floats, Rows
from hf_qads.selection.products import Scratch
from hf_qads.selection.space import Space
from hf_qads.selection.survey import Missed, Pairs, Surveyor, join, on
from hf_qads.selection.witness import GUESSES, near_centers

CHUNK = 4096  # centers in one product
FEW, MANY = 256, 2048  # candidates of a refill
MANY_ON_DEVICE = 32768
SLAB = 512  # rows in one product
CLEAR = 0.02  # share of pairs left by the lower bound below which all rows are surveyed at once
FEW_CENTERS = 1024  # start rows up to which their exact distances are left for later


class Engine:
    """State of one greedy selection over the rows of a space.

    Args:
        space: the vectors.
        weights: (n,) scores, not negative.
        capacity: most centers there will be among the pool's rows.
        out: rows that are as if they were not there.
    """

    def __init__(self, space: Space, weights: Floats, capacity: int, *, out: Rows) -> None:
        self.space = space
        self.weights = weights
        self.out = out
        self.centers = Centers(space, capacity)
        self.now = 0
        self.scratch = Scratch(space.device)
        self.surveyor = Surveyor(self.centers, self.scratch)
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
        return {"full": self.full + self.surveyor.full_pairs, "short": self.short + self.surveyor.bound_pairs}

    def begin(self, start: Rows, owned: torch.Tensor | None) -> None:
        """Take in the rows and vectors that count as picked before the first pick."""
        few = len(start) <= FEW_CENTERS
        if few and len(start):
            self.add_centers(start)
        nearest = self.read_all()
        if owned is not None:
            self.take_in_exactly(owned)
        if not few:
            self.take_in_exactly(self.space.tensor, start)
        # Of the few centers only upper bounds are kept; exact nearest ones are found when they are needed.
        np.minimum(self.bounds.best, np.maximum(nearest + self.slack, 0), out=self.bounds.best)
        self.bounds.tried[:] = self.now
        self.bounds.key[:] = self.weights * self.space.distance(self.bounds.best)
        self.bounds.key[start] = -np.inf
        self.bounds.key[self.out] = -np.inf

    def restore(self, start: Rows, order: Rows, slack: Floats) -> None:
        """Put back the centers of a saved state whose bounds are in place."""
        self.add_centers(np.concatenate([start if len(start) <= FEW_CENTERS else start[:0], order]))
        self.read_all(nearest=False)
        self.slack = slack

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
        self.slack = self.space.slack(self.norms, float(self.norms.max()))
        return found + self.norms

    def take_in_exactly(self, vectors: torch.Tensor, index: Rows | None = None) -> None:
        """Exact measures of all rows to the nearest of many vectors (all, or the rows `index` of them)."""
        total = len(vectors) if index is None else len(index)
        surveyor = Surveyor(self.centers, self.scratch)  # of all chunks, to learn once whether the bound pays
        chunks = range(0, total, CHUNK)
        for begin in tqdm(chunks, desc="start pool", unit="block", disable=None, leave=False):
            if index is None:
                raw = vectors[begin : begin + CHUNK]
            else:
                raw = vectors.index_select(
                    0, torch.from_numpy(index[begin : begin + CHUNK]).to(vectors.device)
                )
            rows = self.space.working(raw)
            largest = float(rows.square().sum(1).max())
            self.slack = np.maximum(self.slack, self.space.slack(self.norms, largest))
            chunk = Centers(self.space, len(raw))
            chunk.add(np.arange(len(raw)), rows)
            surveyor.centers = chunk
            measured = self.space.exact(raw)
            for first in range(0, self.space.n, self.slab):
                block = np.arange(first, min(first + self.slab, self.space.n))
                missed = self.missed(block, self.space.rows(block))
                pairs = surveyor.nearest_pairs(missed, 0, len(raw))
                self.settle(block, pairs, measured[pairs.centers])
        self.full += surveyor.full_pairs
        self.short += surveyor.bound_pairs
        self.bounds.best[:] = self.bounds.exact

    def missed(self, index: Rows, rows: torch.Tensor) -> Missed:
        """What the survey wants to know of rows."""
        norms = self.norms[index]
        along, rest = coordinates(self.space, rows, on(norms, rows))
        flat = torch.empty(len(index), 2 + along.shape[1], device=rows.device)
        flat[:, 0] = 1
        flat[:, 1] = -2 * rest
        flat[:, 2:] = -2 * along
        best = np.minimum(self.bounds.best[index], self.bounds.exact[index])
        return Missed(rows, flat, norms, self.slack[index], best)

    def settle(self, index: Rows, pairs: Pairs, centers: Floats) -> None:
        """Measure pairs in float64, `centers` being their raw rows, and lower the exact measures."""
        exact = self.bounds.exact[index]
        if len(pairs.rows):
            measures = self.space.measure(self.space.raw(index[pairs.rows]), centers)
            np.minimum.at(exact, pairs.rows, measures)
        self.bounds.exact[index] = exact

    def refill(self) -> tuple[Live, Rival] | None:
        """Bring the rows with the largest bounds up to date; those that may come next, and the rival."""
        candidates, rival = self.frontier.candidates(self.count)
        candidates = candidates[self.bounds.key[candidates] > -np.inf]
        candidates = candidates[np.argsort(-self.bounds.tried[candidates], kind="stable")]
        rows = self.space.rows(candidates)
        missed = self.missed(candidates, rows)
        if self.surveyor.share_left > CLEAR:
            self.look_for_witnesses(candidates, missed)
        ahead = np.flatnonzero(rival.beaten_by(self.bounds.key[candidates], candidates))
        if len(ahead):
            ahead = ahead[np.argsort(-self.bounds.seen[candidates[ahead]], kind="stable")]
            chosen = on(ahead, rows)
            part = Missed(
                rows[chosen],
                missed.flat[chosen],
                missed.norms[ahead],
                missed.slack[ahead],
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
            Live(
                self.space,
                index,
                part.rows[on(keep, rows)],
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

    def look_for_witnesses(self, index: Rows, missed: Missed) -> None:
        """Lower the bounds of rows, sorted by falling `tried`, by a few likely centers among the others."""
        flat = missed.flat.clone()
        flat[:, 1] = 0
        for rows, begin, end in self.steps(self.bounds.tried[index]):
            squared = near_centers(missed.rows[rows], flat[rows], self.centers, begin, end, self.scratch)
            self.short += len(squared) * (end - begin)
            self.full += len(squared) * min(GUESSES, end - begin)
            found = squared.cpu().numpy() + missed.norms[rows] + missed.slack[rows]
            np.minimum(missed.best[rows], np.maximum(found, 0), out=missed.best[rows])
        self.bounds.tried[index] = self.now
        self.bounds.best[index] = missed.best
        self.bounds.key[index] = self.weights[index] * self.space.distance(missed.best)

    def find_nearest(self, index: Rows, missed: Missed) -> None:
        """Exact measures of rows, sorted by falling `seen`, to their nearest centers."""
        parts: list[Pairs] = []
        for rows, begin, end in self.steps(self.bounds.seen[index]):
            pairs = self.surveyor.nearest_pairs(missed.part(rows), begin, end)
            parts.append(Pairs(pairs.rows + rows.start, pairs.centers, pairs.squared))
        if parts:
            pairs = join(parts, missed)
            self.settle(index, pairs, self.space.raw(self.centers.index[pairs.centers]))
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
