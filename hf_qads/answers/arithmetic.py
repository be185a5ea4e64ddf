"""Exact arithmetic: the value of a formula without variables, as a fraction."""

import math
import re
from fractions import Fraction

LARGEST = 100_000  # bits of a number; a larger one is not computed but compared as it is written
DEEPEST = 30  # brackets within brackets
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<sign>\\frac|\\[a-z]?binom|\\sqrt|\\times|\\cdot|\\div|\*\*|[-+*/^!(){}\[\]]))"
)
_ALIKE = {"\\times": "*", "\\cdot": "*", "\\div": "/", "**": "^", "{": "(", "}": ")", "[": "(", "]": ")"}
_MIXED = re.compile(
    r"(?<![\d./^])(\d+)(?:\s*\\frac\s*\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\}|\s+(\d+)\s*/\s*(\d+))(?![\d.])"
)


def exact(text: str) -> Fraction | None:
    r"""The value of a formula of numbers, `+ - * / ^ !`, `\frac`, `\binom` and roots of squares.

    Args:
        text: in the spelling of `latex.plain`.

    Returns:
        The value; None for anything else, also for powers and factorials beyond `LARGEST` bits.
    """
    if len(text) > 1000 or not re.search(r"\d", text):
        return None
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"\bC\((\d+),\s*(\d+)\)", r"\\binom{\1}{\2}", text)
    text = _MIXED.sub(lambda m: f"({m[1]}+{m[2] or m[4]}/{m[3] or m[5]})", text)
    tokens, place = [], 0
    while place < len(text.rstrip()):
        found = _TOKEN.match(text, place)
        if not found:
            return None
        tokens.append(_ALIKE.get(found[0].strip(), found[0].strip()))
        place = found.end()
    try:
        reader = _Reader(tokens)
        value = reader.sum()
        return value if reader.place == len(tokens) else None
    except (ValueError, ZeroDivisionError, IndexError, OverflowError):
        return None


class _Reader:
    """Recursive descent; raises ValueError at what is no arithmetic."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.place, self.depth = tokens, 0, 0

    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        if self.next() not in wanted:
            raise ValueError("another sign was expected")
        self.place += 1
        return self.tokens[self.place - 1]

    def sum(self) -> Fraction:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError("too deep")
        value = self.product()
        while self.next() in ("+", "-"):
            value = value + self.product() if self.take("+", "-") == "+" else value - self.product()
        self.depth -= 1
        return value

    def product(self) -> Fraction:
        value = self.signed()
        while self.next() in ("*", "/", "(", "\\frac", "\\sqrt", "\\binom"):
            if self.next() not in ("*", "/"):
                value = value * self.power()
            elif self.take("*", "/") == "*":
                value = value * self.signed()
            else:
                value = value / self.signed()
        return _bounded(value)

    def signed(self) -> Fraction:
        signs = 0
        while self.next() in ("+", "-"):
            signs += self.take("+", "-") == "-"
        return -self.power() if signs % 2 else self.power()

    def power(self) -> Fraction:
        base = self.atom()
        while self.next() == "!":
            self.take("!")
            base = Fraction(math.factorial(_small(base)))
        if self.next() != "^":
            return base
        self.take("^")
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError("too deep")
        exponent = self.signed()
        self.depth -= 1
        if exponent == Fraction(1, 2):
            return _root(base)
        bits = max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent)
        if exponent.denominator != 1 or (bits > LARGEST and abs(base) != 1):
            raise ValueError("no small whole exponent")
        return Fraction(base ** int(exponent))

    def atom(self) -> Fraction:
        if self.next()[:1].isdigit() or self.next()[:1] == ".":
            return Fraction(self.take(self.next()))
        sign = self.take("(", "\\frac", "\\sqrt", "\\binom")
        if sign == "(":
            return self.closed()
        first = self.group()
        if sign == "\\sqrt":
            return _root(first)
        second = self.group()
        return first / second if sign == "\\frac" else Fraction(math.comb(_small(first), _small(second)))

    def group(self) -> Fraction:
        self.take("(")
        return self.closed()

    def closed(self) -> Fraction:
        value = self.sum()
        self.take(")")
        return value


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() + value.denominator.bit_length() > 2 * LARGEST:
        raise ValueError("too large")
    return value


def _small(value: Fraction) -> int:
    if value.denominator != 1 or not 0 <= value <= 5000:
        raise ValueError("no small whole number")
    return int(value)


def _root(value: Fraction) -> Fraction:
    root = Fraction(math.isqrt(max(0, value.numerator)), math.isqrt(value.denominator))
    if root * root != value:
        raise ValueError("no square")
    return root
