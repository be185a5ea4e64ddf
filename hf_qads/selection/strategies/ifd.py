"""Instruction-following difficulty.

Li et al. 2024, "From Quantity to Quality: Boosting LLM Performance with Self-Guided Data Selection for
Instruction Tuning" (arXiv 2308.12032).
"""

from hf_qads import references
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool, ranked

NEEDS = Needs(columns=("column",))
PHRASE = "their instruction-following difficulty, the hardest of at most the limit first"
CITATION = references.IFD


def ifd(pool: Pool, size: int, *, column: str = "ifd", limit: float = 1.0) -> Picks:
    """Pick rows by falling instruction-following difficulty, those below a limit first.

    The difficulty of a row is the mean loss of its answer with its question over that without it. The
    published rule drops values above 1, where the question makes the answer less likely; here such rows
    come after all others, so that any size can be met and a smaller selection stays a prefix of a larger.

    Args:
        pool: needs the column, one finite number per row.
        size: how many rows.
        column: its name.
        limit: values above it come last.

    Returns:
        The picks; gains are the difficulties.

    Raises:
        SelectionError: no such column, or NaN in it.
    """
    difficulty = pool.need_column("ifd", column)
    return ranked(pool, difficulty, size, last=difficulty > limit)
