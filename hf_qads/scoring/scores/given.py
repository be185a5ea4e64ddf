"""What a score of rows is given (rows, a language model and its losses, vectors), and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ScoringError
from hf_qads.rows.losses import Losses, losses
from hf_qads.rows.sequences import recognised
from hf_qads.runtime.batching import BATCH_TOKENS

Rows = Sequence[Mapping[str, Any]]


class Scored(NamedTuple):
    """What a score gives back.

    Attributes:
        columns: by column, (n,) values; NaN where a row has none.
        reasons: index of a row -> why it has none.
    """

    columns: dict[str, NDArray[np.floating[Any]]]
    reasons: dict[int, str]


@dataclass(frozen=True)
class Neighbourhood:
    """The pool around the rows, for a score that compares a row with its neighbours.

    Attributes:
        vectors: (N, d) of the whole pool, an array or memmap; NaN where a row has none.
        rows: gives the pool's rows at rising indices.
        places: (n,) indices of the scored rows in the pool.
    """

    vectors: NDArray[Any]
    rows: Callable[[NDArray[np.int64]], Rows]
    places: NDArray[np.int64]


@dataclass
class Given:
    """What a score may look at. Losses are computed once, for all scores that read them.

    Attributes:
        rows: (n,) with any of the usual column pairs.
        model: a causal language model of transformers, or None.
        tokenizer: its fast tokenizer, or None.
        template: `plain`, `chat` or a format string.
        parts: what `losses` holds: of `answer`, `alone`, `whole`.
        neighbourhood: the pool with its vectors, or None.
        device: for models that a score loads itself.
        batch_tokens: most tokens of a batch, padding included.
    """

    rows: Rows
    model: Any = None
    tokenizer: Any = None
    template: str = "plain"
    parts: tuple[str, ...] = ()
    neighbourhood: Neighbourhood | None = None
    device: Any = None
    batch_tokens: int = BATCH_TOKENS

    @cached_property
    def pairs(self) -> list[dict[str, Any] | str]:
        """History, question and answer of each row, or why it has none."""
        return recognised(self.rows)

    @cached_property
    def losses(self) -> Losses:
        """The rows' losses under the model.

        Raises:
            ScoringError: no model was given.
        """
        if self.model is None:
            raise ScoringError("a language model is needed. Name one: --model ID, or `model:` of a config.")
        return losses(
            self.model,
            self.tokenizer,
            self.rows,
            parts=self.parts,
            template=self.template,
            batch_tokens=self.batch_tokens,
        )
