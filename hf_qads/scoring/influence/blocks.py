"""Prompt rows and anchors as blocks, with the reasons of those that have none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ScoringError, SourceError
from hf_qads.rows.rendering import Block, Renderer
from hf_qads.rows.sequences import WINDOW, recognised, rendered, windows
from hf_qads.schema import QUESTION, normalise_question

_NOTHING = Block([], (0, 0))


@dataclass(frozen=True, eq=False)
class Texts:
    """Rendered rows.

    Attributes:
        blocks: (n,) an empty block where there is a reason.
        reasons: (n,) why a row has no block, or None.
        questions: (n,) normalised questions; rows with equal ones are not scored against each other.
        starts: (n,) the questions' first characters, to name a row by.
    """

    blocks: list[Block]
    reasons: list[str | None]
    questions: list[str]
    starts: list[str]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,) tokens of each block."""
        return np.array([len(block.ids) for block in self.blocks], dtype=np.int64)

    @property
    def answer_tokens(self) -> NDArray[np.int32]:
        """(n,) tokens of each answer."""
        return np.array([block.answer[1] - block.answer[0] for block in self.blocks], dtype=np.int32)

    @property
    def answer_starts(self) -> NDArray[np.int64]:
        """(n,) the position of each answer's first token in its block; 1 where there is no block."""
        return np.array([block.answer[0] if block.ids else 1 for block in self.blocks], dtype=np.int64)

    @property
    def needed(self) -> NDArray[np.int64]:
        """(n,) tokens to forward to score each answer: its block up to the answer's last but one."""
        return np.array([max(0, block.answer[1] - 1) for block in self.blocks], dtype=np.int64)

    def keep(self, usable: NDArray[np.bool_], reason: str) -> None:
        """Take the blocks of rows that are not `usable` (n,) away, for one reason."""
        for place in np.flatnonzero(~usable):
            if self.reasons[place] is None:
                self.blocks[place], self.reasons[place] = _NOTHING, reason


def render(rows: Iterable[Mapping[str, Any]], renderer: Renderer, what: str) -> Texts:
    """Render rows.

    Args:
        rows: mappings with any of the usual column pairs; a list or a Dataset.
        renderer: of the model's tokenizer and template.
        what: how to name the rows in an error.

    Raises:
        ScoringError: there are no rows, or they have no known pair of columns.
    """
    texts = Texts([], [], [], [])
    for window in windows(rows, WINDOW):
        try:
            pairs = recognised(window)
        except SourceError as error:
            raise ScoringError(f"The {what} cannot be read: {error}") from error
        for row, pair, block in zip(window, pairs, rendered(renderer, pairs), strict=True):
            question = str((pair if isinstance(pair, Mapping) else row).get(QUESTION) or "")
            texts.blocks.append(_NOTHING if isinstance(block, str) else block)
            texts.reasons.append(block if isinstance(block, str) else None)
            texts.questions.append(normalise_question(question))
            texts.starts.append(question[:60])
    if not texts.blocks:
        raise ScoringError(f"There are no {what}. Give at least one row.")
    return texts
