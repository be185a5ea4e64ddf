"""Problems: a question and a solution that can be worked out rightly or wrongly."""

from collections.abc import Callable, Sequence
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


Family = Callable[[Random], Problem]


def exact(value: Value, others: Sequence[Value] = ()) -> Value:
    """The slip that makes no mistake."""
    return value
