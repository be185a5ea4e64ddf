"""Quality: the rows with the highest scores."""

from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool, ranked

NEEDS = Needs(scores=True, columns=("score",))
PHRASE = "their quality score, the highest first"


def quality(pool: Pool, size: int, *, score: str = "") -> Picks:
    """Pick rows by falling score, ties to the lowest row; vectors are not looked at.

    Args:
        pool: needs scores.
        size: how many rows.
        score: a column that takes the place of the scores, such as a reward model's.

    Returns:
        The picks; gains are scores.

    Raises:
        SelectionError: no scores, no such column, or NaN in it.
    """
    return ranked(pool, pool.need_score("quality", score), size)
