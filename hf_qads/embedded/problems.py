"""Problems: a question and a solution that can be worked out rightly or wrongly."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple, Protocol, TypeVar

Value = TypeVar("Value", int, str)

NAMES: Final = ("Mia", "Ben", "Zoe", "Tom", "Ana", "Leo", "Eva", "Max", "Lily", "Sam", "Nora", "Paul")
ITEMS: Final = ("pens", "books", "apples", "cups", "toys", "cards", "balls", "shirts")


class Slip(Protocol):
    """Passes each intermediate result through; a wrong one puts something else in its place."""

    def __call__(self, value: Value, others: Sequence[Value] = ()) -> Value:
        """The value that the solution goes on with; `others` are what it may be mistaken for."""
        ...


class Problem(NamedTuple):
    """A question, and how it is solved.

    Attributes:
        question: the text of the question.
        solve: takes a `Slip`; gives the sentences of the solution, without full stops, and the final answer.
    """

    question: str
    solve: Callable[[Slip], tuple[list[str], str]]


Draw = Callable[[Random], Problem]
Solution = tuple[list[str], str]
Values = Mapping[str, int | str]


@dataclass(frozen=True)
class Family:
    """Problems of one kind, which can be drawn, and recognised by their text.

    Attributes:
        text: of the question, with the names of values in braces.
        draw: draws values.
        solve: takes a `Slip` and the values; gives sentences and final answer.
    """

    text: str
    draw: Callable[[Random], Values]
    solve: Callable[..., Solution]

    def __call__(self, draw: Random) -> Problem:
        """Draw a problem."""
        return self.problem(self.draw(draw))

    def problem(self, values: Values) -> Problem:
        """The problem with given values."""
        return Problem(self.text.format(**values), lambda slip: self.solve(slip, **values))

    def values(self, question: str) -> Values | None:
        """The values of a question of this family; None where it is another's."""
        pieces = re.split(r"\{(\w+)\}", self.text)
        named: set[str] = set()
        pattern = ""
        for text, name in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
            pattern += re.escape(text)
            if name:
                pattern += f"(?P={name})" if name in named else f"(?P<{name}>\\w+)"
                named.add(name)
        found = re.fullmatch(pattern, question)
        if found is None:
            return None
        return {name: int(value) if value.isdigit() else value for name, value in found.groupdict().items()}


def exact(value: Value, others: Sequence[Value] = ()) -> Value:
    """The slip that makes no mistake."""
    return value
