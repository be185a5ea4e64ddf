"""K-center Greedy: distance alone.

Source: appendix B, Algorithm 1.
"""

import numpy as np

from hf_qads.references import KCENTER
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool

NEEDS = Needs(vectors=True, start=True)
PHRASE = "K-center Greedy: each pick is the row farthest from the rows picked before, whatever its quality"
CITATION = KCENTER


def kcenter(pool: Pool, size: int) -> Picks:
    """Pick each time the row farthest from its nearest picked or start row; scores are not looked at.

    Args:
        pool: needs vectors.
        size: how many rows.

    Returns:
        The picks; gains are distances.

    Raises:
        SelectionError: see `greedy`.

    Source: appendix B, Algorithm 1.
    """
    from hf_qads.selection.engine.greedy import greedy

    return greedy(pool, size, np.ones(pool.n), strategy="kcenter")
