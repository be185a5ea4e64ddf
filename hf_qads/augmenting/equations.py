"""Equations written in a solution: found, recomputed exactly, and as a key for de-duplication.

`<<3*4=12>>` and `3 * 4 = 12` alike; a chain is one equation per sign. What holds a letter is not
recomputed.
"""

import ast
import re
from fractions import Fraction
from typing import Final, NamedTuple

LARGEST_POWER: Final = 64
_CHARACTERS: Final = r"[\d.()+*/^\- ]"
_CHAIN = re.compile(rf"{_CHARACTERS}*\d{_CHARACTERS}*(?:[=≈]{_CHARACTERS}*\d{_CHARACTERS}*)+")
_REWRITES: Final = (
    (r"\\(?:times|cdot)\b|[\u00d7\u00b7\u2219]|(?<=[\d)])\s*[xX]\s*(?=[\d(])", "*"),
    (r"\\div\b|\u00f7", "/"),
    (r"[\u2212\u2013\u2014]", "-"),
    (r"\\approx\b|\\thickapprox\b", "≈"),
    (r"\\d?frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))"),
    (r"\\left|\\right|\\[,;! ]|\\?\$|\\text\{[^{}]*\}|[€£*]{2,}|[€£]|[{}\[\]]", ""),
    (r"(?<=\d),(?=\d{3}(?!\d))", ""),
    (r"\\?%\s*of\b", "/100 *"),
    # the unit after a number, where the calculation goes on after it
    (r"(?<=[\d)%])\s*(?!and\b|is\b|so\b)[A-Za-z]{2,}(?:[ /](?:per )?[A-Za-z]+)?(?=\s*[-+*/=≈)])", ""),
    (r"(?m)^\s*(?:\d+[.)]|[-*•])\s+", ""),
)


class Equation(NamedTuple):
    """One equation.

    Attributes:
        text: both sides, without white space.
        holds: whether the right side is what the left one makes, up to the rounding of the right one; None
            where it cannot be worked out.
    """

    text: str
    holds: bool | None


def equations(text: str) -> list[Equation]:
    """The equations of a solution in their order, without those that calculate nothing.

    An equation that stands in `<<...>>` and right before it is one.
    """
    found: list[Equation] = []
    for part, marked in _parts(text):
        for match in _CHAIN.finditer(part):
            if not marked and _belongs_to_more(part, match):
                continue
            pieces = re.split(r"([=≈])", match[0])
            for left, sign, right in zip(pieces[::2], pieces[1::2], pieces[2::2], strict=False):
                equation = _equation(left, right, rounded=sign == "≈")
                if equation is not None and not (found and marked and found[-1].text == equation.text):
                    found.append(equation)
    return found


def wrong_equations(text: str) -> list[str]:
    """The equations that do not hold."""
    return [equation.text for equation in equations(text) if equation.holds is False]


def _parts(text: str) -> list[tuple[str, bool]]:
    """The text, rewritten to plain signs, cut at `<<...>>`; and whether a part stood inside."""
    parts = re.split(r"<<([^<>]*)>>", text)
    return [(_rewritten(part), place % 2 == 1) for place, part in enumerate(parts)]


def _rewritten(text: str) -> str:
    for pattern, replacement in _REWRITES:
        text = re.sub(pattern, replacement, text)
    return re.sub(r"(\d+(?:\.\d+)?)\s*\\?%(?!\w)", r"(\1/100)", text)


def _belongs_to_more(text: str, match: re.Match[str]) -> bool:
    """Whether a letter is part of the equation, so that its numbers are not all of it."""
    before, after = text[: match.start()].rstrip(" "), text[match.end() :]
    first, last = match[0].strip()[:1], match[0].rstrip()[-1:]
    touches_before = bool(re.search(r"[^\W\d]$|[_)]$", before))
    if touches_before and (first in "+*/^-" or not match[0].startswith(" ")):
        return True
    return last in "+*/^-(" or bool(re.match(r"[^\W\d]", after) and not match[0].endswith(" "))


def _equation(left: str, right: str, *, rounded: bool) -> Equation | None:
    left, right = (side.strip().rstrip(".").strip() for side in (left, right))
    if not re.search(r"[\d)]\s*[-+*/^]", left):
        return None
    text = re.sub(r"\s+", "", f"{left}={right}")
    value, claimed = _value(left), _value(right)
    if value is None or claimed is None:
        return Equation(text, None)
    digits = re.fullmatch(r"-?\d*(?:\.(\d+))?", right)
    if digits and (digits[1] or rounded):
        unit = Fraction(1, 10 ** len(digits[1] or ""))
        # rounded half up or cut: both are usual
        near = abs(value - claimed) <= unit / 2 or 0 <= abs(value) - abs(claimed) < unit
        return Equation(text, near)
    percent = re.fullmatch(r"\((\d+(?:\.\d+)?)/100\)", right)
    return Equation(text, value == claimed or (percent is not None and value == Fraction(percent[1])))


def _value(text: str) -> Fraction | None:
    try:
        return _evaluate(ast.parse(text.replace("^", "**").strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError, MemoryError):
        return None


def _evaluate(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _evaluate(node.operand)
        return -inner if isinstance(node.op, ast.USub) else inner
    if not isinstance(node, ast.BinOp):
        raise ValueError("no calculation")
    left, right = _evaluate(node.left), _evaluate(node.right)
    match node.op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Pow() if right.denominator == 1 and abs(right) <= LARGEST_POWER and abs(left) < 10**6:
            return left ** int(right)
    raise ValueError("no calculation")
