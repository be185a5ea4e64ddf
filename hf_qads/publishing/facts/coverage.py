"""How well picked rows cover a pool: distances from its rows to the nearest pick, as the budget grows."""

from dataclasses import dataclass
from typing import Final

import numpy as np

PAIRS: Final = 6e7  # distances computed per curve, at most
FEWEST: Final = 1_000  # rows of the pool that are measured, at least and at most
MOST: Final = 8_000
BLOCK: Final = 1_024
DRAWS: Final = 3


@dataclass(frozen=True)
class Curve:
    """Largest distance to the nearest of the first `budgets[i]` picks of one source."""

    source: str
    budgets: np.ndarray  # (b,) int64
    picked: np.ndarray  # (b,) the order of the run
    random: np.ndarray  # (draws, b) random orders of the same length
    rows: int  # rows of the pool that were measured
    of: int  # rows of the pool with a vector


def coverage(
    source: str, vectors: np.ndarray, order: np.ndarray, *, metric: str = "euclidean", seed: int = 0
) -> Curve | None:
    """Measure a source's picks beside random picks.

    Args:
        source: its name.
        vectors: (n, d) array or memmap; rows that are not finite are left out.
        order: (k,) picked rows, in the order picked.
        metric: `euclidean`, or `cosine` for 1 minus the cosine similarity.
        seed: of the random picks, and of the rows measured where the pool is large.

    Returns:
        The curve, exact where all rows are measured; None with fewer than two picks or no vectors.

    Cost: `PAIRS` distances for each of the 1 + 3 orders at most (or `FEWEST` rows times picks); the picks'
    vectors are read in blocks.
    """
    finite = _finite_rows(vectors)
    order = order[finite[order]]
    usable = np.flatnonzero(finite)
    if len(order) < 2 or len(usable) < 3:
        return None
    rng = np.random.default_rng(seed)
    measured = usable
    limit = int(np.clip(PAIRS / len(order), FEWEST, MOST))
    if len(usable) > limit:
        measured = np.sort(rng.choice(usable, limit, replace=False))
    budgets = _budgets(len(order))
    rows = _prepared(vectors, measured, metric)
    random = [
        _largest(vectors, rng.choice(usable, len(order), replace=False), rows, budgets, metric)
        for _ in range(DRAWS)
    ]
    return Curve(
        source=source,
        budgets=budgets,
        picked=_largest(vectors, order, rows, budgets, metric),
        random=np.stack(random),
        rows=len(measured),
        of=len(usable),
    )


def _budgets(most: int) -> np.ndarray:
    """About 30 budgets up to `most`, closer together where the curve is steep."""
    found: np.ndarray = np.unique(np.round(np.linspace(1, np.sqrt(most), 30) ** 2).astype(np.int64))
    return found


def _largest(
    vectors: np.ndarray, order: np.ndarray, rows: np.ndarray, budgets: np.ndarray, metric: str
) -> np.ndarray:
    nearest = np.full(len(rows), np.inf, dtype=np.float32)
    norms = np.einsum("ij,ij->i", rows, rows)
    result, done = np.empty(len(budgets)), 0
    for place, budget in enumerate(budgets):
        for low in range(done, budget, BLOCK):
            centres = _prepared(vectors, order[low : min(low + BLOCK, budget)], metric)
            squared = np.einsum("ij,ij->i", centres, centres)[None, :] - 2 * (rows @ centres.T)
            np.minimum(nearest, squared.min(axis=1) + norms, out=nearest)
        done = budget
        worst = max(float(nearest.max()), 0.0)
        result[place] = worst / 2 if metric == "cosine" else np.sqrt(worst)
    return result


def _prepared(vectors: np.ndarray, rows: np.ndarray, metric: str) -> np.ndarray:
    """Rows as float32; of length one for cosine, where half the squared distance is 1 - cosine."""
    values = np.asarray(vectors[rows], dtype=np.float32)
    if metric == "cosine":
        values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return values


def _finite_rows(vectors: np.ndarray) -> np.ndarray:
    blocks = [np.isfinite(vectors[low : low + 65_536]).all(axis=1) for low in range(0, len(vectors), 65_536)]
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=bool)
