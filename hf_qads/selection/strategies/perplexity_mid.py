"""Perplexity, mid: the rows below the hardest third.

A baseline of Ivison et al. 2025, "Large-Scale Data Selection for Instruction Tuning" (arXiv 2503.01807),
after Marion et al. 2023, "When Less is More: Investigating Data Pruning for Pretraining LLMs at Scale".
"""

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.references import LARGE_SCALE
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool, ranked

NEEDS = Needs(columns=("column",))
PHRASE = "their perplexity under the base model, downwards from the hardest third"
CITATION = LARGE_SCALE


def perplexity_mid(pool: Pool, size: int, *, column: str = "perplexity", skip: float = 0.33) -> Picks:
    """Sort rows by falling perplexity, pass over the first third, and take what follows.

    That is not centred on the median. Where fewer rows follow than are asked for, those passed over come
    next, the lowest first. In a pool of several sources with `scope: pool` the middle may be one source.

    Args:
        pool: needs the column.
        size: how many rows.
        column: its name.
        skip: share of the rows that is passed over, in [0, 1).

    Returns:
        The picks; gains are the column's values.

    Raises:
        SelectionError: no such column, NaN in it, or a share out of range.
    """
    if not 0 <= skip < 1:
        raise SelectionError(f"skip must be a share in [0, 1), got {skip}.")
    values = pool.need_column("perplexity_mid", column)
    queue = ranked(pool, values, pool.n).order
    first = int(skip * len(queue))
    order = np.concatenate([queue[first:], queue[:first][::-1]])[:size]
    return Picks(order, values[order])
