"""Subsets of a mixture: nested shares of it, each the rows that rank first."""

from collections.abc import Sequence

import numpy as np

from hf_qads.errors import MixingError
from hf_qads.mixing.ratios import nearest


def subset_name(fraction: float) -> str:
    """Name of a subset: 0.1 -> "10pct"."""
    return f"{fraction * 100:.6g}pct"


def check_fractions(subsets: Sequence[float]) -> list[float]:
    """Subset fractions in rising order.

    Raises:
        MixingError: a fraction outside (0, 1], or one twice.
    """
    for fraction in subsets:
        if not 0 < fraction <= 1:
            raise MixingError(f"a subset must be a fraction in (0, 1], got {fraction}.")
    if len({subset_name(fraction) for fraction in subsets}) != len(subsets):
        raise MixingError(f"subsets must differ, got {list(subsets)}.")
    return sorted(subsets)


def segments_by_source(count: int, fractions: Sequence[float]) -> np.ndarray:
    """Segment of each of a source's `count` kept rows, in rank order: 0 for the smallest subset, and so on.

    Subset `i` takes the first `fraction * count` rows, to the nearest integer, so that each subset keeps
    the mixture's shares of its sources.

    Returns:
        (count,) uint8, rising.
    """
    borders = [nearest(fraction * count) for fraction in fractions]
    return np.searchsorted(np.asarray(borders, dtype=np.int64), np.arange(count), side="right").astype(
        np.uint8
    )


def segments_by_place(places: Sequence[np.ndarray], fractions: Sequence[float]) -> list[np.ndarray]:
    """Segment of each row where all sources were ranked together, by its place in that one order.

    Args:
        places: per source, the places of its kept rows, rising.
        fractions: subset fractions in rising order.

    Returns:
        Per source, (rows,) uint8, rising.
    """
    count = sum(map(len, places))
    borders = np.asarray([nearest(fraction * count) for fraction in fractions], dtype=np.int64)
    return [np.searchsorted(borders, own, side="right").astype(np.uint8) for own in places]


def segments_by_gain(gains: Sequence[np.ndarray], fractions: Sequence[float]) -> list[np.ndarray]:
    """Segments where the rows of all sources compete by `qads_gain`, the objective's value at their pick.

    Gains compare across sources only when vectors and scores of all sources come from the same models and
    the same strategy. A row counts with the lowest gain up to its rank, so that a subset is a prefix of each
    source too. Rows without a gain (start rows) come last. On ties the earlier source and lower rank win.

    Args:
        gains: per source, the gains of its kept rows in rank order, NaN where there is none.
        fractions: subset fractions in rising order.

    Returns:
        Per source, (rows,) uint8, rising.
    """
    lengths = [len(values) for values in gains]
    running = [
        np.minimum.accumulate(np.where(np.isnan(values), -np.inf, values)) if len(values) else values
        for values in gains
    ]
    order = np.argsort(-np.concatenate(running), kind="stable") if running else np.empty(0, dtype=np.int64)
    segments = np.empty(len(order), dtype=np.uint8)
    segments[order] = segments_by_source(len(order), fractions)
    return np.split(segments, np.cumsum(lengths)[:-1])
