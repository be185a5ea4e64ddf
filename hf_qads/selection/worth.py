"""What a selection is worth before training: coverage, NovelSum, clusters, near-duplicates, overlap."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import SelectionError
from hf_qads.selection.pool import Floats, Rows

CITATION = """\
@inproceedings{yang2025measuring,
  title     = {Measuring Data Diversity for Instruction Tuning: A Systematic Analysis and A Reliable Metric},
  author    = {Yang, Yuming and Nan, Yang and Ye, Junjie and Dou, Shihan and Wang, Xiao and Li, Shuo and
    Lv, Huijie and Gui, Tao and Zhang, Qi and Huang, Xuanjing},
  booktitle = {Proceedings of the 63rd Annual Meeting of the Association for Computational Linguistics},
  year      = {2025}
}
"""

POOL_ROWS = 8_000  # rows of the pool that are measured at most, drawn with the seed
PICKS = 4_000  # picks that are compared with each other at most
NEIGHBOURS = 10
DENSITY_POWER = 0.5
NEAR = 0.98  # cosine similarity from which two rows count as near-duplicates
CLUSTERS = 256


@dataclass(frozen=True)
class Worth:
    """One selection beside others.

    Attributes:
        name: of the selection.
        rows: how many it has.
        coverage: mean cosine distance of the pool's rows to the nearest picked one; smaller is better.
        farthest: the largest of these distances.
        novelsum: diversity, see `novelsum`; larger is more diverse.
        clusters: effective number of k-means clusters of the pool that the picks fall into: the exponential
            of the entropy of their shares.
        of_clusters: how many clusters there are.
        near_duplicates: share of picks with another pick at a cosine similarity of 0.98 or more.
        mean_score: mean score of the picks, NaN without scores.
        median_length: median length of their answers, NaN where lengths are not known.
        shares: source -> share of the picks.
        overlap: other selection -> Jaccard index: rows in both over rows in either.
    """

    name: str
    rows: int
    coverage: float
    farthest: float
    novelsum: float
    clusters: float
    of_clusters: int
    near_duplicates: float
    mean_score: float
    median_length: float
    shares: dict[str, float]
    overlap: dict[str, float]


def worth(
    selections: Mapping[str, Rows],
    vectors: Any,
    *,
    rows: Rows | None = None,
    scores: Any = None,
    lengths: Any = None,
    sources: Any = None,
    seed: int = 0,
) -> list[Worth]:
    """Measure several selections of one pool, in the same way and on the same rows.

    Args:
        selections: name -> picked rows.
        vectors: (n, d) array or memmap of the pool.
        rows: rows of the pool that count; None: all. Others may hold NaN.
        scores: (n,) or None.
        lengths: (n,) length of each answer, or None.
        sources: (n,) names, or None.
        seed: of the rows that are measured where there are more than 8,000, and of the picks that are
            compared with each other where there are more than 4,000.

    Returns:
        One line per selection.

    Raises:
        SelectionError: a selection without rows.

    Cost: 8,000 * picks distances for each selection, and 4,000^2; the vectors of the rows in question.
    """
    index = np.arange(len(vectors)) if rows is None else np.asarray(rows)
    empty = [name for name, picked in selections.items() if not len(picked)]
    if empty or not len(index):
        raise SelectionError(f"{empty[0] if empty else 'the pool'} has no rows to measure.")
    from hf_qads.neighbours import assign, kmeans, nearest

    generator = np.random.default_rng([seed, 5])
    measured = drawn(index, POOL_ROWS, generator)
    pool = _rows(vectors, measured)
    count = max(1, min(CLUSTERS, round(len(pool) ** 0.5)))
    centroids = kmeans(pool, count, metric="cosine", seed=[seed, 5])
    found = []
    for name, picked in selections.items():
        own = np.sort(np.asarray(picked))
        distances = 1 - nearest(pool, vectors, 1, rows=own).values[:, 0]
        some = drawn(own, PICKS, generator)
        chosen = _rows(vectors, some)
        near = nearest(chosen, chosen, 1, itself=np.arange(len(chosen))).values
        shares = np.bincount(assign(chosen, centroids, metric="cosine")[0], minlength=count) / len(chosen)
        names, counts = np.unique(np.asarray(sources)[own] if sources is not None else [], return_counts=True)
        found.append(
            Worth(
                name=name,
                rows=len(own),
                coverage=float(distances.mean()),
                farthest=float(distances.max()),
                novelsum=novelsum(chosen, pool),
                clusters=float(np.exp(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())),
                of_clusters=count,
                near_duplicates=float((near[:, 0] >= NEAR).mean()) if near.size else 0.0,
                mean_score=_middle(np.mean, scores, own),
                median_length=_middle(np.median, lengths, own),
                shares={str(key): int(number) / len(own) for key, number in zip(names, counts, strict=True)},
                overlap={other: jaccard(own, rest) for other, rest in selections.items() if other != name},
            )
        )
    return found


def novelsum(picked: NDArray[Any], pool: NDArray[Any]) -> float:
    """NovelSum of a selection: novel rows are far from the others, the more so where the pool is dense.

    The mean over rows i of density(i) times a weighted mean of the cosine distances to all picked rows in
    rising order, the k-th with weight 1 / k; the row itself is the first, at distance 0, as in the published
    code. The density of a row is its mean cosine distance to the 10 nearest different rows of the pool to
    the power of -0.5: the published code has squared Euclidean distances there, which for vectors of length 1
    are twice as much.

    Args:
        picked: (k, d) vectors of the picked rows.
        pool: (n, d) vectors of the pool, or of a sample of it.

    Cost: k^2 + k * n distances; a block of 512 rows of them in memory.

    Source: Yang et al. 2025 (arXiv 2502.17184), distance power 1, density power 0.5, 10 neighbours.
    """
    from hf_qads.neighbours import nearest

    different = np.unique(pool, axis=0)
    found = nearest(picked, different, NEIGHBOURS + 1)
    apart = 1 - found.values
    # a picked row is mostly in the pool, and not its own neighbour
    others = [row[1:] if row[0] < 1e-9 and len(row) > 1 else row[:NEIGHBOURS] for row in apart]
    near = np.array([row.mean() for row in others])
    density = (near + 1e-9) ** -DENSITY_POWER
    unit = np.asarray(picked, dtype=np.float64)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    weights = 1 / np.arange(1, len(unit) + 1)
    total = 0.0
    for begin in range(0, len(unit), 512):
        distances = np.sort(np.maximum(1 - unit[begin : begin + 512] @ unit.T, 0), axis=1)
        total += float(density[begin : begin + 512] @ (distances @ weights / weights.sum()))
    return total / len(unit)


def jaccard(one: Rows, other: Rows) -> float:
    """Rows in both selections over rows in either."""
    both = len(np.intersect1d(one, other))
    return both / (len(one) + len(other) - both)


def drawn(rows: Rows, most: int, generator: np.random.Generator) -> Rows:
    """At most `most` of the rows, in ascending order."""
    return np.sort(generator.choice(rows, most, replace=False)) if len(rows) > most else np.sort(rows)


def _rows(vectors: Any, index: Rows) -> NDArray[np.float32]:
    return np.asarray(vectors[index], dtype=np.float32)


def _middle(middle: Any, values: Any, rows: Rows) -> float:
    if values is None:
        return float("nan")
    known: Floats = np.asarray(values, dtype=np.float64)[rows]
    known = known[np.isfinite(known)]
    return float(middle(known)) if len(known) else float("nan")
