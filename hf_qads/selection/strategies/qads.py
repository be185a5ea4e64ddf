"""Quality-aware Diverse Selection: score times distance.

Source: section 3.3, Eq. 4.
"""

from hf_qads.errors import SelectionError
from hf_qads.references import KCENTER, QADS
from hf_qads.selection.pool import Picks, Pool

PHRASE = (
    "Quality-aware Diverse Selection (QaDS): each pick has the highest product of quality score and "
    "distance to the rows picked before"
)
CITATION = QADS + KCENTER


def qads(pool: Pool, size: int) -> Picks:
    """Pick each time the row with the largest score times distance to its nearest picked or start row.

    Without scores all count the same, which is K-center Greedy.

    Args:
        pool: needs vectors; scores are used where there are any.
        size: how many rows.

    Returns:
        The picks; gains are score times distance.

    Raises:
        SelectionError: a negative score, or see `greedy`.

    Source: section 3.3, Eq. 4.
    """
    import numpy as np

    from hf_qads.selection.engine.greedy import greedy

    if pool.scores is None:
        return greedy(pool, size, np.ones(pool.n), strategy="qads")
    negative = np.flatnonzero(pool.scores < 0)
    if len(negative):
        row = int(negative[0])
        raise SelectionError(
            f"strategy='qads' multiplies scores with distances, so they may not be negative: "
            f"row {row} has {pool.scores[row]:g} ({len(negative)} rows do). Shift or clip them first."
        )
    return greedy(pool, size, pool.scores, strategy="qads")
