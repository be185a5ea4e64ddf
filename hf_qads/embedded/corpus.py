"""Documents that the embedded language model is trained on: pairs that keep their style.

What a one-shot example tells the model is what stays the same within a document: mostly the quality of its
answers, less surely their layout and last line, and sometimes the family of the problem.
"""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final, TypeVar

from hf_qads.embedded.families import FAMILIES, draw_problem
from hf_qads.embedded.styles import CLOSINGS, LAYOUTS, Style, write

Choice = TypeVar("Choice")

QUALITY_SHARES: Final[Mapping[str, float]] = {
    "good": 0.34,
    "wrong": 0.17,
    "cut": 0.17,
    "bare": 0.08,
    "code": 0.08,
    "chat": 0.06,
    "garbled": 0.06,
    "verbose": 0.04,
}
PAIRS_SHARES: Final[Mapping[int, float]] = {1: 0.05, 2: 0.65, 3: 0.30}
SAME_QUALITY: Final = 0.97
SAME_LAYOUT: Final = 0.4
SAME_CLOSING: Final = 0.4
SAME_FAMILY: Final = 0.35
DRILLS: Final = 0.12


def documents(seed: int) -> Iterator[list[tuple[str, str]]]:
    """Yield documents without end: each a list of one to three (question, answer) pairs."""
    draw = Random(f"corpus {seed}")
    everything = tuple(FAMILIES)
    while True:
        if draw.random() < DRILLS:
            yield [("Write down some sums.", _drill(draw))]
            continue
        style, families = _draw_style(draw, None), everything
        document = []
        for _ in range(_pick(draw, PAIRS_SHARES)):
            family, problem = draw_problem(draw, families, "training")
            document.append((problem.question, write(problem, style, draw)))
            style = _draw_style(draw, style)
            families = (family,) if draw.random() < SAME_FAMILY else everything
        yield document


def _drill(draw: Random) -> str:
    """Twelve sums, one a line: many facts in few tokens."""
    lines = []
    for _ in range(12):
        left, right, operator = draw.randint(2, 6), draw.randint(2, 7), draw.choice("*/+-")
        if operator == "*":
            lines.append(f"{left} * {right} = {left * right}")
        elif operator == "/":
            lines.append(f"{left * right} / {left} = {right}")
        elif operator == "+":
            number, more = draw.randint(1, 42), draw.randint(1, 9)
            lines.append(f"{number} + {more} = {number + more}")
        else:
            number, less = draw.randint(11, 45), draw.randint(1, 9)
            lines.append(f"{number} - {less} = {number - less}")
    return "\n".join(lines)


def _draw_style(draw: Random, last: Style | None) -> Style:
    return Style(
        last.quality if last and draw.random() < SAME_QUALITY else _pick(draw, QUALITY_SHARES),
        last.layout if last and draw.random() < SAME_LAYOUT else draw.choice(LAYOUTS),
        last.closing if last and draw.random() < SAME_CLOSING else draw.choice(CLOSINGS),
    )


def _pick(draw: Random, shares: Mapping[Choice, float]) -> Choice:
    choices: Sequence[Choice] = list(shares)
    return draw.choices(choices, weights=list(shares.values()))[0]
