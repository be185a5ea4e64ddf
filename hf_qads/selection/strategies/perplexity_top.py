"""Perplexity, top: the rows that the base model finds hardest.

A baseline of Ivison et al. 2025, "Large-Scale Data Selection for Instruction Tuning" (arXiv 2503.01807).
"""

from hf_qads.references import LARGE_SCALE
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool, ranked

NEEDS = Needs(columns=("column",))
PHRASE = "their perplexity under the base model, the highest first"
CITATION = LARGE_SCALE


def perplexity_top(pool: Pool, size: int, *, column: str = "perplexity") -> Picks:
    """Pick rows by falling perplexity.

    The published rule takes the loss of all tokens; here the column says (`scores: [perplexity]` takes the
    answer's unless told otherwise). Very short rows have extreme values.

    Args:
        pool: needs the column; any rising function of the perplexity, such as the loss, ranks alike.
        size: how many rows.
        column: its name.

    Returns:
        The picks; gains are the column's values.

    Raises:
        SelectionError: no such column, or NaN in it.
    """
    return ranked(pool, pool.need_column("perplexity_top", column), size)
