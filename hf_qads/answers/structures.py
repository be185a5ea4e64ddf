"""Lists, tuples, sets, intervals and matrices: what an answer is made of."""

import re
from dataclasses import dataclass

from hf_qads.answers.latex import closing, split_outer

LIST, TUPLE, SET, INTERVAL, MATRIX, SEQUENCE, UNION = (
    "list",
    "tuple",
    "set",
    "interval",
    "matrix",
    "sequence",
    "union",
)
_NAME = re.compile(
    r"^(?:\\?[A-Za-z][A-Za-z']{0,8}|\\[A-Za-z]+)(?:_\{?\w+\}?)?(?:\([A-Za-z]\))?(?:\s*,\s*[A-Za-z])*\s*(?:=(?!=)|\\in\b|\\approx)\s*"
)
_MATRIX = re.compile(
    r"\\begin\{(?P<name>[pbBvV]?matrix|array)\}(?:\{[lcr|]+\})?(?P<rows>.*)\\end\{(?P=name)\}", re.DOTALL
)
_COMMA = r"\s*(?:,\s*(?:and|or)\b|,(?=\s)|,(?!\d{3}(?!\d))|;|\band\b|\bor\b|\n)\s*"
_RELATION = r"(<=?|>=?|\\l(?:e|eq|t)(?![a-z])|\\g(?:e|eq|t)(?![a-z]))"
_CHAIN = re.compile(
    rf"(?P<low>[^<>]+?)\s*{_RELATION}\s*(?P<name>\\?[A-Za-z]\w*(?:\([a-z]\))?)\s*{_RELATION}\s*(?P<high>[^<>]+)"
)
_BOUND = re.compile(
    rf"(?P<name>\\?[A-Za-z](?:\([a-z]\))?)\s*{_RELATION}\s*(?P<bound>(?:(?!\bor\b|\band\b|\\[lg]e)[^<>])+)"
)


@dataclass(frozen=True)
class Group:
    """An answer of several parts.

    Attributes:
        kind: one of the names above.
        parts: the parts as text; of a matrix, its cells row by row.
        shape: the brackets of a tuple or interval; rows and columns of a matrix.
        named: every part was written as `name = value`.
    """

    kind: str
    parts: tuple[str, ...]
    shape: str = ""
    named: bool = False


def without_name(text: str) -> str:
    """The value of `name = value`; other text as it is."""
    text = text.strip()
    found = _NAME.match(text)
    if not found or re.search(r"=|<|>", text[found.end() :]) or not text[found.end() :].strip():
        return text
    return text[found.end() :].strip()


def group(text: str, *, brackets_list: bool) -> Group | None:
    """Take a text in `plain` spelling apart, or None where it is one value.

    Args:
        text: the answer.
        brackets_list: `[3, 5]` is a list and not an interval.
    """
    text = without_name(text.strip().strip("$").strip())
    if matrix := _MATRIX.fullmatch(text):
        rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", matrix["rows"]) if row.strip()]
        cells = [[cell.strip() for cell in row.split("&")] for row in rows]
        return Group(MATRIX, tuple(cell for row in cells for cell in row), f"{len(cells)}x{len(cells[0])}")
    if interval := _inequality(text):
        return interval
    if "\\cup" in text:
        return Group(UNION, tuple(part.strip() for part in split_outer(text, r"\s*\\cup\s*")))
    if bracketed := _bracketed(text, brackets_list):
        return bracketed
    if re.fullmatch(r"[-+]?[\d./]+(?:\s+[-+]?[\d./]+)+", text) and not re.fullmatch(r"\d+\s+\d+/\d+", text):
        return Group(SEQUENCE, tuple(text.split()))
    if re.fullmatch(r"[-+\d./]+(?:\s*[<>]\s*[-+\d./]+)+", text):
        return Group(SEQUENCE, tuple(re.split(r"\s*[<>]\s*", text)))
    parts = [part for part in _parts(text) if part]
    if len(parts) > 1:
        if all(_inequality(part) for part in parts):
            return Group(UNION, tuple(parts))
        return Group(LIST, tuple(parts), named=all(without_name(part) != part for part in parts))
    both = _both_signs(text)
    return Group(LIST, both) if len(both) == 2 else None


def _both_signs(text: str) -> tuple[str, ...]:
    if text.count("\\pm") != 1:
        return (text,)
    return text.replace("\\pm", "+").strip().removeprefix("+").strip(), text.replace("\\pm", "-").strip()


def _parts(text: str) -> tuple[str, ...]:
    return tuple(one for part in split_outer(text, _COMMA) for one in _both_signs(part.strip()))


def _bracketed(text: str, brackets_list: bool) -> Group | None:
    for opening, end, kind in (("\\{", "\\}", SET), ("\\langle", "\\rangle", TUPLE)):
        if text.startswith(opening) and text.endswith(end):
            inside = text[len(opening) : -len(end)].strip()
            return Group(kind, _parts(inside), "()") if inside else None
    if len(text) < 3 or text[0] not in "([{" or text[-1] not in ")]}":
        return None
    mixed = text[0] + text[-1] in ("[)", "(]")
    if not mixed and closing(text, 0) != len(text) - 1:
        return None
    parts = _parts(text[1:-1])
    if text[0] == "{":
        return Group(SET, parts)
    if text[0] == "[" and text[-1] == "]" and brackets_list:
        return Group(LIST, parts)
    if len(parts) == 1:
        return None
    if len(parts) == 2 and (mixed or text[0] == "["):
        return Group(INTERVAL, parts, text[0] + text[-1])
    return Group(TUPLE, parts, text[0] + text[-1])


def _inequality(text: str) -> Group | None:
    """The interval that `a < x <= b` or `x > a` describes."""
    if chain := _CHAIN.fullmatch(text):
        low, first, _, second, high = chain.groups()
        if _is_less(first) != _is_less(second):
            return None
        opening, end = "[" if _closed(first) else "(", "]" if _closed(second) else ")"
        if not _is_less(first):
            low, high, opening, end = (
                high,
                low,
                "[" if _closed(second) else "(",
                "]" if _closed(first) else ")",
            )
        return Group(INTERVAL, (low.strip(), high.strip()), opening + end)
    if bound := _BOUND.fullmatch(text):
        _, relation, value = bound.groups()
        if _is_less(relation):
            return Group(INTERVAL, ("-\\infty", value.strip()), "(" + ("]" if _closed(relation) else ")"))
        return Group(INTERVAL, (value.strip(), "\\infty"), ("[" if _closed(relation) else "(") + ")")
    return None


def _is_less(relation: str) -> bool:
    return relation.startswith(("<", "\\l"))


def _closed(relation: str) -> bool:
    return relation.endswith("=") or relation.rstrip("q").endswith("e")
