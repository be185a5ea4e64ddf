"""Prototypicality pruning: drop what lies near the centroids.

Sorscher et al. 2022, "Beyond neural scaling laws: beating power law scaling via data pruning"
(arXiv 2206.14486); its use for text in Tirumala et al. 2023, "D4" (arXiv 2308.12284).
"""

from typing import TYPE_CHECKING

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.selection.pool import Picks, Pool, ranked

if TYPE_CHECKING:
    import torch

ROUNDS = 20
SAMPLE_PER_CLUSTER = 256


def ssl_prototype(pool: Pool, size: int, *, clusters: int = 100) -> Picks:
    """Cluster the vectors by k-means and pick rows by falling distance to their centroid.

    So the rows nearest to a centroid, the most prototypical, are dropped first. Choices made here: Lloyd's
    algorithm for 20 rounds from k-means++ on at most 256 rows per cluster drawn with the seed, Euclidean
    distance (for `metric="cosine"` on vectors of unit length), one ranking over all clusters.

    Args:
        pool: needs vectors.
        size: how many rows.
        clusters: number of centroids, at most the number of rows.

    Returns:
        The picks; gains are distances to the centroid.

    Raises:
        SelectionError: no vectors, or a number of clusters below 1.
    """
    import torch

    from hf_qads.selection.engine.space import Space, full_precision

    if clusters < 1:
        raise SelectionError(f"clusters must be at least 1, got {clusters}.")
    with full_precision():
        space = Space(
            pool.need_vectors("ssl_prototype"), metric=pool.metric, device=pool.device, out=pool.out
        )
        generator = np.random.default_rng([pool.seed, 2])
        count = min(clusters, space.n - len(pool.out))
        there = np.setdiff1d(np.arange(space.n), pool.out)
        drawn = np.sort(generator.choice(there, min(len(there), SAMPLE_PER_CLUSTER * count), replace=False))
        centroids = kmeans(space.rows(drawn), count, generator)
        distance = np.empty(space.n)
        for begin in range(0, space.n, space.block):
            rows = space.working(space.tensor[begin : begin + space.block])
            nearest = torch.cdist(rows, centroids).amin(1)
            distance[begin : begin + space.block] = nearest.cpu().numpy()
    unit = 2**0.5 if pool.metric == "cosine" else 1 / space.scale
    return ranked(pool, distance * unit, size)


def kmeans(rows: "torch.Tensor", count: int, generator: np.random.Generator) -> "torch.Tensor":
    """Centroids (count, d) of `rows` (m, d) by k-means++ and Lloyd's algorithm.

    A centroid that loses all its rows stays where it was.
    """
    import torch

    chosen = [int(generator.integers(len(rows)))]
    nearest = (rows - rows[chosen[0]]).square().sum(1)
    while len(chosen) < count:
        weights = np.cumsum(nearest.double().cpu().numpy())
        draw = generator.random() * weights[-1]
        chosen.append(min(int(np.searchsorted(weights, draw, side="right")), len(rows) - 1))
        nearest = torch.minimum(nearest, (rows - rows[chosen[-1]]).square().sum(1))
    centroids = rows[chosen].clone()
    for _ in range(ROUNDS):
        assigned = torch.cdist(rows, centroids).argmin(1)
        sums = torch.zeros_like(centroids).index_add_(0, assigned, rows)
        sizes = torch.bincount(assigned, minlength=count).unsqueeze(1)
        centroids = torch.where(sizes > 0, sums / sizes.clamp_min(1), centroids)
    return centroids
