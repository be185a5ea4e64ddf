"""Greedy selection by score times distance: QaDS and K-center Greedy, exact and resumable."""

import numpy as np
import torch
from tqdm import tqdm

from hf_qads.errors import SelectionError
from hf_qads.neighbours.arrays import as_tensor, full_precision
from hf_qads.selection.engine.checkpoint import Checkpoint
from hf_qads.selection.engine.engine import LazyGreedy
from hf_qads.selection.engine.space import Space
from hf_qads.selection.pool import Floats, Picks, Pool


@full_precision()
def greedy(pool: Pool, size: int, weights: Floats, *, strategy: str) -> Picks:
    """Pick `size` rows, each the one with the largest weight times distance to all before it.

    The picks are those of the plain loop over float64 distances, ties to the lowest row, whatever the block
    size, the number of threads and the device.

    Args:
        pool: what to choose from; needs vectors, and a start row or already selected vectors.
        size: how many.
        weights: (n,) finite, not negative.
        strategy: the name for messages and for the checkpoint.

    Raises:
        SelectionError: nothing to start from; NaN, infinite or (for cosine) zero vectors; a checkpoint
            of another selection.
    """
    check(pool, size, strategy)
    space = Space(pool.need_vectors(strategy), metric=pool.metric, device=pool.device, out=pool.out)
    before = already_selected_tensor(space, pool)
    if size == 0:
        return Picks(np.empty(0, dtype=np.int64), np.empty(0))
    engine = LazyGreedy(space, weights, size, start=pool.start, already_selected=before, out=pool.out)
    saved = None if pool.checkpoint_dir is None else Checkpoint.of(pool, space, before, weights, strategy)
    order, gains = ([], []) if saved is None else saved.load(engine, pool, size)
    if not engine.begun and len(order) < size:
        engine.begin()
    with tqdm(total=size, initial=len(order), desc=strategy, unit="row", disable=None) as bar:
        while len(order) < size:
            found = engine.refill()
            if found is not None:
                live, rival = found
                positions, values = live.pick(rival, size - len(order))
                if len(positions):
                    engine.centers.add(live.index[positions], live.rows[positions.tolist()])
                    engine.now = engine.centers.count
                engine.record(live.index, live.measure)
                engine.bounds.key[live.index] = live.values
                order += live.index[positions].tolist()
                gains += values
                bar.update(len(positions))
            if saved is not None:
                saved.save_now_and_then(engine, order, gains, size)
    radius = None
    if engine.now and (weights == 1).all():  # the next gain is the coverage radius
        radius = space.unscale(np.array([*gains[1:], largest_left(engine)]))
    return Picks(np.array(order, dtype=np.int64), space.unscale(np.array(gains)), engine.work(), radius)


def check(pool: Pool, size: int, strategy: str) -> None:
    """Refuse what would never end.

    Raises:
        SelectionError: nothing to be far from, or more rows than can be picked.
    """
    if len(pool.start) == 0 and pool.already_selected is None:
        raise SelectionError(
            f"strategy={strategy!r} needs something to be far from, got start=0. "
            "Give at least one start row, or already selected vectors."
        )
    if size > pool.room:
        raise SelectionError(
            f"strategy={strategy!r} is asked for {size} rows, and {pool.room} can be picked."
        )


def largest_left(engine: LazyGreedy) -> float:
    """Objective of the row that would be picked next; 0 where none is left."""
    while engine.bounds.key.max() > -np.inf:
        found = engine.refill()
        if found is not None:
            return float(found[0].values.max())
    return 0.0


def already_selected_tensor(space: Space, pool: Pool) -> torch.Tensor | None:
    """The already selected vectors as a tensor, checked against the pool's."""
    if pool.already_selected is None:
        return None
    tensor = as_tensor(pool.already_selected, "already_selected")
    if tensor.shape[1] != space.d:
        raise SelectionError(
            f"already_selected vectors have {tensor.shape[1]} dimensions, the pool's have {space.d}."
        )
    space.check(tensor, "already_selected")
    return tensor
