"""Number problems: equations, sequences, shapes."""

from random import Random
from typing import Final

from hf_qads.embedded.problems import NAMES, Family, Slip, Solution, Values

THINGS: Final = ("field", "room", "table", "card", "box")


def _draw_equation(draw: Random) -> Values:
    factor, root, plus = draw.randint(2, 6), draw.randint(2, 6), draw.randint(1, 9)
    name, letter = draw.choice(NAMES), draw.choice("xyzn")
    return {"name": name, "letter": letter, "factor": factor, "plus": plus, "right": factor * root + plus}


def _solve_equation(slip: Slip, *, factor: int, plus: int, right: int, **_: str) -> Solution:
    product = slip(right - plus)
    found = slip(product // factor)
    return [
        f"Without the sum it is {right} - {plus} = {product}",
        f"The unknown is {product} / {factor} = {found}",
    ], str(found)


equation: Final = Family(
    "{name} solves {factor} * {letter} + {plus} = {right}. What is {letter}?",
    _draw_equation,
    _solve_equation,
)
"""A linear equation in one unknown."""


def _draw_sequence(draw: Random) -> Values:
    name, start, step = draw.choice(NAMES), draw.randint(1, 20), draw.randint(2, 6)
    return {"name": name, "first": start, "second": start + step, "third": start + 2 * step}


def _solve_sequence(slip: Slip, *, first: int, second: int, third: int, **_: str) -> Solution:
    difference = slip(second - first)
    following = slip(third + difference)
    after = slip(following + difference)
    return [
        f"The step is {second} - {first} = {difference}",
        f"The next number is {third} + {difference} = {following}",
        f"The second one is {following} + {difference} = {after}",
    ], str(after)


sequence: Final = Family(
    "{name} counts {first}, {second}, {third}. What is the second number after that?",
    _draw_sequence,
    _solve_sequence,
)
"""The second next term of an arithmetic sequence."""


def _draw_mean(draw: Random) -> Values:
    name, average = draw.choice(NAMES), draw.randint(4, 9)
    first, second = draw.randint(1, average), draw.randint(1, average)
    return {"name": name, "first": first, "second": second, "third": 3 * average - first - second}


def _solve_mean(slip: Slip, *, first: int, second: int, third: int, **_: str) -> Solution:
    partial = slip(first + second)
    total = slip(partial + third)
    found = slip(total // 3)
    return [
        f"Two of them make {first} + {second} = {partial}",
        f"The sum is {partial} + {third} = {total}",
        f"The mean is {total} / 3 = {found}",
    ], str(found)


mean: Final = Family(
    "{name} gets {first}, {second} and {third} points. What is the mean?", _draw_mean, _solve_mean
)
"""The mean of three numbers."""


def _draw_perimeter(draw: Random) -> Values:
    name, thing = draw.choice(NAMES), draw.choice(THINGS)
    length, width = draw.randint(2, 9), draw.randint(2, 9)
    return {"name": name, "thing": thing, "length": length, "width": width}


def _solve_perimeter(slip: Slip, *, length: int, width: int, **_: str) -> Solution:
    half = slip(length + width)
    around = slip(2 * half)
    return [
        f"Half the way around is {length} + {width} = {half}",
        f"The way around is 2 * {half} = {around}",
    ], str(around)


perimeter: Final = Family(
    "{name} has a {thing} that is {length} by {width}. What is its perimeter?",
    _draw_perimeter,
    _solve_perimeter,
)
"""Twice the sum of two sides."""


def _draw_area(draw: Random) -> Values:
    name, thing = draw.choice(NAMES), draw.choice(THINGS)
    length, width, cut = draw.randint(2, 6), draw.randint(3, 6), draw.randint(1, 5)
    return {"name": name, "thing": thing, "length": length, "width": width, "cut": cut}


def _solve_area(slip: Slip, *, length: int, width: int, cut: int, **_: str) -> Solution:
    whole = slip(length * width)
    left = slip(whole - cut)
    return [
        f"The whole area is {length} * {width} = {whole}",
        f"Without the piece it is {whole} - {cut} = {left}",
    ], str(left)


area: Final = Family(
    "{name} has a {thing} of {length} by {width} and cuts out {cut}. What area is left?",
    _draw_area,
    _solve_area,
)
"""A rectangle with a piece cut out."""


def _draw_percent(draw: Random) -> Values:
    name, thing = draw.choice(NAMES), draw.choice(("coat", "lamp", "bag", "chair", "clock", "bike"))
    rate, tens = draw.choice((10, 20, 30, 50)), draw.randint(2, 6)
    return {"name": name, "thing": thing, "rate": rate, "price": 10 * tens}


def _solve_percent(slip: Slip, *, rate: int, price: int, **_: str) -> Solution:
    less = slip(rate * price // 100)
    paid = slip(price - less)
    return [
        f"The discount is {rate} * {price} / 100 = {less} dollars",
        f"The new price is {price} - {less} = {paid} dollars",
    ], str(paid)


percent: Final = Family(
    "{name} buys a {thing} of {price} dollars at {rate} percent off. What is the price?",
    _draw_percent,
    _solve_percent,
)
"""A discount in per cent."""


def _draw_days(draw: Random) -> Values:
    name, thing = draw.choice(NAMES), draw.choice(("trip", "course", "job", "test", "visit"))
    weeks, extra = draw.randint(2, 6), draw.randint(1, 6)
    return {"name": name, "thing": thing, "weeks": weeks, "extra": extra}


def _solve_days(slip: Slip, *, weeks: int, extra: int, **_: str) -> Solution:
    base = slip(weeks * 7)
    whole = slip(base + extra)
    return [
        f"The weeks are {weeks} * 7 = {base} days",
        f"All in all it is {base} + {extra} = {whole} days",
    ], str(whole)


days: Final = Family(
    "{name} has a {thing} of {weeks} weeks and {extra} days. How many days is it?", _draw_days, _solve_days
)
"""Weeks and days, in days."""
