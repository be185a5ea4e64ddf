"""Prototypicality pruning (SSL Prototype): drop what lies near the k-means centroids.

Sorscher et al. 2022, "Beyond neural scaling laws: beating power law scaling via data pruning"
(arXiv 2206.14486); its use for text in Tirumala et al. 2023, "D4" (arXiv 2308.12284).
"""

from hf_qads.references import D4
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool, ranked
from hf_qads.selection.techniques.clustering import clustered

NEEDS = Needs(vectors=True)
PHRASE = "their distance to the nearest k-means centroid, the farthest first"
CITATION = (
    D4
    + """\
@inproceedings{sorscher2022beyond,
  title     = {Beyond neural scaling laws: beating power law scaling via data pruning},
  author    = {Sorscher, Ben and Geirhos, Robert and Shekhar, Shashank and Ganguli, Surya and Morcos, Ari S.},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2022}
}
"""
)


def ssl_prototype(pool: Pool, size: int, *, clusters: int = 100) -> Picks:
    """Cluster the vectors by k-means and pick rows by falling distance to their centroid.

    So the rows nearest to a centroid, the most prototypical, are dropped first. Choices made here: Lloyd's
    algorithm for 20 rounds from k-means++ on at most 256 rows per cluster drawn with the seed, the pool's
    metric (for `cosine` spherical k-means, as in D4), one ranking over all clusters.

    Args:
        pool: needs vectors.
        size: how many rows.
        clusters: number of centroids, at most the number of rows.

    Returns:
        The picks; gains are distances to the centroid.

    Raises:
        SelectionError: no vectors, or a number of clusters below 1.
    """
    return ranked(pool, clustered(pool, "ssl_prototype", clusters)[1], size)
