# ruff: noqa: RUF001 - models write typographic signs
"""Clauses and sentences of mathematical text, where a point need not end one."""

import re
from dataclasses import dataclass

LONGEST = 4000  # characters of a clause; a longer one is no answer
_ABBREVIATION = re.compile(
    r"(?:\b(?:approx|ca|etc|vs|e\.g|i\.e|p\.m|a\.m|p|a|mr|mrs|ms|dr|no|st|ft|in|lb|oz|sq)|[\d]+)$", re.I
)
_ENVIRONMENT = re.compile(r"\\(begin|end)\{[a-zA-Z*]+\}")
_CONCLUDES = re.compile(
    r"(?:^|[,;:.]\s*|\band\s+)(?:so|thus|therefore|hence|consequently|accordingly|overall|altogether|finally|"
    r"in\s+(?:total|all|conclusion|summary|the\s+end)|as\s+a\s+result|we\s+conclude|we\s+can\s+conclude|"
    r"it\s+follows|to\s+conclude)\b|^\W*(?:∴|⇒|=>|\\therefore|\\Rightarrow|\\implies)|"
    r"\b(?:in\s+total|altogether)\W*$",
    re.IGNORECASE,
)
_COPULA = re.compile(r"\b(?:is|are|was|were|will\s+be|would\s+be|equals?|must\s+be)\b", re.IGNORECASE)
_COMPUTES = re.compile(
    r"[\d)}]\s*(?:[-+*/=×÷·]|\\times|\\cdot|\\div|plus|minus|times|divided)\s*\$?\(?\d", re.IGNORECASE
)
_STEP = re.compile(r"^\W*(?:step\s*\d|first|next|then|let\b|now\b|\d+[.)]\s+[A-Z])", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"\\?[A-Za-z]+(?:_\{?\w+\}?)?(?:\([a-z]\))?\s*(?:=|\\approx|\\in)\s*[^=]+")
_COURTESY = re.compile(r"\b(?:hope|let me know|feel free|good luck|happy|glad|question|thank)", re.IGNORECASE)
_OPEN_END = re.compile(
    r"(?:[-+*/=,;:^_<>&(\[{\\]|\b(?:the|an|of|to|and|or|is|are|was|by|for|with|in|at|we|need|then|so|because|"
    r"which|that|per|from|be|has|have|had|her|his|their|its|will|need|needs|if|as|but|not|than|let|there|this))$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sentence:
    """One sentence and what it looks like.

    Attributes:
        text: the sentence, without its closing point.
        value_alone: it is nothing but a value or `name = value`.
        concludes: a word such as `therefore` or a closing `the ... is ...` makes it a conclusion.
        computes: it holds a calculation.
    """

    text: str
    value_alone: bool
    concludes: bool
    computes: bool


def math_end(text: str, place: int) -> int | None:
    """Where the formula that a dollar sign at `place` opens ends, or None where the sign is a currency's."""
    if text.startswith("$$", place):
        stop = text.find("$$", place + 2)
        return None if stop < 0 else stop + 2
    line = text.find("\n", place)
    stop = text.find("$", place + 1, line if line >= 0 else len(text))
    if stop < 0:
        return None
    inside = text[place + 1 : stop]
    words = re.sub(r"\\[A-Za-z]+(?:\{[^{}]*\})?", "", inside)
    if re.match(r"[\d.]", inside) and re.search(r"[A-Za-z]{2,}", words):
        return None
    return None if inside.endswith(" ") and not inside.startswith(" ") and inside[:1].isdigit() else stop + 1


def clause(text: str, start: int) -> tuple[str, bool, int]:
    """What a statement that begins at `start` says, up to the end of its sentence or line.

    Returns:
        The clause without markup around it; whether it is whole (brackets closed, nothing dangling); where
        it ends.
    """
    while start < len(text) and text[start] in " \t\n*:_`":
        start += 1
    stop, depth, broken = _scan(text, start)
    stated = strip_markup(text[start:stop])
    whole = not broken and depth <= 0 and not (stop >= len(text.rstrip()) and dangling(text[start:stop]))
    return stated, whole, stop


def _scan(text: str, start: int) -> tuple[int, int, bool]:
    """Where the clause ends, how many braces stay open, and whether a formula stays open."""
    index, depth, environments = start, 0, 0
    while index < len(text):
        if index - start > LONGEST:
            return index, depth, True
        if (jump := _formula_end(text, index)) is not None:
            if jump < 0:
                return len(text), depth, True
            if found := _ENVIRONMENT.match(text, index):
                environments += 1 if found[1] == "begin" else -1
            index = jump
            continue
        depth += (text[index] == "{") - (text[index] == "}")
        if depth <= 0 and environments <= 0 and (text[index] == "\n" or ends_sentence(text, index)):
            return index + (text[index] == "?"), depth, False
        index += 1
    return len(text), depth, environments > 0


def _formula_end(text: str, index: int) -> int | None:
    """Where a formula or command at `index` ends, -1 where it never does, None where there is none."""
    if text[index] == "$":
        return math_end(text, index)
    if text[index] != "\\":
        return None
    if found := _ENVIRONMENT.match(text, index):
        return found.end()
    closer = {"[": "\\]", "(": "\\)"}.get(text[index + 1 : index + 2])
    if closer is None:
        return index + 2
    stop = text.find(closer, index)
    return -1 if stop < 0 else stop + 2


def ends_sentence(text: str, index: int) -> bool:
    """Whether the character at `index` closes a sentence, and is no decimal point or abbreviation."""
    if text[index] not in ".!?。":
        return False
    following = text[index + 1 : index + 2]
    if following and not following.isspace() and following not in "\"'*)$":
        return False
    if text[index] != ".":
        return text[index] != "!" or not re.match(r"[\d!]", text[index - 1 : index])  # 5! is a factorial
    rest = text[index + 1 : index + 40].lstrip()
    if _ABBREVIATION.search(text[max(0, index - 12) : index]) and not text[index - 1].isdigit():
        return not rest or rest[0].isupper()
    return True


def last_sentence(text: str) -> tuple[Sentence | None, bool]:
    """The last sentence that is no courtesy, and whether it is all that the text says."""
    sentences: list[str] = []
    index = 0
    while index < len(text):
        stop, _, _ = _scan(text, index)
        piece = text[index:stop].strip()
        if piece.strip("*_#` .$"):
            sentences.append(piece)
        index = stop + 1
    while len(sentences) > 1 and _COURTESY.search(sentences[-1]) and not re.search(r"\d", sentences[-1]):
        sentences.pop()
    if not sentences:
        return None, False
    stated = strip_markup(sentences[-1])
    value_alone = bool(_ASSIGNMENT.fullmatch(stated) and not _COMPUTES.search(stated)) or _is_value(stated)
    concludes = bool(_CONCLUDES.search(stated)) or (
        bool(_COPULA.search(stated)) and not _COMPUTES.search(stated) and not _STEP.match(stated)
    )
    found = Sentence(stated, value_alone, concludes, bool(_COMPUTES.search(stated)))
    return found, len(sentences) == 1


def _is_value(stated: str) -> bool:
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\\[A-Za-z]+|\{[^{}]*\}", "", stated))
    return len(words) <= 2 and bool(re.search(r"\d|\\|^\W*[A-Ea-e]\W*$", stated)) and "=" not in stated


def dangling(text: str) -> bool:
    """Whether a text breaks off: after an operator, a comma or a word that calls for another."""
    text = re.sub(r"(?:\*\*|[`\"'])+$", "", text.rstrip()).rstrip()
    if text.endswith(("\\)", "\\]", "\\}", "\\%", "\\$")):
        return False
    body = text.rstrip("$").rstrip()
    return bool(_OPEN_END.search(body)) or body.count("{") - body.count("\\{") > body.count("}") - body.count(
        "\\}"
    )


def strip_markup(text: str) -> str:
    """A statement without Markdown, dollar signs and the like around it."""
    previous = None
    while text != previous:
        previous = text
        text = text.strip().strip("*_`\"'“”# ").strip()
        for opening, end in (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$")):
            inside = text[len(opening) : len(text) - len(end)]
            if (
                len(text) > len(opening) + len(end) - 1
                and text.startswith(opening)
                and text.endswith(end)
                and "$" not in inside
                and opening not in inside
            ):
                text = inside
        text = text.rstrip(".;,") if not text.endswith(("...", "\\,")) else text.rstrip(".\\,")
    return text
