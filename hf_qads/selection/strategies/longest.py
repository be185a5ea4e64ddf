"""Longest: the rows with the longest answers.

Zhao et al. 2024, "Long Is More for Alignment: A Simple but Tough-to-Beat Baseline for Instruction
Fine-Tuning" (arXiv 2402.04833).
"""

from hf_qads import references
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool, ranked

NEEDS = Needs(columns=("column",))
PHRASE = "the length of their answers, the longest first"
CITATION = references.LONGEST


def longest(pool: Pool, size: int, *, column: str = "answer_tokens", limit: int = 0) -> Picks:
    """Pick rows by falling number of answer tokens.

    A row that training would cut is no long answer: rows above `limit` come after all others. In a run, rows
    beyond the model's context have no number of tokens and are left out, counted.

    Args:
        pool: needs the column with the number of tokens.
        size: how many rows.
        column: its name.
        limit: most tokens of an answer that training does not cut; 0: all fit.

    Returns:
        The picks; gains are numbers of tokens.

    Raises:
        SelectionError: no such column, or NaN in it.
    """
    tokens = pool.need_column("longest", column)
    return ranked(pool, tokens, size, last=tokens > limit if limit else None)
