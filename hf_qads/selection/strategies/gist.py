"""GIST: quality plus the smallest distance between picks, with a guarantee.

Fahrbach et al. 2025, "GIST: Greedy Independent Set Thresholding for Max-Min Diversification with Submodular
Utility" (arXiv 2405.18754).
"""

from typing import TYPE_CHECKING, Literal

import numpy as np
from tqdm import tqdm

from hf_qads.errors import SelectionError
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Floats, Picks, Pool, Rows, ranked

if TYPE_CHECKING:
    from hf_qads.selection.engine.space import Space

NEEDS = Needs(vectors=True, scores=True, columns=("score",))
PHRASE = "GIST: the set with the best sum of quality scores plus smallest distance between its rows"
CITATION = """\
@inproceedings{fahrbach2025gist,
  title     = {GIST: Greedy Independent Set Thresholding for Max-Min Diversification with Submodular Utility},
  author    = {Fahrbach, Matthew and Ramalingam, Srikumar and Zadimoghaddam, Morteza and Ahmadian, Sara and
               Citovsky, Gui and DeSalvo, Giulia},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2025}
}
"""


def gist(pool: Pool, size: int, *, diversity: float = 1.0, epsilon: float = 0.05, score: str = "") -> Picks:
    """Pick the set that makes the sum of scores plus `diversity` times the smallest distance largest.

    For each of a row of distances, from a small share of the pool's diameter up to all of it, rows are
    taken by falling score unless they are nearer than that to one taken before; the best of these sets is
    the selection, within half (less epsilon) of the optimum. Also tried is no distance at all, which gives
    the highest scores. The diameter is found by walking twice to the farthest row, which is at least half
    of the true one; the row of distances goes on to twice that. A set with fewer than `size` rows is filled
    up by falling score. A smaller selection is no prefix of a larger one. Start rows and already selected
    vectors are not compared with.

    Args:
        pool: needs scores and vectors.
        size: how many rows.
        diversity: weight of the smallest distance.
        epsilon: step between two distances, relative, above 0.
        score: a column that takes the place of the scores.

    Returns:
        The picks; gains are scores, 0 for rows that were only taken to fill up.

    Raises:
        SelectionError: no scores or vectors, a negative score, an option out of range.

    Cost: at most log(2 / epsilon) / epsilon + 15 walks through the rows (90 by default), each with a product
    of a row with those taken before it, up to the first that is too near. A walk is left out where the one
    before took rows that are all at least that far apart, as it would take the same, and broken off where
    what is left of the queue can no longer make its set the best. The lazy engine of `qads` does not serve:
    it orders rows by a product that falls as rows are taken, while here their order is that of the scores
    from the start, and distances only rule rows out.
    """
    if epsilon <= 0 or diversity < 0:
        raise SelectionError(
            f"epsilon must be above 0 and diversity not negative, got {epsilon} and {diversity}."
        )
    from hf_qads.neighbours.arrays import full_precision
    from hf_qads.selection.engine.space import Space

    scores = pool.need_score("gist", score)
    if len(scores) and scores.min() < 0:
        raise SelectionError(f"strategy='gist' sums scores, so none may be negative, got {scores.min():g}.")
    queue = ranked(pool, scores, pool.n).order
    if not size:
        return Picks(queue[:0], np.empty(0))
    with full_precision():
        space = Space(pool.need_vectors("gist"), metric=pool.metric, device=pool.device, out=pool.out)
        search = _Search(space, queue, scores, size, diversity)
        search.walk(-np.inf)
        for distance in tqdm(thresholds(search.diameter, epsilon), desc="gist", disable=None):
            search.walk(distance if space.metric == "cosine" else (distance * space.scale) ** 2)
    best = search.best
    left = queue[~np.isin(queue, best)][: size - len(best)]
    return Picks(np.concatenate([best, left]), np.concatenate([scores[best], np.zeros(len(left))]))


