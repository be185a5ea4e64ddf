"""Exact arithmetic: the value of a formula without variables, as a fraction."""

import ast
import math
import operator
import re
from collections.abc import Callable
from fractions import Fraction

LARGEST = 100_000  # bits of a number; a larger one is not computed but compared as it is written
_GROUP = r"\{([^{}]{1,200})\}"
_SPELLINGS = (
    (re.compile(r"(?<=\d),(?=\d{3}(?!\d))"), ""),
    (re.compile(r"(?<![\d.])0+(?=\d)|\\(?=[{}])"), ""),
    (re.compile(r"(?<![\d./^])(\d+)(?:\s*\\frac\s*\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\})"), r"(\1+\2/\3)"),
    (re.compile(r"(?<![\d./^])(\d+)\s+(\d+)\s*/\s*(\d+)(?![\d.])"), r"(\1+\2/\3)"),
    (re.compile(r"\\times|\\cdot"), "*"),
    (re.compile(r"\\div"), "/"),
    (re.compile(r"\^|\*\*"), "**"),
    (re.compile(r"\\sqrt\s*(?=\()"), "sqrt"),
    (re.compile(r"\bC(?=\(\d+,)"), "comb"),
)
_NESTED = (
    (re.compile(rf"\\frac\s*{_GROUP}\s*{_GROUP}"), r"((\1)/(\2))"),
    (re.compile(rf"\\[a-z]?binom\s*{_GROUP}\s*{_GROUP}"), r"comb(\1,\2)"),
    (re.compile(rf"\\sqrt\s*{_GROUP}"), r"sqrt(\1)"),
    (re.compile(rf"(?:(?<=[-+*/(])|^){_GROUP}"), r"(\1)"),
    (re.compile(r"(?<![a-z\d])(\d+|\([\d+*/ -]+\))!"), r"factorial(\1)"),
)
_OPERATIONS: dict[type, Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_DECIMAL = re.compile(r"(\d*)\.(\d+)")
_PYTHON = re.compile(r"(?:\d+|sqrt|comb|factorial|[-+*/(), ])+")


def exact(text: str) -> Fraction | None:
    r"""The value of a formula of numbers, `+ - * / ^ !`, `\frac`, `\binom` and roots of squares.

    Args:
        text: in the spelling of `latex.plain`.

    Returns:
        The value; None for anything else, also for powers and factorials beyond `LARGEST` bits.
    """
    if len(text) > 1000 or not re.search(r"\d", text):
        return None
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    before = ""
    while before != text:  # from the innermost braces outwards
        before = text
        for pattern, spelling in _NESTED:
            text = pattern.sub(spelling, text)
    text = _DECIMAL.sub(lambda m: f"({int(m[1] + m[2])}/{10 ** len(m[2])})", text)
    text = re.sub(r"(?<=[\d)])\s*(?=\(|sqrt|comb|factorial)", "*", text).strip()
    if len(text) > 2000 or not _PYTHON.fullmatch(text):
        return None
    try:
        return _value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError, TypeError, RecursionError, MemoryError):
        return None


def _value(node: ast.AST) -> Fraction:
    if isinstance(node, ast.Constant):
        return Fraction(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand) if isinstance(node.op, ast.USub) else _value(node.operand)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        values = [_value(one) for one in node.args]
        if node.func.id == "sqrt":
            return _root(*values)
        if any(one.denominator != 1 or not 0 <= one <= 5000 for one in values):
            raise ValueError("no small whole number")
        return Fraction(getattr(math, node.func.id)(*map(int, values)))
    if not isinstance(node, ast.BinOp):
        raise ValueError("no arithmetic")
    left, right = _value(node.left), _value(node.right)
    if isinstance(node.op, ast.Pow):
        return _power(left, right)
    value = _OPERATIONS[type(node.op)](left, right)
    if value.numerator.bit_length() + value.denominator.bit_length() > 2 * LARGEST:
        raise ValueError("too large")
    return Fraction(value)


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent == Fraction(1, 2):
        return _root(base)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent)
    if exponent.denominator != 1 or (bits > LARGEST and abs(base) != 1):
        raise ValueError("no small whole exponent")
    return Fraction(base ** int(exponent))


def _root(value: Fraction) -> Fraction:
    root = Fraction(math.isqrt(max(0, value.numerator)), math.isqrt(value.denominator))
    if root * root != value:
        raise ValueError("no square")
    return root
