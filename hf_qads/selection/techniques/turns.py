"""Round-robin over target rows: each in turn takes its best row that nobody has taken."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hf_qads.selection.pool import Floats, Picks, Pool, Rows

Search = Callable[[Rows, int], tuple[Rows, Floats]]


def round_robin(size: int, queries: int, search: Search) -> Picks:
    """Pick `size` rows in turns; a query whose best row is taken takes its next one and loses no turn.

    Args:
        size: how many rows, at most as many as the search can find.
        queries: how many take turns.
        search: of some queries (q,) and a number k, gives their k best rows (q, k), best first, and the rows'
            values (q, k). It is asked for more where a query's rows are all taken.

    Returns:
        The picks; gains are the values for the query that took them.
    """
    length = -(-size // max(1, queries)) * 2 + 8
    rows, values = search(np.arange(queries), min(length, size))
    lists, worth = list(rows), list(values)
    places = np.zeros(queries, dtype=np.int64)
    taken: set[int] = set()
    order, gains = np.empty(size, dtype=np.int64), np.empty(size)
    for pick in range(size):
        query = pick % queries
        while True:
            while places[query] < len(lists[query]) and int(lists[query][places[query]]) in taken:
                places[query] += 1
            if places[query] < len(lists[query]):
                break
            # no query ever needs more than `size`: those before it took at most size - 1 of its best
            short = np.flatnonzero(2 * places >= [len(own) for own in lists])
            length = min(size, 4 * max(len(lists[other]) for other in short.tolist()))
            more, known = search(short, length)
            for other, found, value in zip(short.tolist(), more, known, strict=True):
                lists[other], worth[other] = found, value
        order[pick], gains[pick] = lists[query][places[query]], worth[query][places[query]]
        taken.add(int(order[pick]))
    return Picks(order, gains)


def by_similarity(pool: Pool, size: int, rows: Any, targets: Mapping[str, Any]) -> Picks:
    """Pick free rows by cosine similarity to target rows, in turns.

    With one set of targets each of its rows takes turns. With several, each set does: it takes the row whose
    largest similarity to any of the set's rows is the largest.

    Args:
        pool: for the free rows and the device.
        size: how many rows.
        rows: (n, d) vectors.
        targets: set -> (m, d) vectors.

    Cost: n * m * d multiplications and a read of `rows`, a few times at most; n * sets numbers in memory.
    """
    from hf_qads.neighbours.nearest import nearest

    free = pool.free()
    if len(targets) > 1:
        return by_values(pool, size, [likeness(pool, rows, target, free) for target in targets.values()])
    target = np.asarray(next(iter(targets.values())))

    def search(queries: Rows, count: int) -> tuple[Rows, Floats]:
        found = nearest(target[queries], rows, count, rows=free, device=pool.device)
        return found.rows, found.values

    return round_robin(size, len(target), search)


def by_values(pool: Pool, size: int, values: list[Floats]) -> Picks:
    """Pick free rows in turns between several rankings, each (free,) values of the free rows."""
    free = pool.free()
    ranked = [np.lexsort((free, -own))[:size] for own in values]

    def search(queries: Rows, count: int) -> tuple[Rows, Floats]:
        chosen = [ranked[query][:count] for query in queries.tolist()]
        worth = [values[query][own] for query, own in zip(queries.tolist(), chosen, strict=True)]
        return free[np.array(chosen)], np.array(worth)

    return round_robin(size, len(values), search)


def likeness(pool: Pool, rows: Any, target: Any, index: Rows) -> Floats:
    """The largest cosine similarity of each of the rows `index` to any row of `target`, (len(index),)."""
    from hf_qads.neighbours.kmeans import assign

    return 1 - assign(rows, target, metric="cosine", rows=index, device=pool.device)[1]
