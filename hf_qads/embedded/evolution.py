"""Evolved problems: an embedded maths problem with further steps, written, recognised and solved exactly.

The further steps stand behind the question: "... What is the cost? Then give 50 percent of it."
"""

import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Final, NamedTuple

from hf_qads.embedded.families import MATHS
from hf_qads.embedded.problems import Family, Problem, Slip, Solution, Values, exact

RATES: Final = (10, 20, 25, 50, 75, 150, 200, 300)


class Evolved(NamedTuple):
    """A problem of a family, and the steps that follow on its result.

    Attributes:
        family: of the problem.
        values: of the family's text.
        steps: name of each further step and its values.
    """

    family: str
    values: Values
    steps: tuple[tuple[str, Values], ...] = ()

    @property
    def problem(self) -> Problem:
        """The question, and how it is solved."""
        base = MATHS[self.family].problem(self.values)
        texts = [STEPS[name].text.format(**values) for name, values in self.steps]

        def solve(slip: Slip) -> Solution:
            sentences, final = base.solve(slip)
            for name, values in self.steps:
                more, final = STEPS[name].solve(slip, result=int(final), **values)
                sentences = [*sentences, *more]
            return sentences, final

        return Problem(" ".join([base.question, *texts]), solve)

    @property
    def result(self) -> int:
        """The right answer."""
        return int(self.problem.solve(exact)[1])


def recognise(question: str) -> Evolved | None:
    """The problem that a question asks; None where it is of no maths family."""
    base, mark, rest = question.strip().partition("?")
    for name, family in MATHS.items():
        if (values := family.values(base + mark)) is None:
            continue
        steps = [_step(sentence) for sentence in re.findall(r"[^.]+\.", rest)]
        known = tuple(step for step in steps if step is not None)
        return Evolved(name, values, known) if len(known) == len(steps) else None
    return None


def evolve(evolved: Evolved, operator: str, draw: Random) -> Evolved:
    """A harder problem by one of `OPERATORS`.

    Raises:
        KeyError: the operator is none of them.
    """
    return OPERATORS[operator](evolved, draw)


def _step(sentence: str) -> tuple[str, Values] | None:
    found = ((name, step.values(sentence.strip())) for name, step in STEPS.items())
    return next(((name, values) for name, values in found if values is not None), None)


def _numbers(evolved: Evolved, draw: Random) -> Evolved:
    """Other numbers in the same story; further steps get new ones too, since they follow on the result."""
    words = {name: value for name, value in evolved.values.items() if isinstance(value, str)}
    while True:
        values = {**MATHS[evolved.family].draw(draw), **words}
        if values != evolved.values:
            break
    changed = Evolved(evolved.family, values)
    for name, _ in evolved.steps:
        changed = _with(name)(changed, draw)
    return changed


def _with(name: str) -> Callable[[Evolved, Random], Evolved]:
    def add(evolved: Evolved, draw: Random) -> Evolved:
        values = _DRAWS[name](evolved.result, draw)
        return evolved._replace(steps=(*evolved.steps, (name, values)))

    return add


def _either(*names: str) -> Callable[[Evolved, Random], Evolved]:
    return lambda evolved, draw: _with(draw.choice(names))(evolved, draw)


def _solve_share(slip: Slip, *, result: int, rate: int) -> Solution:
    share = slip(rate * result // 100)
    return [f"Of that {rate} percent is {rate} * {result} / 100 = {share}"], str(share)


def _solve_condition(slip: Slip, *, result: int, limit: int, less: int) -> Solution:
    if result <= limit:
        return [f"As {result} is not more than {limit} it stays {result}"], str(result)
    left = slip(result - less)
    return [f"As {result} is more than {limit} it becomes {result} - {less} = {left}"], str(left)


def _solve_square(slip: Slip, *, result: int) -> Solution:
    around = slip(4 * result)
    return [f"The way around the square is 4 * {result} = {around}"], str(around)


def _solve_ratio(slip: Slip, *, result: int, other: int) -> Solution:
    larger = slip(result * other)
    both = slip(larger + result)
    return [
        f"The larger part is {result} * {other} = {larger}",
        f"Both parts make {larger} + {result} = {both}",
    ], str(both)


def _solve_longer(slip: Slip, *, result: int, factor: int, plus: int) -> Solution:
    product = slip(result * factor)
    whole = slip(product + plus)
    return [f"It grows to {result} * {factor} = {product}", f"Then it is {product} + {plus} = {whole}"], str(
        whole
    )


def _draw_share(result: int, draw: Random) -> Values:
    return {"rate": draw.choice([rate for rate in RATES if rate * result % 100 == 0])}


def _draw_condition(result: int, draw: Random) -> Values:
    less = draw.randint(1, max(1, min(9, result - 1)))
    return {"limit": max(1, result + draw.choice((-6, -4, -3, -2, -1, 0, 1, 2, 4, 6))), "less": less}


def _undrawn(draw: Random) -> Values:
    raise AssertionError("a further step is drawn with the result that it follows on")


STEPS: Final[Mapping[str, Family]] = {
    "share": Family("Then give {rate} percent of it.", _undrawn, _solve_share),
    "condition": Family("If it is more than {limit}, take {less} away from it.", _undrawn, _solve_condition),
    "square": Family("Then give the perimeter of a square with that side.", _undrawn, _solve_square),
    "ratio": Family(
        "It is the smaller part of a ratio of 1 to {other}, so give both parts together.",
        _undrawn,
        _solve_ratio,
    ),
    "longer": Family("Then multiply it by {factor} and add {plus}.", _undrawn, _solve_longer),
}
_DRAWS: Final[Mapping[str, Callable[[int, Random], Values]]] = {
    "share": _draw_share,
    "condition": _draw_condition,
    "square": lambda result, draw: {},
    "ratio": lambda result, draw: {"other": draw.randint(2, 5)},
    "longer": lambda result, draw: {"factor": draw.randint(2, 5), "plus": draw.randint(1, 9)},
}
OPERATORS: Final[Mapping[str, Callable[[Evolved, Random], Evolved]]] = {
    "numbers": _numbers,
    "fractions": _with("share"),
    "concepts": _either("square", "ratio"),
    "condition": _with("condition"),
    "complexity": _with("longer"),
}
