"""LESS: rows whose gradients are most similar to those of target rows.

Xia et al. 2024, "LESS: Selecting Influential Data for Targeted Instruction Tuning" (arXiv 2402.04333).
"""

from contextlib import ExitStack
from typing import Any

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Floats, Picks, Pool, ranked
from hf_qads.selection.techniques.transforms import rows_of, span, transformed
from hf_qads.selection.techniques.turns import by_similarity

NEEDS = Needs(features=("feature",), targets=("feature",))
PHRASE = "LESS: the similarity of each row's gradient to the gradients of target rows"
CITATION = """\
@inproceedings{xia2024less,
  title     = {LESS: Selecting Influential Data for Targeted Instruction Tuning},
  author    = {Xia, Mengzhou and Malladi, Sadhika and Gururangan, Suchin and Arora, Sanjeev and Chen, Danqi},
  booktitle = {International Conference on Machine Learning},
  year      = {2024}
}
"""

AGGREGATES = ("round_robin", "max_mean")


def less(
    pool: Pool,
    size: int,
    *,
    feature: str = "gradients",
    aggregate: str = "round_robin",
    weights: tuple[float, ...] = (),
    rank: int = 0,
) -> Picks:
    """Pick rows whose gradients point where those of the target rows point.

    The influence of a row on a target row is the sum over checkpoints of weight times the cosine of their
    gradients. `round_robin` lets target rows (or, of several sets, the sets) take turns, as `rds` does;
    `max_mean` is the rule of the paper: the mean over a set's rows, the largest of the sets. Cosines and not
    products, because a gradient's length falls with the length of the answer.

    Args:
        pool: needs the feature for its rows and target rows: (n, p), or (n, checkpoints, p).
        size: how many rows.
        feature: its name.
        aggregate: `round_robin` or `max_mean`.
        weights: of the checkpoints, their mean learning rates; none: all the same.
        rank: in the subspace of that many principal directions of the targets' gradients (of each
            checkpoint); 0: in the whole space. The low-cost form is `embedding.gradients(..., subspace=...)`,
            which keeps no more than that of each row.

    Returns:
        The picks; gains are influences, with the weights' sum 1.

    Raises:
        SelectionError: the feature is not there, holds NaN or zeros, an option out of range.
    """
    if aggregate not in AGGREGATES:
        raise SelectionError(f"aggregate must be one of {', '.join(AGGREGATES)}, got {aggregate!r}.")
    if rank < 0:
        raise SelectionError(f"rank={rank} is negative. Give a number of directions, or 0 for all.")
    rows = pool.need_feature("less", feature)
    targets = {name: stacked(values) for name, values in pool.need_targets("less", feature).items()}
    every = np.concatenate(list(targets.values()))
    shares = checkpoint_weights(weights, every.shape[1])
    if rows.shape[-1] != every.shape[2] or (rows.ndim == 3 and rows.shape[1] != every.shape[1]):
        raise SelectionError(
            f"{feature} has shape {tuple(rows.shape)} for rows, but {every.shape} for target rows."
        )
    bases = [span(every[:, c], rank) if rank else None for c in range(every.shape[1])]
    with ExitStack() as stack:
        if every.shape[1] > 1 or rank:
            width = sum(every.shape[2] if basis is None else basis.shape[1] for basis in bases)

            def change(block: Floats) -> Floats:
                return joined(stacked(block), bases, np.ones_like(shares))

            rows = stack.enter_context(transformed(pool, rows, width, change))
        elif rows.ndim == 3:
            rows = rows[:, 0]
        # of unit rows: the cosine of the joined gradients is the weighted sum over a constant
        scale = float(np.sqrt(len(shares) * (shares**2).sum()))
        wanted = {name: joined(values, bases, shares) for name, values in targets.items()}
        if aggregate == "max_mean":
            return ranked(pool, largest_mean(pool, rows, wanted, len(shares)), size)
        picks = by_similarity(pool, size, rows, wanted)
        return picks._replace(gains=picks.gains * scale)


def stacked(values: Any) -> Floats:
    """Gradients as (m, checkpoints, p) in float64."""
    array = rows_of(values, slice(None))
    return array[:, None] if array.ndim == 2 else array


def checkpoint_weights(weights: tuple[float, ...], count: int) -> Floats:
    """Weights of the checkpoints, with the sum 1.

    Raises:
        SelectionError: not one per checkpoint, or not positive.
    """
    given = np.asarray(weights or [1.0] * count, dtype=np.float64)
    if len(given) != count or not (given > 0).all():
        raise SelectionError(f"weights must be {count} positive numbers, one per checkpoint, got {weights}.")
    return np.asarray(given / given.sum())


def joined(gradients: Floats, bases: list[Floats | None], weights: Floats) -> Floats:
    """Gradients (m, checkpoints, p), each projected, of length 1 and times its weight, side by side."""
    parts = []
    for checkpoint, (basis, weight) in enumerate(zip(bases, weights.tolist(), strict=True)):
        part = gradients[:, checkpoint] if basis is None else gradients[:, checkpoint] @ basis
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        parts.append(weight * part / np.where(lengths > 0, lengths, 1))
    return np.concatenate(parts, axis=1)


def largest_mean(pool: Pool, rows: Any, targets: dict[str, Floats], checkpoints: int) -> Floats:
    """For each row the mean influence on a set's rows, the largest of the sets; minus infinity if absent."""
    means = np.stack([values.mean(0) for values in targets.values()])
    found = np.full(pool.n, -np.inf)
    present = pool.present()
    for begin in range(0, len(present), 16_384):
        index = present[begin : begin + 16_384]
        block = rows_of(rows, index)
        if checkpoints == 1:  # otherwise each checkpoint's part has length 1 already
            block /= np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-300)
        found[index] = (block @ means.T).max(1)
    if np.isnan(found).any():
        row = int(np.flatnonzero(np.isnan(found))[0])
        raise SelectionError(f"the gradients hold NaN, first in row {row}. Leave such rows out.")
    return found
