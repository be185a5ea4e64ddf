"""PCA map of a pool: its vectors in two dimensions, by principal components."""

from dataclasses import dataclass
from typing import Final

import numpy as np

FITTED: Final = 20_000  # rows that the components are fitted on, at most
SHOWN: Final = 6_000  # rows drawn, at most, and a third more for the picked ones


@dataclass(frozen=True)
class Map:
    """Rows of all sources in the plane."""

    points: np.ndarray  # (n, 2)
    source: np.ndarray  # (n,) number of the source
    kept: np.ndarray  # (n,) bool
    explained: tuple[float, float]  # share of the variance along each axis
    of: int  # rows of the pool
    mean: np.ndarray  # (d,)
    axes: np.ndarray  # (d, 2)

    def place(self, vectors: np.ndarray) -> np.ndarray:
        """Other rows' vectors (n, d) in the same plane, (n, 2) float32; NaN where a vector is not finite."""
        placed: np.ndarray = (np.asarray(vectors, dtype=np.float32) - self.mean) @ self.axes
        return placed


def project(vectors: list[np.ndarray | None], kept: list[np.ndarray], *, seed: int = 0) -> Map | None:
    """Draw rows of each source and project them on the first two principal components of the pool.

    Args:
        vectors: per source, (n, d) array or memmap, or None.
        kept: per source, (n,) bool.
        seed: of the draws and of the start of the iteration.

    Returns:
        The map, or None where fewer than three rows have a finite vector. The same seed gives the same map;
        the sign of each axis is set so that its largest loading is positive.
    """
    rng = np.random.default_rng(seed)
    total = sum(len(v) for v in vectors if v is not None)
    parts, sources, flags = [], [], []
    for number, (values, inside) in enumerate(zip(vectors, kept, strict=True)):
        if values is None or not len(values):
            continue
        chosen = _draw(rng, inside, total)
        block = np.asarray(values[chosen], dtype=np.float32)
        finite = np.isfinite(block).all(axis=1)
        parts.append(block[finite])
        flags.append(inside[chosen][finite])
        sources.append(np.full(int(finite.sum()), number))
    points = np.concatenate(parts) if parts else np.empty((0, 1), dtype=np.float32)
    if len(points) < 3 or len({p.shape[1] for p in parts}) != 1 or points.shape[1] < 2:
        return None
    fitted = points if len(points) <= FITTED else points[rng.choice(len(points), FITTED, replace=False)]
    mean = fitted.mean(axis=0)
    axes, explained = _components(fitted - mean, rng)
    return Map(
        (points - mean) @ axes, np.concatenate(sources), np.concatenate(flags), explained, total, mean, axes
    )


def _draw(rng: np.random.Generator, inside: np.ndarray, total: int) -> np.ndarray:
    """Rows of one source: its part of `SHOWN` rows of either sort, so that few picks stay in sight."""
    chosen = []
    for flag, most in ((False, SHOWN), (True, SHOWN // 2)):
        rows = np.flatnonzero(inside == flag)
        size = min(len(rows), max(1, round(most * len(inside) / total)))
        chosen.append(rng.choice(rows, size, replace=False) if len(rows) else rows)
    drawn: np.ndarray = np.sort(np.concatenate(chosen))
    return drawn


def _components(centred: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, tuple[float, float]]:
    """First two principal axes (d, 2) by subspace iteration: no d-by-d matrix is built."""
    width = min(10, *centred.shape)
    basis = np.linalg.qr(rng.standard_normal((centred.shape[1], width)))[0].astype(np.float32)
    for _ in range(12):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    _, values, right = np.linalg.svd(centred @ basis, full_matrices=False)
    axes = basis @ right[:2].T
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(2)])
    share = values[:2].astype(np.float64) ** 2 / max(float(np.square(centred, dtype=np.float64).sum()), 1e-12)
    return axes, (float(share[0]), float(share[1]))
