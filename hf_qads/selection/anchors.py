"""Choose anchors by K-center Greedy: a few rows that cover a set well."""

from typing import Any

import numpy as np

from hf_qads.selection.pool import Rows
from hf_qads.selection.preparing import checked_count, length_of
from hf_qads.selection.select import select


def choose_anchors(
    vectors: Any, size: int, *, seed: int = 0, metric: str = "euclidean", device: str | None = None
) -> Rows:
    """Choose `size` rows by K-center Greedy from one drawn row, which is the first of them.

    Args:
        vectors: (n, d).
        size: how many rows; a set with no more rows than that is taken whole, in its own order.
        seed: seed of the drawn row.
        metric: `euclidean` or `cosine`.
        device: torch device of the large products.

    Returns:
        (min(size, n),) row indices in the order picked.

    Raises:
        SelectionError: a negative size, or vectors that cannot be used.

    Source: section 3.1 and appendix B, Algorithm 1.
    """
    n, size = length_of(vectors, "vectors"), checked_count(size, "size")
    if n <= size:
        return np.arange(n)
    if size == 0:
        return np.empty(0, dtype=np.int64)
    drawn = np.random.default_rng(checked_count(seed, "seed")).integers(n)
    picked = select(
        vectors,
        size=size - 1,
        strategy="kcenter",
        start=[int(drawn)],
        metric=metric,
        seed=seed,
        device=device,
        coverage=False,
    )
    return np.concatenate([picked.start, picked.order])
