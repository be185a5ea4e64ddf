"""The selection that everybody writes, in float64: what the engine must equal."""

from typing import NamedTuple

import numpy as np


class Slow(NamedTuple):
    order: np.ndarray
    gains: np.ndarray
    radius: np.ndarray


def distances(x: np.ndarray, row: np.ndarray, metric: str) -> np.ndarray:
    """Distances of all rows to one vector."""
    if metric == "euclidean":
        return np.sqrt(((x - row) ** 2).sum(1))
    lengths = (x * x).sum(1) * (row * row).sum()
    return np.maximum(1 - (x * row).sum(1) / np.sqrt(lengths), 0)


def plain_loop(vectors, scores, size, start, metric="euclidean", already_selected=()) -> Slow:
    """Eq. 4 as it stands; ties to the lowest row."""
    x = np.asarray(vectors, dtype=np.float64)
    scores = np.ones(len(x)) if scores is None else np.asarray(scores, dtype=np.float64)
    best = np.full(len(x), np.inf)
    for row in [*np.asarray(already_selected, dtype=np.float64), *x[start]]:
        best = np.minimum(best, distances(x, row, metric))
    free = np.ones(len(x), dtype=bool)
    free[start] = False
    order, gains, radius = [], [], []
    for _ in range(size):
        values = np.where(free, scores * best, -np.inf)
        row = int(values.argmax())
        order.append(row)
        gains.append(values[row])
        free[row] = False
        best = np.minimum(best, distances(x, x[row], metric))
        radius.append(best.max())
    return Slow(np.array(order, dtype=int), np.array(gains), np.array(radius))
