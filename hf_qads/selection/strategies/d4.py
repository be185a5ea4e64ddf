"""D4: semantic de-duplication, then the least prototypical rows.

Tirumala et al. 2023, "D4: Improving LLM Pretraining via Document De-Duplication and Diversification"
(arXiv 2308.12284).
"""

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.references import D4
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool
from hf_qads.selection.strategies.semdedup import novelty, whole_root
from hf_qads.selection.techniques.clustering import clustered

NEEDS = Needs(vectors=True)
PHRASE = "D4: near-duplicates dropped, then the distance to their cluster's centre, the farthest first"
CITATION = D4


def d4(pool: Pool, size: int, *, keep: float = 0.75, clusters: int = 0) -> Picks:
    """Drop near-duplicates (`semdedup`), cluster the rest anew, and pick what is far from a centroid.

    The second clustering is what `ssl_prototype` alone lacks: without it whole clusters of duplicates attract
    centroids. Rows that were dropped as duplicates come after all others, the least redundant first.

    Args:
        pool: needs vectors; distances are cosine distances, whatever its metric.
        size: how many rows.
        keep: share of the rows that the first step keeps, in (0, 1].
        clusters: number of centroids of each step; 0 takes the square root of the number of rows.

    Returns:
        The picks; gains are distances to the centroid, 0 for rows that the first step dropped.

    Raises:
        SelectionError: no vectors, NaN or zero vectors, a share out of range.
    """
    if not 0 < keep <= 1:
        raise SelectionError(f"keep must be a share in (0, 1], got {keep}.")
    present, free = pool.present(), pool.free()
    new = novelty(pool, "d4", clusters, present)
    count = max(1, round(keep * len(present)))
    kept = np.sort(present[np.lexsort((present, -new[present]))][:count])
    distances = clustered(pool, "d4", clusters or whole_root(len(kept)), kept, metric="cosine")[1]
    dropped = ~np.isin(free, kept)
    values = np.where(dropped, new[free], distances[free])
    order = np.lexsort((free, -values, dropped))[:size]
    return Picks(free[order], np.where(dropped, 0.0, values)[order])
