"""What is known of every row so far, and which rows to look at next."""

from typing import NamedTuple

import numpy as np

from hf_qads.selection.pool import Floats, Rows


class Rival(NamedTuple):
    """The best that a row outside a set may still reach, and the lowest such row."""

    value: float
    row: int

    def beaten_by(self, values: Floats, rows: Rows) -> np.ndarray:
        """Which of `rows` come before the rival: a larger value, or an equal one but a lower row."""
        ahead: np.ndarray = (values > self.value) | ((values == self.value) & (rows < self.row))
        return ahead


NOBODY = Rival(-np.inf, -1)


class Bounds:
    """Per row: an upper bound of its objective, and how far it has been brought up to date.

    Attributes:
        key: upper bound of score times distance; minus infinity once picked.
        best: upper bound of the measure to the nearest center.
        exact: exact measure to the nearest of the first `seen` centers, and of the start pools if `settled`.
        seen: number of centers, counted from the first, that `exact` takes in.
        tried: number of centers among which a near one was looked for.
        settled: whether `exact` takes in the start pools.
    """

    def __init__(self, best: Floats, exact: Floats, key: Floats) -> None:
        self.best = best
        self.exact = exact
        self.key = key
        self.seen = np.zeros(len(best), dtype=np.int32)
        self.tried = np.zeros(len(best), dtype=np.int32)
        self.settled = np.ones(len(best), dtype=bool)


class Frontier:
    """The rows with the largest keys, found in two steps so that few refills read all keys."""

    def __init__(self, key: Floats, shelf: int) -> None:
        self.key = key
        self.size = shelf
        self.shelf: Rows = np.empty(0, dtype=np.int64)
        self.outside = Rival(np.inf, -1)

    def candidates(self, count: int) -> tuple[Rows, Rival]:
        """The `count` rows with the largest keys (ties: the lowest rows) and the best row outside them."""
        if not self.outside.beaten_by(self.key[self.shelf], self.shelf).any():
            rows, self.outside = largest(self.key, None, self.size)
            self.shelf = np.sort(rows)
        rows, rival = largest(self.key[self.shelf], self.shelf, count)
        if self.outside.value > rival.value:
            rival = self.outside
        elif self.outside.value == rival.value:
            rival = Rival(rival.value, min(rival.row, self.outside.row))
        return rows, rival


def largest(key: Floats, rows: Rows | None, count: int) -> tuple[Rows, Rival]:
    """The `count` entries with the largest keys, and the best of the others; ties go to lower rows.

    `rows` are the entries' rows in ascending order; None means that entries are rows.
    """
    total = len(key)
    if total <= count:
        return (np.arange(total) if rows is None else rows), NOBODY
    edge = total - count
    order = np.argpartition(key, [edge - 1, edge])
    inside, limit, beyond = order[edge:], key[order[edge]], key[order[edge - 1]]
    if beyond < limit:
        tied = np.flatnonzero(key == beyond) if beyond > -np.inf else np.zeros(1, dtype=np.int64)
        first = int(tied[0])
    else:
        inside = np.flatnonzero(key > limit)
        tied = np.flatnonzero(key == limit)
        room = count - len(inside)
        inside, first = np.concatenate([inside, tied[:room]]), int(tied[room])
    if rows is None:
        return inside, Rival(float(beyond), first)
    return rows[inside], Rival(float(beyond), int(rows[first]))
