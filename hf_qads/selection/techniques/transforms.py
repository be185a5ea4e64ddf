"""Whitened or projected vectors: transformed once, block by block, into a temporary file."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hf_qads.selection.pool import Floats, Pool, Rows

BLOCK = 16_384  # rows in memory at once; one size for all, so that the same rows give the same bytes
SAMPLE = 65_536  # rows that a covariance is worked out from

Singles = npt.NDArray[np.float32]


@contextmanager
def transformed(
    pool: Pool, vectors: Any, width: int, change: Callable[[Floats], Floats]
) -> Iterator[Singles]:
    """A temporary (n, width) float32 memmap of `change` of the rows that take part; the others are NaN.

    Args:
        pool: for the rows that take part; the file lies in its checkpoint folder, where it has one.
        vectors: (n, ...).
        width: numbers of a changed row.
        change: of rows (m, ...) in float64, gives (m, width).

    Cost: n * width * 4 bytes on disk until the end; a block of rows in memory.
    """
    if pool.checkpoint_dir is not None:
        pool.checkpoint_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=pool.checkpoint_dir, prefix=".vectors-") as folder:
        path = Path(folder) / "vectors.npy"
        made = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(pool.n, width))
        there = np.ones(pool.n, dtype=bool)
        there[pool.out] = False
        for begin in range(0, pool.n, BLOCK):
            part = slice(begin, begin + BLOCK)
            block = rows_of(vectors, part)
            block[~there[part]] = 0
            made[part] = change(block)
            made[part][~there[part]] = np.nan
        yield made
        del made


def rows_of(vectors: Any, which: slice | Rows) -> Floats:
    """Some rows of an array or tensor in float64 on the host."""
    rows = vectors[which]
    if hasattr(rows, "detach"):
        rows = rows.detach().double().cpu().numpy()
    return np.array(rows, dtype=np.float64)


def whitening(pool: Pool, vectors: Any) -> Floats:
    """A (d, d) matrix after which the rows vary by 1 in every direction, from at most 65,536 of them.

    Directions that vary by less than a millionth of the largest keep that little: what is rounding there is
    not made as large as what is not.
    """
    there = pool.present()
    sample = rows_of(vectors, there[:: max(1, len(there) // SAMPLE)][:SAMPLE])
    sample -= sample.mean(0)
    values, directions = np.linalg.eigh(sample.T @ sample / max(1, len(sample) - 1))
    return np.asarray(directions / np.sqrt(np.maximum(values, max(values[-1], 1e-300) * 1e-6)))


def span(rows: Floats, rank: int) -> Floats:
    """The first `rank` principal directions (d, r) of rows (m, d) scaled to length 1, not centred."""
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)
    directions: Floats = np.linalg.svd(unit, full_matrices=False)[2][:rank].T
    return directions
