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
    order = np.lexsort((keys[:, 1], keys[:, 0]))  # stable: equal keys stay in row order
    ordered = keys[order]
    mask = np.ones(len(keys), dtype=bool)
    mask[order[1:]] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return mask


def sample(mask: NDArray[np.bool_], size: int, seed: int) -> NDArray[np.bool_]:
    """Keep `size` of the rows in `mask`, drawn with `seed`; all of them where there are no more."""
    rows = np.flatnonzero(mask)
    if len(rows) <= size:
        return mask
    drawn = np.zeros_like(mask)
    drawn[np.random.default_rng(seed).choice(rows, size, replace=False)] = True
    return drawn
