"""Evidence of a card: coverage, best and worst rows, comparisons, as plain numbers."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hf_qads.publishing.cards.escaping import visible

QUESTION: Final = 500  # characters
ANSWER: Final = 900
WIDTH: Final = 92


@dataclass(frozen=True)
class Coverage:
    """Largest distance from a row of the pool to the nearest picked row, beside as many random rows."""

    source: str
    picked: int
    largest: float
    random: float
    rows: int
    draws: int


@dataclass(frozen=True)
class Example:
    """A row with its score, as it may be shown."""

    source: str
    score: float
    question: str
    answer: str
    rank: int | None = None
    kept: bool = False

    @property
    def text(self) -> str:
        """Question and answer, one under the other, cut to what a card has room for."""
        return f"{_wrapped(self.question, QUESTION)}\n\n{_wrapped(f'→ {self.answer}', ANSWER)}"


def _wrapped(text: str, limit: int) -> str:
    """At most `limit` characters with lines that a card's column holds."""
    lines = visible(text, limit).split("\n")
    wrapped = (textwrap.wrap(line, WIDTH, replace_whitespace=False, break_long_words=False) for line in lines)
    return "\n".join("\n".join(parts) for parts in wrapped)


@dataclass(frozen=True)
class ExampleGroup:
    """The best or the worst rows of one kind."""

    title: str
    kind: str
    best: bool
    rows: Sequence[Example]


@dataclass(frozen=True)
class Evidence:
    """Whatever was measured; what is empty is not spoken of."""

    coverage: Sequence[Coverage] = ()
    examples: Sequence[ExampleGroup] = ()
    comparison: str = ""
