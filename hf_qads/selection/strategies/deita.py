"""Deita: score-first, diversity-aware selection.

Liu et al. 2024, "What Makes Good Data for Alignment? A Comprehensive Study of Automatic Data Selection in
Instruction Tuning" (arXiv 2312.15685).
"""

import numpy as np

from hf_qads import references
from hf_qads.errors import SelectionError
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Floats, Picks, Pool, ranked

NEEDS = Needs(vectors=True, columns=("complexity", "quality"))
PHRASE = "Deita: complexity times quality, the highest first, without rows too similar to one taken before"
CITATION = references.DEITA


def deita(
    pool: Pool,
    size: int,
    *,
    threshold: float = 0.9,
    complexity: str = "deita_complexity",
    quality: str = "deita_quality",
) -> Picks:
    """Go through rows by falling complexity times quality and take those not too similar to any taken before.

    A row is taken when its cosine similarity to every row taken so far is at most `threshold`: compared
    with the *selected* rows, as the published code does, and not with all rows. Start rows and already
    selected vectors are not compared with; start rows are never picked. Where fewer than `size` rows pass,
    the others follow by falling score, so that any size can be met; their gain is 0.

    Args:
        pool: needs vectors and both columns; where it has neither column, its scores rank the rows.
        size: how many rows.
        threshold: largest cosine similarity to a row taken before, in [-1, 1].
        complexity: a column, or an empty name for none.
        quality: a column that it is multiplied by, or an empty name for none.

    Returns:
        The picks; gains are scores, 0 for rows that were only taken to fill up.

    Raises:
        SelectionError: no scores or vectors, zero vectors, a threshold out of range.
    """
    if not -1 <= threshold <= 1:
        raise SelectionError(f"threshold must be a cosine similarity in [-1, 1], got {threshold}.")
    from hf_qads.selection.techniques.spacing import dissimilar

    scores = product(pool, [name for name in (complexity, quality) if name])
    queue = ranked(pool, scores, pool.n).order
    taken = dissimilar(pool, queue, size, threshold, strategy="deita")
    left = queue[~np.isin(queue, taken)][: size - len(taken)]
    return Picks(np.concatenate([taken, left]), np.concatenate([scores[taken], np.zeros(len(left))]))


def product(pool: Pool, columns: list[str]) -> Floats:
    """The product of columns; the scores where none of them is there."""
    if pool.scores is not None and not any(name in pool.columns for name in columns):
        return pool.scores
    found = np.ones(pool.n)
    for name in columns:
        found *= pool.need_column("deita", name)
    return found
