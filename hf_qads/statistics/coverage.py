"""Coverage: distances from rows to the nearest picked row, as the number of picks grows."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def finite_rows(vectors: NDArray[Any], *, block: int = 65_536) -> NDArray[np.bool_]:
    """(n,) whether every number of a row's vector is finite, of an (n, d) array or memmap read in blocks."""
    blocks = [np.isfinite(vectors[at : at + block]).all(axis=1) for at in range(0, len(vectors), block)]
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=bool)


def nearest_picked(
    rows: NDArray[Any],
    vectors: NDArray[Any],
    picks: NDArray[np.int64],
    budgets: Sequence[int] | NDArray[np.int64],
    *,
    metric: str = "euclidean",
    block: int = 1024,
) -> Iterator[NDArray[Any]]:
    """Distances from rows to the nearest of the first picks, for each of several budgets.

    Args:
        rows: (m, d) floats whose precision is computed in.
        vectors: (n, d) array or memmap that `picks` are rows of.
        picks: (k,) picked rows, in the order picked.
        budgets: rising numbers of picks, up to k.
        metric: `euclidean`, or `cosine` for 1 minus the cosine similarity.
        block: picks compared with at a time.

    Yields:
        (m,) distances for each budget.

    Raises:
        ValueError: another metric.

    Cost: m x k distances; m x `block` numbers in memory.
    """
    if metric not in ("euclidean", "cosine"):
        raise ValueError(f"metric={metric!r} is neither euclidean nor cosine")
    own = _prepared(rows, metric)
    norms = np.einsum("ij,ij->i", own, own)
    nearest, done = np.full(len(own), np.inf, dtype=own.dtype), 0
    for budget in budgets:
        for low in range(done, int(budget), block):
            centres = np.asarray(vectors[picks[low : min(low + block, int(budget))]], dtype=own.dtype)
            centres = _prepared(centres, metric)
            squared = np.einsum("ij,ij->i", centres, centres)[None, :] - 2 * (own @ centres.T)
            np.minimum(nearest, squared.min(axis=1) + norms, out=nearest)
        done = int(budget)
        least = np.maximum(nearest, 0)
        yield least / 2 if metric == "cosine" else np.sqrt(least)


def _prepared(values: NDArray[Any], metric: str) -> NDArray[Any]:
    """As they are; of length one for cosine, where half the squared distance is 1 - cosine."""
    if metric == "euclidean":
        return values
    unit: NDArray[Any] = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return unit