class _Search:
    """The best set so far, over walks with rising distances.

    Attributes:
        diameter: of the rows, as `diameter` finds it.
        best: the rows of the best set.
    """

    def __init__(self, space: "Space", queue: Rows, scores: Floats, size: int, diversity: float) -> None:
        self.space, self.queue, self.scores, self.size, self.diversity = space, queue, scores, size, diversity
        self.diameter = diameter(space, queue)
        self.best, self.worth = queue[:0], -np.inf
        self._sums = np.concatenate([[0.0], np.cumsum(scores[queue])])
        self._closest = -np.inf  # of the last finished walk: up to it, another one takes the same rows
        cosine = space.metric == "cosine"
        self._farthest = 2.0 if cosine else 2 * self.diameter  # no two rows are farther apart
        self._slack = space.slack(np.array([4.0 if cosine else (self._farthest * space.scale) ** 2]))

    def walk(self, least: float) -> None:
        """Take rows by falling score that are at least so far apart, where that may give the best set."""
        from hf_qads.selection.techniques.spacing import apart

        if least <= self._closest and len(self.best):
            return
        found = apart(self.space, self.queue, self.size, least, go_on=self._may_be_best)
        if not found.finished:
            return
        self._closest = found.closest
        new = value(self.space, found.rows, self.scores, self.diversity)
        if new > self.worth:
            self.best, self.worth = found.rows, new

    def _may_be_best(self, rows: Rows, place: int, closest: float) -> bool:
        """Whether the rows taken and the best from `place` on may be worth more than the best set."""
        end = min(place + self.size - len(rows), len(self.queue))
        most = float(self.scores[rows].sum() + self._sums[end] - self._sums[place])
        if self.diversity:
            measure = self.space.at_most(np.array([closest]), self._slack)
            distance = float(self.space.unscale(self.space.distance(measure))[0])
            most += self.diversity * min(distance, self._farthest)
        return most * (1 + 1e-9) > self.worth


def thresholds(diameter: float, epsilon: float) -> list[float]:
    """Distances from epsilon / 2 times the diameter on, each 1 + epsilon times the one before."""
    steps: list[float] = []
    distance = epsilon * diameter / 2
    while 0 < distance <= 2 * diameter:
        steps.append(distance)
        distance *= 1 + epsilon
    return steps


def diameter(space: "Space", rows: Rows) -> float:
    """The distance of the farthest row from the farthest row from the first."""
    far = int(rows[0])
    distance = 0.0
    for _ in range(2):
        measures = from_one(space, rows, far)
        far, distance = int(rows[measures.argmax()]), float(measures.max())
    return distance


def from_one(space: "Space", rows: Rows, one: int) -> Floats:
    """Distances of rows to one row."""
    here = space.raw(np.array([one]))
    parts = [
        space.measure(space.raw(rows[begin : begin + 16_384]), here) for begin in range(0, len(rows), 16_384)
    ]
    return space.unscale(space.distance(np.concatenate(parts)))


def value(space: "Space", rows: Rows, scores: Floats, diversity: float) -> float:
    """The objective of a set: its scores plus `diversity` times the smallest distance between two of it."""
    total = float(scores[rows].sum())
    if len(rows) < 2 or not diversity:
        return total
    return total + diversity * smallest(space, rows)


def smallest(space: "Space", rows: Rows) -> float:
    """The smallest distance between two of the rows."""
    from hf_qads.neighbours.nearest import nearest

    metric: Literal["cosine", "euclidean"] = "cosine" if space.metric == "cosine" else "euclidean"
    index = np.sort(rows)
    found = np.inf
    for begin in range(0, len(index), 16_384):
        own = index[begin : begin + 16_384]
        queries = space.raw(own)
        near = nearest(queries / space.scale, space.tensor, 1, metric=metric, rows=index, itself=own)
        values = 1 - near.values if metric == "cosine" else near.values
        found = min(found, float(values.min()))
    return found
