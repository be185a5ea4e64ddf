"""Coverage curves: largest distance from a pool's rows to the nearest pick, as the budget grows."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from hf_qads.statistics.coverage import finite_rows, nearest_picked

PAIRS: Final = 6e7  # distances computed per curve, at most
FEWEST: Final = 1_000  # rows of the pool that are measured, at least and at most
MOST: Final = 8_000
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
    finite = finite_rows(vectors)
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
    rows = np.asarray(vectors[measured], dtype=np.float32)

    def largest(picks: np.ndarray) -> np.ndarray:
        distances = nearest_picked(rows, vectors, picks, budgets, metric=metric)
        return np.array([float(found.max()) for found in distances])

    random = [largest(rng.choice(usable, len(order), replace=False)) for _ in range(DRAWS)]
    return Curve(
        source=source,
        budgets=budgets,
        picked=largest(order),
        random=np.stack(random),
        rows=len(measured),
        of=len(usable),
    )


def _budgets(most: int) -> np.ndarray:
    """About 30 budgets up to `most`, closer together where the curve is steep."""
    found: np.ndarray = np.unique(np.round(np.linspace(1, np.sqrt(most), 30) ** 2).astype(np.int64))
    return found
