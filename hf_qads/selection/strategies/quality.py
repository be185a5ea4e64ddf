"""The rows with the highest scores."""

from hf_qads.selection.pool import Picks, Pool, ranked

PHRASE = "their quality score, the highest first"


def quality(pool: Pool, size: int) -> Picks:
    """Pick rows by falling score, ties to the lowest row; vectors are not looked at.

    Args:
        pool: needs scores.
        size: how many rows.

    Returns:
        The picks; gains are scores.

    Raises:
        SelectionError: no scores.
    """
    return ranked(pool, pool.need_scores("quality"), size)
