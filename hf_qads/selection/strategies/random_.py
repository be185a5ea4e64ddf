"""Random: rows drawn at random."""

import numpy as np

from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool

NEEDS = Needs()
PHRASE = "chance, with the seed below"


def random(pool: Pool, size: int) -> Picks:
    """Pick rows at random without replacement, every order equally likely.

    Args:
        pool: only its seed is used.
        size: how many rows.

    Returns:
        The picks; gains are 1.
    """
    free = pool.free()
    order = np.random.default_rng([pool.seed, 1]).permutation(free)[:size]  # apart from the draw of the start
    return Picks(order, np.ones(size))
