"""K-means clusters of a pool, for the strategies that prune by them."""

from typing import Literal

import numpy as np

from hf_qads.selection.pool import Floats, Pool, Rows


def clustered(
    pool: Pool,
    strategy: str,
    clusters: int,
    rows: Rows | None = None,
    *,
    metric: Literal["euclidean", "cosine"] | None = None,
) -> tuple[Rows, Floats]:
    """The cluster of each row of the pool and its distance to the centroid.

    Args:
        pool: needs vectors.
        strategy: the name for messages.
        clusters: how many, at most the number of rows.
        rows: rows to cluster, in ascending order; None: all that take part.
        metric: None takes the pool's.

    Returns:
        (n,) clusters, -1 for other rows, and (n,) distances, minus infinity for them.

    Raises:
        SelectionError: no vectors, NaN in them, or fewer than one cluster.
    """
    from hf_qads.neighbours.kmeans import assign, kmeans

    vectors, index = pool.need_vectors(strategy), pool.present() if rows is None else rows
    by = metric or pool.metric
    centroids = kmeans(vectors, clusters, metric=by, rows=index, seed=[pool.seed, 2], device=pool.device)
    labels, distances = np.full(pool.n, -1, dtype=np.int64), np.full(pool.n, -np.inf)
    labels[index], distances[index] = assign(vectors, centroids, metric=by, rows=index, device=pool.device)
    return labels, distances
