"""SemDeDup: semantic de-duplication within k-means clusters.

Abbas et al. 2023, "SemDeDup: Data-efficient learning at web-scale through semantic deduplication"
(arXiv 2303.09540).
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Floats, Picks, Pool, Rows, ranked

if TYPE_CHECKING:
    import torch

NEEDS = Needs(vectors=True)
PHRASE = "SemDeDup: those least similar to a row of their cluster that is farther from its centre"
CITATION = """\
@article{abbas2023semdedup,
  title   = {SemDeDup: Data-efficient learning at web-scale through semantic deduplication},
  author  = {Abbas, Amro and Tirumala, Kushal and Simig, D{\\'a}niel and Ganguli, Surya and Morcos, Ari S.},
  journal = {arXiv preprint arXiv:2303.09540},
  year    = {2023}
}
"""

BLOCK = 1024


def semdedup(pool: Pool, size: int, *, clusters: int = 0) -> Picks:
    """Keep the rows that repeat least of what their cluster holds.

    Spherical k-means; within a cluster rows go from the farthest to the nearest to the centroid, and each is
    as redundant as its largest cosine similarity to a row before it. The published rule drops rows above
    1 - epsilon; here epsilon is what leaves `size` rows: they are picked from the least redundant on. As in
    the published code, and unlike a greedy walk, rows count as before even where they are dropped themselves,
    so that of a chain of neighbours more is dropped.

    Args:
        pool: needs vectors; its metric is not looked at.
        size: how many rows.
        clusters: number of centroids; 0 takes the square root of the number of rows.

    Returns:
        The picks; gains are cosine distances to the nearest row before, 2 for the first of a cluster.

    Raises:
        SelectionError: no vectors, NaN or zero vectors.

    Cost: k-means, and the products within clusters, rows^1.5 * d at even clusters; the largest cluster as
    float32 in memory.
    """
    return ranked(pool, novelty(pool, "semdedup", clusters, pool.present()), size)


def novelty(pool: Pool, strategy: str, clusters: int, rows: Rows) -> Floats:
    """1 minus the largest cosine similarity of each row to those before it in its cluster, (n,)."""
    from hf_qads.neighbours.arrays import as_tensor
    from hf_qads.selection.techniques.clustering import clustered

    tensor = as_tensor(pool.need_vectors(strategy))
    labels, distances = clustered(pool, strategy, clusters or whole_root(len(rows)), rows, metric="cosine")
    found = np.full(pool.n, -np.inf)
    queue = rows[np.lexsort((rows, -distances[rows], labels[rows]))]
    for members in np.split(queue, np.flatnonzero(np.diff(labels[queue])) + 1):
        found[members] = 1 - largest_before(tensor, members)
    return found


def whole_root(count: int) -> int:
    """The square root as a whole number, at least 1."""
    return max(1, round(math.sqrt(count)))


def largest_before(tensor: "torch.Tensor", members: Rows) -> Floats:
    """The largest cosine similarity of each member to those before it, -1 for the first."""
    import torch

    from hf_qads.neighbours.arrays import full_precision

    index = torch.from_numpy(members).to(tensor.device)
    unit = torch.nn.functional.normalize(tensor.index_select(0, index).float(), dim=1)
    largest = np.full(len(members), -1.0)
    with full_precision():
        for begin in range(0, len(members), BLOCK):
            block = unit[begin : begin + BLOCK] @ unit[: begin + BLOCK].T
            later = torch.ones_like(block, dtype=torch.bool).triu_(begin)
            largest[begin : begin + BLOCK] = block.masked_fill_(later, -1.0).amax(1).cpu().numpy()
    return largest
