"""K-means and spherical k-means: Lloyd's algorithm from k-means++, with exact assignment."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from hf_qads.errors import SelectionError
from hf_qads.neighbours.arrays import as_tensor
from hf_qads.neighbours.nearest import Backend, Floats, Rows, nearest

ROUNDS = 20
SAMPLE_PER_CLUSTER = 256
SEEDING = 16_384  # rows that k-means++ draws from at most, unless there are more clusters than that

Singles = npt.NDArray[np.float32]


def kmeans(
    vectors: Any,
    clusters: int,
    *,
    metric: Literal["euclidean", "cosine"] = "euclidean",
    rows: Rows | None = None,
    seed: int | list[int] = 0,
    rounds: int = ROUNDS,
    device: str | None = None,
    backend: Backend | None = None,
) -> Singles:
    """Centroids of the vectors.

    Lloyd's algorithm on at most 256 rows per cluster, drawn with the seed, from k-means++. Each row goes to
    its exact nearest centroid (ties to the first), so that faiss and torch give the same centroids. A
    centroid that loses all its rows stays where it was.

    Args:
        vectors: (n, d) array, memmap or tensor.
        clusters: number of centroids, at most the number of rows.
        metric: `cosine` clusters directions: rows count as vectors of length 1, and so do centroids.
        rows: rows that take part, in ascending order; None: all.
        seed: of the drawn rows and of k-means++.
        rounds: of Lloyd's algorithm; fewer where nothing moves any more.
        device: see `nearest`.
        backend: see `nearest`.

    Returns:
        (min(clusters, rows), d) float32.

    Raises:
        SelectionError: fewer than one cluster, or vectors that `nearest` refuses.

    Cost: rounds * 256 * clusters^2 * d multiplications; the drawn rows in memory as float32.
    """
    if clusters < 1:
        raise SelectionError(f"clusters must be at least 1, got {clusters}.")
    tensor = as_tensor(vectors)
    index = np.arange(len(tensor)) if rows is None else np.asarray(rows, dtype=np.int64)
    if not len(index):
        raise SelectionError("there is no row to cluster.")
    count = min(clusters, len(index))
    generator = np.random.default_rng(seed)
    drawn = np.sort(generator.choice(index, min(len(index), SAMPLE_PER_CLUSTER * count), replace=False))
    sample = tensor.index_select(0, torch.from_numpy(drawn).to(tensor.device)).float().cpu()
    if metric == "cosine":
        sample = torch.nn.functional.normalize(sample, dim=1)
    centroids = _seeded(sample, count, generator)
    before: Rows | None = None
    for _ in range(rounds):
        near = nearest(sample, centroids, 1, metric=metric, device=device, backend=backend).rows[:, 0]
        if before is not None and np.array_equal(near, before):
            break
        before = near
        centroids = _means(sample, near, centroids)
        if metric == "cosine":
            lengths = torch.linalg.vector_norm(centroids, dim=1, keepdim=True)
            centroids = torch.where(lengths > 0, centroids / lengths.clamp_min(1e-30), sample[:count])
    found: Singles = centroids.numpy()
    return found


def assign(
    vectors: Any,
    centroids: Any,
    *,
    metric: Literal["euclidean", "cosine"] = "euclidean",
    rows: Rows | None = None,
    device: str | None = None,
    block: int = 65_536,
) -> tuple[Rows, Floats]:
    """The nearest centroid of each row, and the distance to it (for `cosine` 1 minus the similarity).

    Args:
        vectors: (n, d), read once in blocks.
        centroids: (c, d), see `kmeans`.
        metric: see `kmeans`.
        rows: rows to look at; None: all.
        device: see `nearest`.
        block: rows that are in memory at once.

    Returns:
        (len(rows),) centroids, ties to the first, and (len(rows),) distances.
    """
    tensor = as_tensor(vectors)
    index = np.arange(len(tensor)) if rows is None else np.asarray(rows, dtype=np.int64)
    labels, distances = np.empty(len(index), dtype=np.int64), np.empty(len(index))
    for begin in range(0, len(index), block):
        part = slice(begin, begin + block)
        chosen = tensor.index_select(0, torch.from_numpy(index[part]).to(tensor.device))
        found = nearest(chosen, centroids, 1, metric=metric, device=device)
        labels[part] = found.rows[:, 0]
        distances[part] = found.values[:, 0] if metric == "euclidean" else 1 - found.values[:, 0]
    return labels, distances


def _seeded(sample: torch.Tensor, count: int, generator: np.random.Generator) -> torch.Tensor:
    """Rows to start from, by k-means++: drawn with the square of the distance to those before."""
    pool = sample
    if len(sample) > max(SEEDING, 4 * count):
        drawn = np.sort(generator.choice(len(sample), max(SEEDING, 4 * count), replace=False))
        pool = sample[torch.from_numpy(drawn)]
    chosen = [int(generator.integers(len(pool)))]
    squares = pool.square().sum(1)
    best = torch.full((len(pool),), torch.inf)
    while True:
        last = pool[chosen[-1]]
        squared = torch.addmv(squares, pool, last, alpha=-2).add_(last.square().sum()).clamp_min_(0)
        squared[chosen] = 0
        best = torch.minimum(best, squared)
        if len(chosen) == count:
            return pool[chosen].clone()
        weights = np.cumsum(best.double().numpy())
        draw = generator.random() * weights[-1]
        chosen.append(min(int(np.searchsorted(weights, draw, side="right")), len(pool) - 1))


def _means(sample: torch.Tensor, near: Rows, centroids: torch.Tensor, block: int = 65_536) -> torch.Tensor:
    """The mean of each centroid's rows, summed in float64."""
    assigned = torch.from_numpy(near)
    sums = torch.zeros(centroids.shape, dtype=torch.float64)
    for begin in range(0, len(sample), block):
        part = slice(begin, begin + block)
        sums.index_add_(0, assigned[part], sample[part].double())
    sizes = torch.bincount(assigned, minlength=len(centroids)).unsqueeze(1)
    return torch.where(sizes > 0, sums / sizes.clamp_min(1), centroids.double()).float()
