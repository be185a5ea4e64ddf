"""Documents that the embedded language model is trained on: pairs that keep their style.

What a one-shot example tells the model is what stays the same within a document: mostly the quality of its
answers, less surely their layout and last line, and sometimes the family of the problem.
"""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final, TypeVar

from hf_qads.embedded.families import FAMILIES, HELD_OUT, draw_problem
from hf_qads.embedded.styles import CLOSINGS, LAYOUTS, Style, write

Choice = TypeVar("Choice")

QUALITY_SHARES: Final[Mapping[str, float]] = {
    "good": 0.34,
    "wrong": 0.16,
    "cut": 0.16,
    "bare": 0.08,
    "code": 0.08,
    "chat": 0.09,
    "garbled": 0.09,
}
PAIRS_SHARES: Final[Mapping[int, float]] = {1: 0.08, 2: 0.62, 3: 0.30}
SAME_QUALITY: Final = 0.96
SAME_LAYOUT: Final = 0.75
SAME_CLOSING: Final = 0.75
SAME_FAMILY: Final = 0.35
TRAINED: Final = tuple(family for family in FAMILIES if family not in HELD_OUT)


def documents(seed: int) -> Iterator[list[tuple[str, str]]]:
    """Yield documents without end: each a list of one to three (question, answer) pairs."""
    draw = Random(f"corpus {seed}")
    while True:
        style, families = _draw_style(draw, None), TRAINED
        document = []
        for _ in range(_pick(draw, PAIRS_SHARES)):
            family, problem = draw_problem(draw, families, "training")
            document.append((problem.question, write(problem, style, draw)))
            style = _draw_style(draw, style)
            families = (family,) if draw.random() < SAME_FAMILY else TRAINED
        yield document


def _draw_style(draw: Random, last: Style | None) -> Style:
    return Style(
        last.quality if last and draw.random() < SAME_QUALITY else _pick(draw, QUALITY_SHARES),
        last.layout if last and draw.random() < SAME_LAYOUT else draw.choice(LAYOUTS),
        last.closing if last and draw.random() < SAME_CLOSING else draw.choice(CLOSINGS),
    )


def _pick(draw: Random, shares: Mapping[Choice, float]) -> Choice:
    choices: Sequence[Choice] = list(shares)
    return draw.choices(choices, weights=list(shares.values()))[0]
