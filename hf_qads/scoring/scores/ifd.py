"""Instruction-following difficulty (IFD): how little the question helps the model to the answer.

Li et al. 2024, "From Quantity to Quality" (arXiv 2308.12032); the ratio of perplexities is that of
Li et al. 2024, "Superfiltering" (arXiv 2402.00530).
"""

import numpy as np

from hf_qads import references
from hf_qads.errors import ScoringError
from hf_qads.scoring.scores.given import Given, Scored

COLUMNS = ("ifd",)
NEEDS = ("answer", "alone")
PHRASE = "instruction-following difficulty: the answer's loss with its question over that without it"
CITATION = references.IFD


def ifd(given: Given, *, ratio: str = "loss") -> Scored:
    """Score rows by instruction-following difficulty.

    Args:
        given: rows and a causal language model.
        ratio: `loss`, the ratio of mean token losses (the first definition), or `perplexity`, that of
            perplexities, exp(difference of the losses). They order rows differently.

    Returns:
        `ifd`, above 0. Above 1 the question makes the answer less likely.

    Cost: one forward pass over question and answer, and one over the answer.
    """
    if ratio not in ("loss", "perplexity"):
        raise ScoringError(f"ratio={ratio!r} of ifd is none of loss, perplexity. Choose one of them.")
    found = given.losses
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        if ratio == "loss":
            values = found.paired / found.alone
        else:
            values = np.exp(found.paired - found.alone)
    return Scored({"ifd": values}, found.reasons | found.alone_reasons)
