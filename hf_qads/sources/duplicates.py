"""Exact duplicates and random samples among millions of rows, in arrays."""

import numpy as np
from numpy.typing import NDArray


def first_of_each(keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which rows are the first with their key.

    Args:
        keys: (n, 2), the two halves of each row's 16-byte content key.

    Returns:
        (n,) mask. Cost: O(n log n) time, about 40 bytes a row.
    """
    by_half = np.argsort(keys[:, 0])
    halves = keys[by_half, 0]
    equal = halves[1:] == halves[:-1]
    shared = np.zeros(len(keys), dtype=bool)
    shared[by_half[1:][equal]] = shared[by_half[:-1][equal]] = True
    rows = np.flatnonzero(shared)  # only these can be duplicates, and few are to be sorted by both halves
    order = np.lexsort((keys[rows, 1], keys[rows, 0]))  # stable: equal keys stay in row order
    ordered = keys[rows[order]]
    mask = np.ones(len(keys), dtype=bool)
    mask[rows[order[1:]]] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return mask


def sample(mask: NDArray[np.bool_], size: int, seed: int) -> NDArray[np.bool_]:
    """Keep `size` of the rows in `mask`, drawn with `seed`; all of them where there are no more."""
    rows = np.flatnonzero(mask)
    if len(rows) <= size:
        return mask
    drawn = np.zeros_like(mask)
    drawn[np.random.default_rng(seed).choice(rows, size, replace=False)] = True
    return drawn
