"""Where a row stands in a selection."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.selection.pool import Pool, Rows

if TYPE_CHECKING:
    from hf_qads.selection.selection import Explanation, Selection

BLOCK = 4096


def explain(
    selection: "Selection", row: int, *, vectors: Any = None, scores: Any = None, further: int = 10_000
) -> "Explanation":
    """See `Selection.explain`."""
    from hf_qads.selection.selection import Explanation

    n = int(selection.asked["n"])
    if not 0 <= row < n:
        raise SelectionError(f"row {row} is not in the pool of {n} rows (0 to {n - 1}).")
    pool = pool_of(selection, vectors, scores)
    started = bool(np.isin(row, selection.start))
    found = np.flatnonzero(selection.order == row)
    rank: int | None = int(found[0]) if len(found) else None
    looked_at = len(selection.order)
    before = np.concatenate([selection.start[selection.start != row], selection.order[:rank]])
    nearest, distance = nearest_of(pool, row, before)
    if rank is None and not started and further > 0:
        looked_at = min(n - len(selection.start), looked_at + further)
        order = continue_selection(selection, pool, looked_at)
        later = np.flatnonzero(order == row)
        rank = int(later[0]) if len(later) else None
    return Explanation(
        row=row,
        picked=len(found) > 0,
        started=started,
        score=None if pool.scores is None else float(pool.scores[row]),
        nearest=nearest,
        distance=distance,
        rank=rank,
        rank_above=looked_at,
        last_gain=float(selection.gains[-1]) if len(selection.gains) else float("nan"),
    )


def pool_of(selection: "Selection", vectors: Any, scores: Any) -> Pool:
    """The pool that the selection was made from, put together again where it was loaded from a file."""
    from hf_qads.selection.selecting import make_pool

    if selection.pool is not None:
        return selection.pool
    asked = selection.asked
    if asked["columns"] or asked["owned"] or asked["out"]:
        raise SelectionError(
            "A selection that used columns, owned vectors or only some rows cannot be explained once loaded. "
            "Explain it before saving, or select again."
        )
    if asked["scores"] and scores is None:
        raise SelectionError("This selection was loaded from a file: give its scores again.")
    pool = make_pool(
        vectors,
        scores,
        None,
        start=selection.start,
        among=None,
        owned=None,
        metric=asked["metric"],
        seed=asked["seed"],
    )
    if pool.n != asked["n"]:
        raise SelectionError(f"The selection was made from {asked['n']} rows, got {pool.n}.")
    return pool


def nearest_of(pool: Pool, row: int, others: Rows) -> tuple[int | None, float]:
    """The row of `others` nearest to `row`, ties to the first, and its distance; None and NaN without any."""
    if pool.vectors is None or len(others) == 0:
        return None, float("nan")
    from hf_qads.selection.space import Space

    space = Space(pool.vectors, metric=pool.metric, device="cpu", out=pool.out)
    here = space.raw(np.array([row]))
    parts = [others[begin : begin + BLOCK] for begin in range(0, len(others), BLOCK)]
    measures = np.concatenate([space.measure(space.raw(part), here) for part in parts])
    best = int(measures.argmin())
    return int(others[best]), float(space.unscale(space.distance(measures[best : best + 1]))[0])


def continue_selection(selection: "Selection", pool: Pool, size: int) -> Rows:
    """The order of a larger selection of the same pool."""
    from hf_qads.selection.strategies import checked_options, find_strategy

    name = str(selection.asked["strategy"])
    strategy = find_strategy(name)
    options = checked_options(name, strategy, selection.asked["options"])
    return strategy(replace(pool, state=None), size, **options).order
