"""wICI: rows that help as an example for their neighbours, spread out.

"What Makes Good Instruction-Tuning Data? An In-Context Learning Perspective" (2026, arXiv 2604.25132). The
weighted in-context influence is the column `wici`; this is the choice by it.
"""

import numpy as np

from hf_qads import references
from hf_qads.errors import SelectionError
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool, ranked

NEEDS = Needs(vectors=True, columns=("column", "difficulty"))
PHRASE = "their weighted in-context influence on their neighbours, without near-duplicates"
CITATION = references.WICI


def wici(
    pool: Pool, size: int, *, column: str = "wici", difficulty: str = "ifd", threshold: float = 0.9
) -> Picks:
    """Go down by influence and take rows whose cosine similarity to all taken before is below the threshold.

    Rows whose instruction-following difficulty is above 1 (the question makes the answer less likely) come
    after all others, as do rows that were too similar, so that any size can be met; the gain of the latter
    is 0.

    Args:
        pool: needs vectors and the columns.
        size: how many rows.
        column: the influence.
        difficulty: the instruction-following difficulty; an empty name: not looked at.
        threshold: cosine similarity to a row taken before from which a row is passed over.

    Returns:
        The picks; gains are influences.

    Raises:
        SelectionError: a column or the vectors are not there, NaN in them, a threshold out of range.
    """
    if not -1 <= threshold <= 1:
        raise SelectionError(f"threshold must be a cosine similarity in [-1, 1], got {threshold}.")
    from hf_qads.selection.techniques.spacing import dissimilar

    values = pool.need_column("wici", column)
    hard = pool.need_column("wici", difficulty) > 1 if difficulty else np.zeros(pool.n, dtype=bool)
    queue = ranked(pool, values, pool.n, last=hard).order
    below = float(np.nextafter(np.float32(threshold), np.float32(-2)))
    taken = dissimilar(pool, queue[~hard[queue]], size, below, strategy="wici")
    left = queue[~np.isin(queue, taken)][: size - len(taken)]
    return Picks(np.concatenate([taken, left]), np.concatenate([values[taken], np.zeros(len(left))]))
