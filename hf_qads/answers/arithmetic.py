"""Exact arithmetic: the value of a formula of numbers, as a fraction."""

import ast
import operator
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

LARGEST = 100_000  # bits of a number; a larger one is not computed but compared as it is written
_GROUP = r"\{([^{}]{1,200})\}"
_SPELLINGS: tuple[tuple[re.Pattern[str], Any], ...] = tuple(
    (re.compile(pattern), spelling)
    for pattern, spelling in (
        (r"(?<=\d),(?=\d{3}(?!\d))|(?<![\d.])0+(?=\d)|\\(?=[{}])", ""),
        (r"(?<![\d./^])(\d+)(?:\s*\\frac\s*\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\})", r"(\1+\2/\3)"),
        (r"(?<![\d./^])(\d+)\s+(\d+)\s*/\s*(\d+)(?![\d.])", r"(\1+\2/\3)"),
        (r"\\times|\\cdot", "*"),
        (r"\\div", "/"),
        (r"\^|\*\*", "**"),
        *[(rf"\\frac\s*{_GROUP}\s*{_GROUP}", r"((\1)/(\2))"), (rf"(?:(?<=[-+*/(])|^){_GROUP}", r"(\1)")] * 3,
        (r"(\d*)\.(\d+)", lambda found: f"({int(found[1] + found[2])}/{10 ** len(found[2])})"),
        (r"(?<=[\d)])\s*(?=\()", "*"),
    )
)
_OPERATIONS: dict[type, Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def exact(text: str) -> Fraction | None:
    r"""The value of a formula of numbers, `+ - * / ^` and `\frac`, in the spelling of `latex.plain`.

    Returns:
        The value; None for anything else, also for powers beyond `LARGEST` bits.
    """
    if len(text) > 1000 or not re.search(r"\d", text):
        return None
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    if len(text) > 2000 or not re.fullmatch(r"[-+*/()\d ]+", text):
        return None
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError, TypeError, RecursionError, MemoryError):
        return None


def _value(node: ast.AST) -> Fraction:
    if isinstance(node, ast.Constant):
        return Fraction(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand) if isinstance(node.op, ast.USub) else _value(node.operand)
    if not isinstance(node, ast.BinOp) or type(node.op) not in _OPERATIONS:
        raise ValueError("no arithmetic")
    left, right = _value(node.left), _value(node.right)
    if isinstance(node.op, ast.Pow) and (right.denominator > 1 or _bits(left) * abs(right) > LARGEST):
        raise ValueError("no small whole exponent")
    value = Fraction(_OPERATIONS[type(node.op)](left, right))
    if _bits(value) > LARGEST:
        raise ValueError("too large")
    return value


def _bits(value: Fraction) -> int:
    return 0 if abs(value) == 1 else max(value.numerator.bit_length(), value.denominator.bit_length())
