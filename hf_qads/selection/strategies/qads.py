"""QaDS: Quality-aware Diverse Selection, score times distance.

Source: section 3.3, Eq. 4.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.references import KCENTER, QADS
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Floats, Picks, Pool
from hf_qads.selection.techniques.transforms import rows_of, span, transformed, whitening

NEEDS = Needs(vectors=True, start=True, columns=("score",), targets=("target",))
PHRASE = (
    "Quality-aware Diverse Selection (QaDS): each pick has the highest product of quality score and distance "
    "to the rows picked before"
)
CITATION = QADS + KCENTER


def qads(
    pool: Pool,
    size: int,
    *,
    score: str = "",
    power: float = 1.0,
    whiten: bool = False,
    target: str = "",
    target_in: str = "score",
    rank: int = 128,
) -> Picks:
    """Pick each time the row with the largest score times distance to its nearest picked or start row.

    Without scores all count the same, which is K-center Greedy. The defaults are the paper's; the options
    are choices that it leaves open.

    Args:
        pool: needs vectors; scores are used where there are any.
        size: how many rows.
        score: a column that takes the place of the scores.
        power: exponent on the score: 0 is K-center Greedy, and the larger, the more quality counts.
        whiten: whether distances are measured on whitened vectors, in which every direction varies alike;
            the vectors of language models vary most in a few that hold little meaning.
        target: the feature in which rows are compared with target rows, mostly `vectors`; empty: none.
        target_in: `score` multiplies the score by (1 + cosine similarity to the nearest target row) / 2, so
            that the objective is similarity times quality times distance; `distance` measures distances only
            along the directions that the target rows span, so that rows differ by what matters there.
        rank: most of these directions.

    Returns:
        The picks; gains are score times distance.

    Raises:
        SelectionError: a negative score, an option out of range, or see `greedy`.

    Cost: `whiten` and `target_in: distance` write changed vectors to a temporary file, 4 bytes a number.

    Source: section 3.3, Eq. 4.
    """
    if power < 0 or rank < 1 or target_in not in ("score", "distance"):
        raise SelectionError(
            "strategy='qads' takes power >= 0, rank >= 1 and target_in score or distance, got "
            f"power={power}, rank={rank}, target_in={target_in!r}."
        )
    from hf_qads.selection.engine.greedy import greedy

    weights = quality(pool, score) ** power
    if target and target_in == "score":
        weights = weights * similarity(pool, target)
    with ExitStack() as stack:
        if target and target_in == "distance":
            pool = stack.enter_context(along_target(pool, target, rank))
        if whiten:
            pool = stack.enter_context(whitened(pool))
        return greedy(pool, size, weights, strategy="qads")


def quality(pool: Pool, column: str) -> Floats:
    """The scores, or a column, or ones.

    Raises:
        SelectionError: one is negative.
    """
    scores = pool.need_column("qads", column) if column else pool.scores
    if scores is None:
        return np.ones(pool.n)
    negative = np.flatnonzero(scores < 0)
    if len(negative):
        row = int(negative[0])
        raise SelectionError(
            f"strategy='qads' multiplies scores with distances, so they may not be negative: "
            f"row {row} has {scores[row]:g} ({len(negative)} rows do). Shift or clip them first."
        )
    return scores


def similarity(pool: Pool, feature: str) -> Floats:
    """(1 + cosine similarity to the nearest target row of any set) / 2, in [0, 1], (n,)."""
    from hf_qads.selection.techniques.turns import likeness

    rows, present = pool.need_feature("qads", feature), pool.present()
    target = np.concatenate([np.asarray(values) for values in pool.need_targets("qads", feature).values()])
    found = np.zeros(pool.n)
    found[present] = (1 + likeness(pool, rows, target, present)) / 2
    return found


@contextmanager
def along_target(pool: Pool, feature: str, rank: int) -> Iterator[Pool]:
    """The pool with its rows' feature along the directions that the target rows span, for vectors."""
    targets = [rows_of(values, slice(None)) for values in pool.need_targets("qads", feature).values()]
    basis = span(np.concatenate(targets), rank)
    rows = pool.need_feature("qads", feature)
    with transformed(pool, rows, basis.shape[1], lambda block: np.asarray(block @ basis)) as vectors:
        yield replace(pool, vectors=vectors)


@contextmanager
def whitened(pool: Pool) -> Iterator[Pool]:
    """The pool with whitened vectors."""
    vectors = pool.need_vectors("qads")
    matrix = whitening(pool, vectors)
    with transformed(pool, vectors, matrix.shape[1], lambda block: np.asarray(block @ matrix)) as changed:
        yield replace(pool, vectors=changed)
