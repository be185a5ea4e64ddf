"""Balanced random: as many rows of each source, drawn at random.

The control of Ivison et al. 2025, "Large-Scale Data Selection for Instruction Tuning" (arXiv 2503.01807).
"""

import numpy as np

from hf_qads.references import LARGE_SCALE
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool

NEEDS = Needs(columns=("column",))
PHRASE = "chance, with the seed below, as many rows from each source"
CITATION = LARGE_SCALE


def balanced_random(pool: Pool, size: int, *, column: str = "source") -> Picks:
    """Draw one row of each source after the other, the sources of a round in random order.

    So every budget has as many rows of each source as of any other, or one less; where a source is used up,
    the others share what is left equally.

    Args:
        pool: needs the column that says which source a row is from.
        size: how many rows.
        column: its name; numbers or names.

    Returns:
        The picks; gains are 1.

    Raises:
        SelectionError: no such column.
    """
    groups = pool.need_groups("balanced_random", column)
    generator = np.random.default_rng([pool.seed, 4])
    drawn = generator.permutation(pool.free())
    drawn = drawn[np.argsort(groups[drawn], kind="stable")]
    own = groups[drawn]
    rounds = np.arange(len(drawn)) - np.searchsorted(own, own)  # in which a row of a source has its turn
    order = drawn[np.lexsort((generator.random(len(drawn)), rounds))][:size]
    return Picks(order, np.ones(len(order)))
