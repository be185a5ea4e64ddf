# ruff: noqa: RUF001 - models write typographic signs
"""The number or numbers that a statement states."""

import re

from hf_qads.answers.latex import plain, split_outer
from hf_qads.answers.structures import without_name
from hf_qads.answers.values import Number, numbers, only_number

_REASON = re.compile(
    r"[,;]?\s+(?:because|since|which|where|when|if|given|after|before|assuming|considering|rounded|so\s+that|as\s+(?:we|the|it|there))\b.*"
    r"|\s*\((?![-+\d]).*|\s*\([^()]*[A-Za-z][^()]*\)\s*$",
    re.IGNORECASE | re.DOTALL,
)
_EQUALS = re.compile(r"(?<![<>!=:])=(?!=)|\\approx|≈|\\equiv")
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|equals?|makes?|made|has|have|had|gets?|got|costs?|needs?|needed|pays?|paid|earns?|earned|"
    r"spends?|spent|sold|sells?|takes?|took|gives?|leaves?|left\s+with|buys?|bought|owes?|saves?|saved|uses?|used|eats?|ate|"
    r"ends?\s+up\s+with|receives?|received|travels?|traveled|works?|worked|total(?:\s+of|ing)?|remain(?:s|ing)?)\b",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r"^\W*(?:or|and|,|to|-|–|/)\W*$", re.IGNORECASE)
_FOLLOWS = re.compile(
    r"\s*(?:[,;:.()\[]|$|(?:in|on|for|at|from|by|per|each|every|more|less|of|to|with|together|altogether|total|left|and|than)\b)"
)


def stated_number(text: str) -> Number | None:
    """The one number that a statement gives as its value, or None where it gives none or several.

    `18 dollars`, `9 * 2 = $18`, `she makes 18 dollars in 5 days` all give 18; `3 or 5` gives none.
    """
    text = _bare(text)
    for shorter in (text, _REASON.sub("", text)):
        found = only_number(without_name(shorter))
        if found is not None:
            return found
    text = _REASON.sub("", text)
    parts = [part for part in _EQUALS.split(text) if part.strip()]
    if len(parts) > 1:
        return stated_number(parts[-1])
    found_all = numbers(text)
    if not found_all:
        return None
    if len(found_all) == 1:
        return (
            found_all[0]
            if not re.search(r"\\(?:sqrt|pi|frac|log|sin|cos)|[\d)]\s*[-+*/^]\s*[A-Za-z\\]", text)
            else None
        )
    if _are_several(text, found_all):
        return None
    if not text[: found_all[0].start].strip(" $*~"):
        return found_all[0] if _is_first(text, found_all) else None
    if re.search(r"\d\s*(?:[-+*/^]|\\times|\\cdot)\s*\$?\d", text):
        return None
    verbs = list(_VERB.finditer(text))
    after = [number for number in found_all if verbs and number.start >= verbs[-1].end()]
    if not after and verbs:
        after = [number for number in found_all if number.start >= verbs[0].end()]
    return after[0] if after else found_all[-1]


def stated_numbers(text: str) -> list[Number]:
    """Every value that a statement gives: `x = 14 and y = 9`, `14 and 9`, `one is 14, the other 9`."""
    text = _REASON.sub("", _bare(text))
    text = text.strip("()[]{}\\ ")
    values: list[Number] = []
    for part in split_outer(text, r"\s*(?:,(?=\s)|,(?!\d{3}(?!\d))|;|\band\b|\bor\b|\n)\s*"):
        found = stated_number(part) if part.strip() else None
        if found is not None and found.value not in [value.value for value in values]:
            values.append(found)
    return values


def _bare(text: str) -> str:
    text = re.sub(r"\\[()\[\]]", " ", plain(text))
    text = re.sub(r"\\boxed\s*\{([^{}]*)\}", r" \1 ", text)
    return re.sub(r"\s+", " ", text.replace("**", "")).strip(" *`\"'").rstrip(".")


def _are_several(text: str, found: list[Number]) -> bool:
    """Whether two numbers are offered side by side, as in `3 or 5` and `18 apples and 3 pears`."""
    between = text[found[0].stop : found[1].start]
    words = re.findall(r"[A-Za-z]+", between)
    return bool(_SEVERAL.match(between)) or (
        not text[: found[0].start].strip(" $") and bool(words) and words[-1].lower() in ("or", "and")
    )


def _is_first(text: str, found: list[Number]) -> bool:
    rest = text[found[0].stop :]
    if re.match(r"\s*(?:[-+*/^×÷]|\\times|\\cdot|\\div)", rest):
        return False
    words = re.match(r"\s*[A-Za-z][A-Za-z'/-]*", rest)
    return bool(_FOLLOWS.match(rest[words.end() :] if words else rest) or _FOLLOWS.match(rest) or words)
