"""Coverage radius of a selection after each pick."""

import numpy as np
from tqdm import tqdm

from hf_qads.neighbours.arrays import full_precision
from hf_qads.selection.engine.engine import LazyGreedy
from hf_qads.selection.engine.greedy import already_selected_tensor
from hf_qads.selection.engine.space import Space
from hf_qads.selection.pool import Floats, Pool, Rows

AHEAD = 512  # centers looked ahead at most


@full_precision()
def coverage(pool: Pool, order: Rows) -> Floats:
    """Largest distance of any row to its nearest picked, start or already selected one, after each pick.

    Args:
        pool: what was chosen from; needs vectors.
        order: (k,) picked rows.

    Returns:
        (k,) the coverage radius, in the units of the vectors.

    Cost: at most about that of picking as many rows by K-center, mostly far less.
    """
    if len(order) == 0:
        return np.empty(0)
    space = Space(pool.need_vectors("coverage"), metric=pool.metric, device=pool.device, out=pool.out)
    nothing_before = len(pool.start) == 0 and pool.already_selected is None
    start = order[:1] if nothing_before else pool.start
    already_selected = already_selected_tensor(space, pool)
    engine = LazyGreedy(
        space, np.ones(space.n), len(order), start=start, already_selected=already_selected, out=pool.out
    )
    engine.begin()
    engine.bounds.key[start] = space.distance(engine.bounds.best[start])  # they are to be covered as well
    follow = order[1:] if nothing_before else order
    first = engine.now
    engine.add_centers(follow)
    engine.now = first  # the others are taken in one by one
    radius = np.zeros(len(follow) + 1)
    done, known, ahead = 0, 0, 32
    bar = tqdm(total=len(follow), desc="coverage", unit="row", disable=None)
    while known <= len(follow):
        found = engine.refill()
        if found is None:
            continue
        live, rival = found
        end = min(done + ahead, len(follow))
        centers = slice(first + done, first + end)
        norms = engine.centers.norms[centers]
        raw = space.raw(follow[done:end])
        largest, taken = live.follow(engine.centers.rows[centers], norms, raw, rival)
        radius[done : done + len(largest)] = largest
        known = done + len(largest)
        ahead = min(AHEAD, 2 * ahead) if taken == end - done else max(8, taken + taken // 2)
        done += taken
        engine.now = first + done
        engine.record(live.index, live.measure)
        bar.update(taken)
    bar.close()
    return space.unscale(radius if nothing_before else radius[1:])
