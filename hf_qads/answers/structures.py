"""Lists, tuples, sets, intervals and matrices: what an answer is made of."""

import re
from typing import NamedTuple

from hf_qads.answers.latex import closing, split_outer

_NAME = re.compile(
    r"^(?:\\?[A-Za-z][A-Za-z']{0,8}|\\[A-Za-z]+)(?:_\{?\w+\}?)?(?:\([A-Za-z]\))?(?:\s*,\s*[A-Za-z])*\s*"
    r"(?:=(?!=)|\\in\b|\\approx)\s*"
)
_MATRIX = re.compile(
    r"\\begin\{(?P<name>[pbBvV]?matrix|array)\}(?:\{[lcr|]+\})?(?P<rows>.*)\\end\{(?P=name)\}", re.DOTALL
)
_COMMA = r"\s*(?:,\s*(?:and|or)\b|,(?=\s)|,(?!\d{3}(?!\d))|;|\band\b|\bor\b|\n)\s*"
_RELATION = re.compile(r"\s*(<=?|>=?|\\l(?:e|eq|t)(?![a-z])|\\g(?:e|eq|t)(?![a-z]))\s*")
_VARIABLE = re.compile(r"\\?[A-Za-z]\w*(?:\([a-z]\))?")


class Group(NamedTuple):
    """An answer of several parts.

    Attributes:
        shape: its brackets where the order counts, rows x cells of a matrix, a space for values in a row;
            else empty, or `U` for a union.
        parts: the parts as text; of a matrix, its cells row by row.
        named: every part was written as `name = value`.
    """

    shape: str
    parts: tuple[str, ...]
    named: bool = False


def without_name(text: str) -> str:
    """The value of `name = value`; other text as it is."""
    found = _NAME.match(text := text.strip())
    value = text[found.end() :].strip() if found else ""
    return text if not value or re.search(r"[=<>]", value) else value


def group(text: str, *, brackets_list: bool) -> Group | None:
    """Take a text in `plain` spelling apart, or None where it is one value.

    Args:
        text: the answer.
        brackets_list: `[3, 5]` is a list and not an interval.
    """
    text = without_name(text.strip(" \n$"))
    if matrix := _MATRIX.fullmatch(text):
        rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", matrix["rows"]) if row.strip()]
        cells = tuple(cell.strip() for row in rows for cell in row.split("&"))
        return Group(f"{len(rows)}x{len(cells)}", cells)
    if "\\cup" in text:
        return Group("U", tuple(part.strip() for part in split_outer(text, r"\s*\\cup\s*")))
    if (found := _inequality(text) or _bracketed(text, brackets_list)) is not None:
        return found
    if re.fullmatch(r"[-+]?[\d./]+(?:(?:\s+|\s*[<>]\s*)[-+]?[\d./]+)+", text) and not re.fullmatch(
        r"\d+\s+\d+/\d+", text
    ):
        return Group(" ", tuple(re.split(r"\s*[<>]\s*|\s+", text)))
    parts = tuple(part for part in _parts(text) if part)
    if len(parts) < 2:
        return None
    named = all(without_name(part) != part for part in parts)
    return Group("U" if all(map(_inequality, parts)) else "", parts, named)


def _parts(text: str) -> tuple[str, ...]:
    """The parts between commas; one with a sign of both kinds is two."""
    parts = [part.strip() for part in split_outer(text, _COMMA)]
    return tuple(
        part.replace("\\pm", sign).strip().removeprefix("+").strip()
        for part in parts
        for sign in ("+-" if part.count("\\pm") == 1 else "+")
    )


def _bracketed(text: str, brackets_list: bool) -> Group | None:
    for opening, end, shape in (("\\{", "\\}", ""), ("\\langle", "\\rangle", "()")):
        if (
            text.startswith(opening)
            and text.endswith(end)
            and (inside := text[len(opening) : -len(end)].strip())
        ):
            return Group(shape, _parts(inside))
    shape = text[:1] + text[-1:]
    if len(text) < 3 or shape not in ("()", "[]", "[)", "(]", "{}"):
        return None
    if shape in ("()", "[]", "{}") and closing(text, 0) != len(text) - 1:
        return None
    parts = _parts(text[1:-1])
    if shape == "{}" or (shape == "[]" and brackets_list):
        return Group("", parts)
    return Group(shape, parts) if len(parts) > 1 else None


def _inequality(text: str) -> Group | None:
    """The interval that `a < x <= b` or `x > a` describes."""
    pieces = _RELATION.split(text)
    if len(pieces) == 3 and _VARIABLE.fullmatch(pieces[0]):
        name, relation, bound = pieces
        pieces = (
            ["-\\infty", "<", name, relation, bound]
            if _less(relation)
            else ["\\infty", ">", name, relation, bound]
        )
    if len(pieces) != 5 or not _VARIABLE.fullmatch(pieces[2]) or _less(pieces[1]) != _less(pieces[3]):
        return None
    if re.search(r"\bor\b|\band\b", text):
        return None
    if not _less(pieces[1]):
        pieces.reverse()
    opening, end = ("[" if _closed(pieces[1]) else "("), ("]" if _closed(pieces[3]) else ")")
    return Group(opening + end, (pieces[0].strip(), pieces[4].strip()))


def _less(relation: str) -> bool:
    return relation.startswith(("<", "\\l"))


def _closed(relation: str) -> bool:
    return relation.endswith(("=", "e", "q"))
