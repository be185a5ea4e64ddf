"""Check the arguments of `select` and make the pool that strategies see."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.selection.pool import METRICS, Pool, Rows, finite_column


def make_pool(
    vectors: Any,
    scores: Any,
    columns: Mapping[str, Any] | None,
    *,
    features: Mapping[str, Any] | None = None,
    target_features: Mapping[str, Any] | None = None,
    start: int | Sequence[int] | np.ndarray,
    candidates: Any,
    already_selected: Any,
    metric: str,
    seed: int,
) -> Pool:
    """What strategies see, checked.

    Raises:
        SelectionError: no rows, lengths that differ, scores that are not finite numbers, bad start rows.
    """
    if metric not in METRICS:
        raise SelectionError(f"metric={metric!r} is not known. Choose one of {', '.join(METRICS)}.")
    for kind, given in (("columns", columns), ("features", features), ("target_features", target_features)):
        if given is not None and not isinstance(given, Mapping):
            what = "columns" if kind == "columns" else "arrays"
            raise SelectionError(f"{kind} must map names to {what}, got {type(given).__name__}.")
    named = {**(columns or {}), **(features or {})}
    lengths = {str(name): length_of(values, str(name)) for name, values in named.items()}
    if scores is not None:
        lengths["scores"] = length_of(scores, "scores")
    if vectors is not None:
        lengths["vectors"] = length_of(vectors, "vectors")
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name}: {count}" for name, count in sorted(lengths.items()))
        raise SelectionError(f"All columns must have as many rows as the vectors, got {found}.")
    if not lengths:
        raise SelectionError("There is nothing to select from. Give vectors, scores, columns or features.")
    if already_selected is not None and length_of(already_selected, "already_selected") == 0:
        already_selected = None
    n = next(iter(lengths.values()))
    if n == 0:
        raise SelectionError("The pool is empty: 0 rows.")
    rows = candidate_rows(candidates, n)
    out = np.setdiff1d(np.arange(n), rows) if len(rows) < n else np.empty(0, dtype=np.int64)
    return Pool(
        n=n,
        vectors=vectors,
        scores=None if scores is None else finite_column(scores, "scores", n, out),
        columns={name: np.asarray(values) for name, values in (columns or {}).items()},
        start=start_rows(start, n, rows, seed),
        out=out,
        features=dict(features or {}),
        target_features={
            str(name): target_sets(values, str(name)) for name, values in (target_features or {}).items()
        },
        already_selected=already_selected,
        metric="cosine" if metric == "cosine" else "euclidean",
        seed=checked_count(seed, "seed"),
    )


def checked_count(value: Any, name: str) -> int:
    """`value` as an int.

    Raises:
        SelectionError: not a whole number, or negative.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise SelectionError(f"{name} must be a whole number, got {value!r}.")
    if value < 0:
        raise SelectionError(f"{name}={value} is negative.")
    return int(value)


def pool_again(asked: Mapping[str, Any], start: Rows, vectors: Any, scores: Any) -> Pool:
    """The pool that a selection was made from, put together again from what was asked and its start rows.

    Raises:
        SelectionError: the pool cannot be put together again, scores are needed, or these are other rows.
    """
    if asked["columns"] or asked["features"] or asked["already_selected"] or asked["out"]:
        raise SelectionError(
            "A selection that used columns, features, already selected vectors or only some rows cannot be "
            "explained once loaded. Explain it before saving, or select again."
        )
    if asked["scores"] and scores is None:
        raise SelectionError("This selection was loaded from a file: give its scores again.")
    pool = make_pool(
        vectors,
        scores,
        None,
        start=start,
        candidates=None,
        already_selected=None,
        metric=asked["metric"],
        seed=asked["seed"],
    )
    if pool.n != asked["n"]:
        raise SelectionError(f"The selection was made from {asked['n']} rows, got {pool.n}.")
    return pool


def target_sets(values: Any, name: str) -> dict[str, Any]:
    """A feature of target rows by set; one array is the only set.

    Raises:
        SelectionError: no set, or one without rows.
    """
    sets = dict(values) if isinstance(values, Mapping) else {"target": values}
    empty = [key for key, rows in sets.items() if length_of(rows, f"target_features[{name!r}]") == 0]
    if empty or not sets:
        raise SelectionError(f"target_features[{name!r}] has no rows{f' in {empty[0]!r}' if empty else ''}.")
    return sets


def length_of(values: Any, name: str) -> int:
    """Number of rows of `values`."""
    try:
        return len(values)
    except TypeError as error:
        raise SelectionError(f"{name} must have one entry per row, got {type(values).__name__}.") from error


def candidate_rows(candidates: Any, n: int) -> Rows:
    """The rows that take part, in ascending order.

    Raises:
        SelectionError: neither indices nor a mask, out of range, or none at all.
    """
    if candidates is None:
        return np.arange(n)
    given = np.asarray(candidates)
    if given.dtype == bool and given.shape == (n,):
        rows = np.flatnonzero(given)
    elif given.dtype.kind in "iu" and given.ndim == 1:
        rows = np.unique(given).astype(np.int64)
    else:
        raise SelectionError(
            f"candidates must be row indices or a mask of {n} rows, got {given.dtype} {given.shape}."
        )
    if len(rows) == 0:
        raise SelectionError("No row takes part: candidates is empty.")
    if rows[0] < 0 or rows[-1] >= n:
        raise SelectionError(
            f"candidates has row {rows[0] if rows[0] < 0 else rows[-1]}, the pool has {n} rows."
        )
    return rows


def start_rows(start: int | Sequence[int] | np.ndarray, n: int, candidates: Rows, seed: int) -> Rows:
    """The start rows: drawn where a number is given, else checked.

    Raises:
        SelectionError: a negative number, or rows that are out of range or repeated.
    """
    if isinstance(start, (int, np.integer)) and not isinstance(start, bool):
        if start < 0:
            raise SelectionError(f"start={start} is negative. Give a number of rows, or the rows themselves.")
        count = min(int(start), max(1, len(candidates) // 10))
        return np.random.default_rng(checked_count(seed, "seed")).choice(candidates, count, replace=False)
    rows = np.asarray(start)
    if rows.size == 0:
        return np.empty(0, dtype=np.int64)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise SelectionError(
            "start must be how many rows, a whole number, or a list of row indices, got "
            f"{f'{rows.dtype} {rows.shape}' if rows.ndim else repr(start)}."
        )
    outside = rows[(rows < 0) | (rows >= n)]
    if len(outside):
        raise SelectionError(f"start row {outside[0]} is not in the pool of {n} rows (0 to {n - 1}).")
    rows = rows.astype(np.int64)
    values, counts = np.unique(rows, return_counts=True)
    if len(values) < len(rows):
        raise SelectionError(f"start row {values[counts > 1][0]} is given more than once.")
    absent = rows[~np.isin(rows, candidates)]
    if len(absent):
        raise SelectionError(f"start row {absent[0]} is not among the rows that take part.")
    return rows


def checked_size(size: int, pool: Pool) -> int:
    """`size` as an int.

    Raises:
        SelectionError: not a whole number, negative, or more than there are rows outside the start pool.
    """
    size = checked_count(size, "size")
    if size > pool.room:
        raise SelectionError(
            f"size={size} but only {pool.room} rows are outside the start pool (n={pool.n - len(pool.out)}, "
            f"start={len(pool.start)}). Lower size or start."
        )
    return size
