"""Perplexity of a row's answer, or of question and answer, under a language model.

As a baseline of data selection: Ivison et al. 2025 (arXiv 2503.01807), who take all tokens.
"""

import numpy as np

from hf_qads import references
from hf_qads.errors import ScoringError
from hf_qads.scoring.scores.given import Given, Scored

COLUMNS = ("perplexity",)
NEEDS = ("answer",)
PHRASE = "perplexity: the exponential of the mean loss of the answer's tokens, or of all"
CITATION = references.LARGE_SCALE


def needs(*, tokens: str = "answer") -> tuple[str, ...]:
    """The losses that it reads with these options."""
    return ("whole",) if tokens == "all" else NEEDS


def perplexity(given: Given, *, tokens: str = "answer") -> Scored:
    """Score rows by perplexity.

    Args:
        given: rows and a causal language model.
        tokens: `answer`, the answer's tokens after the question, or `all`, question and answer.

    Returns:
        `perplexity`, at least 1.

    Cost: one forward pass over question and answer, shared with `ifd`.
    """
    if tokens not in ("answer", "all"):
        raise ScoringError(f"tokens={tokens!r} of perplexity is none of answer, all. Choose one of them.")
    found = given.losses
    with np.errstate(over="ignore"):
        values = np.exp(found.whole if tokens == "all" else found.answer)
    return Scored({"perplexity": values}, dict(found.reasons))
