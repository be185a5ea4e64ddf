# ruff: noqa: RUF001 - models write typographic signs
"""How a statement ends: whole, with a value, or cut off by a length limit."""

import re

from hf_qads.answers.cleaning import Statement

_LONE_MARKER = re.compile(r"\W*(?:step|case|part|question)?\s*\d{1,2}\W*", re.IGNORECASE)
CONCLUDES = re.compile(
    r"(?:^|[,;:.]\s*|\band\s+)(?:so|thus|therefore|hence|consequently|accordingly|overall|altogether|finally|"
    r"in\s+(?:total|all|conclusion|summary|the\s+end)|as\s+a\s+result|we\s+(?:can\s+)?conclude|"
    r"it\s+follows|to\s+conclude)\b|^\W*(?:∴|⇒|=>|\\therefore|\\Rightarrow|\\implies|所以|因此)|\b(?:in\s+total|altogether)\W*$",
    re.IGNORECASE,
)
_OPEN_END = re.compile(
    r"(?:[-+*/=,;:^_<>&(\[{\\]|\b(?:the|an|of|to|and|or|is|are|was|by|for|with|at|we|need|then|so|because|"
    r"which|that|per|from|be|has|have|had|her|his|their|its|will|needs|if|as|but|not|than|let|there|this))$",
    re.IGNORECASE,
)


def breaks_off(said: list[Statement]) -> bool:
    """Whether the last statement, which no point closes, is unfinished or the bare number of a step."""
    steps = any(re.match(r"\W*step\s*\d", one.text, re.IGNORECASE) for one in said)
    marker = _LONE_MARKER.fullmatch(said[-1].text) and (steps or not re.fullmatch(r"\W*\d+", said[-1].text))
    return bool(marker) or not _finished(said[-1].text)


def is_value(text: str) -> bool:
    """Whether a statement is nothing but a value."""
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\\[A-Za-z]+|\{[^{}]*\}", "", text))
    computes = re.search(r"[\d)}]\s+[-+*/×÷]\s+\$?\d", text)
    return (
        len(words) <= 2
        and bool(re.search(r"\d|\\|^\W*[A-Ea-e]\W*$", text))
        and not computes
        and "=" not in text
        and len(text) < 200
    )


def _finished(text: str) -> bool:
    """Whether a last statement without a point can be whole: it computes, concludes or ends in a value."""
    if dangling(text):
        return False
    if "=" in text or is_value(text) or " " not in text or re.search(r":\s*\S+(?:\s\S+){0,3}$", text):
        return True
    if re.match(r"\W*(?:since|because|if|when|as|after)\b[^,]*$", text, re.IGNORECASE):
        return False
    valued = re.search(r"\d|\\|\b[A-J]\b", text)
    closes = CONCLUDES.search(text) or re.search(r"[A-Za-z$)}%]$", text)
    return bool((valued and closes) or re.search(r"\b(?:is|are|was|equals|be)\s+\S+$", text))


def dangling(text: str) -> bool:
    """Whether a text breaks off: after an operator, a comma or a word that calls for another."""
    text = re.sub(r"(?:\*\*|[`\"'])+$", "", text.rstrip()).rstrip()
    if text.endswith(("\\)", "\\]", "\\}", "\\%", "\\$")):
        return False
    body = text.rstrip("$").rstrip()
    opened = body.count("{") - body.count("\\{") > body.count("}") - body.count("\\}")
    opened = opened or (text.count("$") % 2 == 1 and not re.match(r"[\d.]|$", text.rpartition("$")[2]))
    return opened or bool(_OPEN_END.search(body))
