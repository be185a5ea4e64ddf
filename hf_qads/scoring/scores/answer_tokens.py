"""Length of an answer in tokens, the plainest of scores: see the strategy `longest`."""

import numpy as np

from hf_qads import references
from hf_qads.scoring.scores.given import Given, Scored

COLUMNS = ("answer_tokens",)
NEEDS: tuple[str, ...] = ()
MODEL = True  # whose tokenizer counts
PHRASE = "length of the answer in tokens"
CITATION = references.LONGEST


def answer_tokens(given: Given) -> Scored:
    """Count the tokens of rows' answers. A row beyond the model's context has none: training would cut it.

    Returns:
        `answer_tokens`, at least 1.

    Cost: tokenisation only; nothing goes through the model unless another score asks for it.
    """
    found = given.losses
    values = np.where(found.tokens > 0, found.tokens, np.nan)
    return Scored({"answer_tokens": values}, dict(found.reasons))
