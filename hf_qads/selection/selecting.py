"""The one entry to every strategy."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.selection.pool import Picks, Pool, Rows, finite_column
from hf_qads.selection.selection import Selection
from hf_qads.selection.strategies import checked_options, find_strategy


def select(
    vectors: Any,
    scores: Any = None,
    *,
    size: int,
    strategy: str = "qads",
    start: int | Sequence[int] | np.ndarray = 100,
    metric: str = "euclidean",
    seed: int = 0,
    device: str | None = None,
    columns: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    owned: Any = None,
    among: Any = None,
    state: str | Path | None = None,
    coverage: bool = True,
) -> Selection:
    """Choose `size` rows of a pool, in the order of their worth.

    With the default strategy the picks are exactly those of the plain loop over Eq. 4, ties to the lowest
    row. A smaller selection is a prefix of a larger one.

    Args:
        vectors: (n, d) array, memmap or tensor of any real type, read in blocks and never copied whole; None
            for strategies that do not look at them.
        scores: (n,) finite numbers, or None: all rows count the same.
        size: how many rows.
        strategy: `qads`, `kcenter`, `quality`, `random`, `ssl_prototype`, `deita`, `ifd`, or one that an
            installed package registers.
        start: how many start rows to draw with the seed, at most a tenth of the rows and at least one; or the
            start rows themselves. They count as picked and are not in the result.
        metric: `euclidean`, or `cosine` for 1 minus the cosine similarity; larger is farther.
        seed: seed of all that is drawn.
        device: torch device of the large products; None: where the vectors are, else CUDA if there is one.
        columns: further columns that a strategy reads, by name.
        options: what the strategy takes beyond these: its keyword-only parameters.
        owned: (m, d) vectors that are already owned, of any number: they count as picked, beside the start
            rows. With them `start=0` is allowed.
        among: the rows that take part, as indices or a mask of n; None: all. The others are as if they were
            not there: neither picked nor drawn nor covered, and they may hold NaN.
        state: a folder in which a long selection saves its progress about once a minute, to continue after
            a kill with the same picks. The state is removed at the end.
        coverage: whether to work out the coverage radius after each pick.

    Returns:
        The selection.

    Raises:
        SelectionError: what was asked cannot be met, or the input is not usable.

    Cost: memory for the centers, (size + start) * d * 4 bytes, 48 bytes per row, and about 0.2 GB.

    Source: section 3.3, Eq. 4 and Algorithm 1.
    """
    function = find_strategy(strategy)
    chosen = checked_options(strategy, function, options)
    pool = replace(
        make_pool(vectors, scores, columns, start=start, among=among, owned=owned, metric=metric, seed=seed),
        device=device,
        state=None if state is None else Path(state),
    )
    wanted = checked_size(size, pool)
    picks: Picks = function(pool, wanted, **chosen)
    radius = np.full(wanted, np.nan)
    if picks.radius is not None:
        radius = picks.radius
    elif coverage and pool.vectors is not None:
        from hf_qads.selection.coverage import coverage as radius_after

        radius = radius_after(pool, picks.order)
    if pool.state is not None:
        from hf_qads.selection.state import forget

        forget(pool.state)
    asked = {
        "n": pool.n,
        "size": wanted,
        "strategy": strategy,
        "start": len(pool.start),
        "metric": metric,
        "seed": seed,
        "options": chosen,
        "scores": pool.scores is not None,
        "columns": sorted(pool.columns),
        "out": len(pool.out),
        "owned": 0 if owned is None else len(owned),
    }

    return Selection(picks.order, picks.gains, pool.start, radius, asked, picks.work, pool)


def make_pool(
    vectors: Any,
    scores: Any,
    columns: Mapping[str, Any] | None,
    *,
    start: int | Sequence[int] | np.ndarray,
    among: Any,
    owned: Any,
    metric: str,
    seed: int,
) -> Pool:
    """What strategies see, checked.

    Raises:
        SelectionError: no rows, lengths that differ, scores that are not finite numbers, bad start rows.
    """
    lengths = {name: len(values) for name, values in (columns or {}).items()}
    if scores is not None:
        lengths["scores"] = length_of(scores, "scores")
    if vectors is not None:
        lengths["vectors"] = length_of(vectors, "vectors")
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name}: {count}" for name, count in sorted(lengths.items()))
        raise SelectionError(f"All columns must have as many rows as the vectors, got {found}.")
    if not lengths:
        raise SelectionError("There is nothing to select from. Give vectors, scores or columns.")
    n = next(iter(lengths.values()))
    if n == 0:
        raise SelectionError("The pool is empty: 0 rows.")
    rows = rows_among(among, n)
    out = np.setdiff1d(np.arange(n), rows) if len(rows) < n else np.empty(0, dtype=np.int64)
    return Pool(
        n=n,
        vectors=vectors,
        scores=None if scores is None else finite_column(scores, "scores", n, out),
        columns={name: np.asarray(values) for name, values in (columns or {}).items()},
        start=start_rows(start, n, rows, seed),
        out=out,
        owned=owned,
        metric=metric,
        seed=seed,
    )


def length_of(values: Any, name: str) -> int:
    """Number of rows of `values`."""
    try:
        return len(values)
    except TypeError as error:
        raise SelectionError(f"{name} must have one entry per row, got {type(values).__name__}.") from error


def rows_among(among: Any, n: int) -> Rows:
    """The rows that take part, in ascending order.

    Raises:
        SelectionError: neither indices nor a mask, out of range, or none at all.
    """
    if among is None:
        return np.arange(n)
    given = np.asarray(among)
    if given.dtype == bool and given.shape == (n,):
        rows = np.flatnonzero(given)
    elif given.dtype.kind in "iu" and given.ndim == 1:
        rows = np.unique(given).astype(np.int64)
    else:
        raise SelectionError(
            f"among must be row indices or a mask of {n} rows, got {given.dtype} {given.shape}."
        )
    if len(rows) == 0:
        raise SelectionError("No row takes part: among is empty.")
    if rows[0] < 0 or rows[-1] >= n:
        raise SelectionError(f"among has row {rows[0] if rows[0] < 0 else rows[-1]}, the pool has {n} rows.")
    return rows


def start_rows(start: int | Sequence[int] | np.ndarray, n: int, among: Rows, seed: int) -> Rows:
    """The start rows: drawn where a number is given, else checked.

    Raises:
        SelectionError: a negative number, or rows that are out of range or repeated.
    """
    if isinstance(start, (int, np.integer)) and not isinstance(start, bool):
        if start < 0:
            raise SelectionError(f"start={start} is negative. Give a number of rows, or the rows themselves.")
        count = min(int(start), max(1, len(among) // 10))
        return np.random.default_rng(seed).choice(among, count, replace=False)
    rows = np.asarray(start)
    if rows.size == 0:
        return np.empty(0, dtype=np.int64)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise SelectionError(f"start must be a number or a list of row indices, got {start!r}.")
    rows = rows.astype(np.int64)
    outside = rows[(rows < 0) | (rows >= n)]
    if len(outside):
        raise SelectionError(f"start row {outside[0]} is not in the pool of {n} rows (0 to {n - 1}).")
    values, counts = np.unique(rows, return_counts=True)
    if len(values) < len(rows):
        raise SelectionError(f"start row {values[counts > 1][0]} is given more than once.")
    absent = rows[~np.isin(rows, among)]
    if len(absent):
        raise SelectionError(f"start row {absent[0]} is not among the rows that take part.")
    return rows


def checked_size(size: int, pool: Pool) -> int:
    """`size` as an int.

    Raises:
        SelectionError: not a whole number, negative, or more than there are rows outside the start pool.
    """
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise SelectionError(f"size must be a whole number of rows, got {size!r}.")
    room = pool.n - len(pool.out) - len(pool.start)
    if size < 0:
        raise SelectionError(f"size={size} is negative.")
    if size > room:
        raise SelectionError(
            f"size={size} but only {room} rows are outside the start pool (n={pool.n - len(pool.out)}, "
            f"start={len(pool.start)}). Lower size or start."
        )
    return int(size)
