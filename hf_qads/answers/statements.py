"""The number, the numbers or the formula that a statement states."""

import re

from hf_qads.answers.latex import bare, without_name
from hf_qads.answers.values import NUMBER, Number, numbers, only_number

_REASON = re.compile(
    r"(?is)[,;]?\s+(?:because|since|(?<!for )(?<!in )"
    r"which(?!\s+(?:have|will|(?!occurs|happens|lies|was)\w+s)\b)|"
    r"rounded(?!.*\bis\b)|"
    r"so\s+that(?!\W?s\b)|out\s+of|for\s+all|attained|as\s+(?:we|the|it|there|required)|achieved|"
    r"with\s+equality|(?:and\s+|but\s+)?not(?=\s+\W?\d)(?!.*\bbut\b)|instead\s+of|rather\s+than|"
    r"which(?=\s+(?:is|are)\s+(?:an?|the)\b)|(?:and|while)\s+the\s+other(?=\W*\d))\b"
    r"(?:(?![,$]\s(?:so|which|thus|hence|therefore|leaving|giving|making)\b).)*|"
    r"[,;]?\s+(?:where|when|if|given|after|before|assuming|considering)\b(?:\$[^$]*\$|[^,$])*"
    r"(?:,(?=\s+\w+\s+\w+)|$)|"
    r"\s+\([^()$]*(?:[A-Za-z]{3}|[=*/])[^()]*\)|\s+\((?=[a-z]{3,}\s)[^()]*(?:\)|$)"
)
CLAUSE = re.compile(  # what follows is nearer to the value than what precedes
    r"(?i)(?<=[A-Za-z]):\s+(?=\D*(?:\d[\d.,]*|\w+-\w+)\D*$)|(?:[,;.:]|\bbut\b|\band\b|\\Rightarrow|\\implies|"
    r"=>|⇒|→)\s*(?:and\s+)?(?:so|thus|therefore|hence|only(?=\s+\W?\d)|meaning|leaving|giving|making|for\s+a|i\.e\.?,?|"
    r"that\s+is,?)\b|\bbut\b|\b(?:from|by|round\w*)\s+\$?[\d.,]+%?\s+(?:up\s+)?to\b|(?<=\d),\s+or\s+(?=\D{0,8}\d)|"
    r"\bwhich\s+(?:is|means|gives|leaves|makes|equals|takes|costs|will\s+\w+|rounds\s.{0,5}to)\b|"
    r"^\W*(?:since|because|as|if|when|after|before|in|out\s+of|of|for|at|by|on|from|with|given|rounded|to|"
    r"using|during)\b[^,]*,\s*"
)
EQUALS = re.compile(r"\bequals\b|→|(?<![<>=:])(?<![^\d)}a-z]!)=(?!=)|\\approx|≈|\\equiv")
_VERB = re.compile(
    r"(?i)(?<!that )(?<!who )(?<!in )\b(?:is|are|was|were|be|has|have|had|ate|took|came|bought|spent|sold|"
    r"paid|made|got|equals?|total(?:\s+of|ing)?|remain(?:s|ing)?|left\s+with|ends?\s+up\s+with|dropped\s+to|"
    r"(?:make|get|(?<!to )cover|cost|pay|spend|sell|take|give|leave|buy|eat|run|find|read|drink)s?|"
    r"(?:need|earn|owe|save|use|receive|travel|work|measure|require|play|weigh|walk|collect)(?:s|e?d)?)\b"
)
_STATES = re.compile(
    r"(?:(?!\band\s+(?:the\s|(?-i:[A-Z])))[^.,:;]){0,80}" + _VERB.pattern.removeprefix("(?i)") + r"\W*",
    re.IGNORECASE,
)
_FORMULA = re.compile(
    r"(?s)\$\$(.{1,1000}?)\$\$|\$([^$\n]{1,500})\$|"
    r"\\\((.{1,500}?)\\\)|\\\[(.{1,1000}?)\\\]|\\begin\{(?:align|equation|gather)\w*\*?\}(.{1,1500}?)\\end"
)
_LISTED = re.compile(
    r"(?:\$|\\\))\s*(?:,|and|or)\s*(?:and\s+|or\s+)?(?:\$|\\\()[^$]*(?:\$|\\\))\W*(?:are\s.*)?$"
)
_CUT = re.compile(r"(?i)(?:(?<=[^\s\d]):|\b(?:is|are|have|get|therefore|thus|so|hence|be|at|point),?)\s")
_SIMPLE = re.compile(r"(?:\\?[A-Za-z]\w{0,8}\s*=)?[^=]*")
_SEVERAL = re.compile(r"^\W*(?:or|and|,|to|-|–|/)\W*$", re.IGNORECASE)
_MORE_THAN = re.compile(r"\s+(?:more|less|fewer|greater|larger|times)\s+(?:than|as)\s+(?:the\s+)?\$?\d")
_UNSOLVED = re.compile(r"(?:^|\s)\d+\*?[A-Za-z]\s*$")
_WORD = re.compile(r"(?<![\\A-Za-z{])(?!(?:and|or|sqrt|log|sin|cos|tan|infty)\b)[A-Za-z]{2,}\b(?![({])")
_EITHER = re.compile(r"\b([a-z])\s*=\s*[^=]{1,20}\b(?:or|and)\b\s*\$?\1\s*=")
_COMPUTES = re.compile(
    r"0\s*(?:[-+*/^]|\\times|\\cdot)\s*[$(]?[0A-Za-z\\]|\\(?:sqrt|pi|pm|frac|log|sin|cos)"
)  # 0: any number


def stated_number(text: str) -> Number | None:
    """The one number that a statement gives as its value (`9 * 2 = $18` gives 18), else None."""
    text = bare(text)
    if _EITHER.search(text):
        return None
    for reading in (text, _shorter(text), text := _narrowed(text)):
        if (whole := only_number(without_name(reading))) is not None:
            return whole
    found, masked = numbers(text), NUMBER.sub(lambda one: (one["before"] or "") + "0", text)
    if not found or _COMPUTES.search(masked):
        return None
    value = _main_number(text, found)
    return None if value is None or _MORE_THAN.match(text, value.stop) else value


def _narrowed(text: str) -> str:
    """The part of a statement that gives its value: its last clause, without its lead, right of `=`."""
    text = re.sub(r"(?i)^\W*(?:(?:so|thus|therefore|hence|finally|then|now|and)\b,?\s*)*", "", _shorter(text))
    parts = [part for part in EQUALS.split(text) if part.strip()]
    if len(parts) > 1 and numbers(parts[-1]):
        text = "" if _UNSOLVED.search(parts[-2]) else parts[-1]
    clauses = [text[cut.end() :] for cut in CLAUSE.finditer(text)]
    return next((one for one in clauses[:-4:-1] if numbers(one)), text)


def _main_number(text: str, found: list[Number]) -> Number | None:
    """The one of several numbers that a clause is about: the first word of it, or what follows its verb."""
    if len({one.value for one in found}) == 1:
        return found[0]
    between = text[found[0].stop : found[1].start]
    hedged = _SEVERAL.match(between)
    for one, other in zip(found[-2::-1], found[:0:-1], strict=False):
        if _STATES.fullmatch(text, one.stop, other.start):
            return other
    if hedged:
        return None
    if not text[: found[0].start].strip(" $*~"):
        return found[0]
    verbs = [verb.end() for verb in _VERB.finditer(text)]
    return next((one for place in (verbs[:1] + verbs[-1:]) for one in found if one.start >= place), found[0])


def stated_numbers(text: str) -> list[Number]:
    """Every value that a statement gives: `x = 14 and y = 9`, `14 and 9`, `one is 14, the other 9`."""
    text = _shorter(bare(text)).strip("()[]{}\\ ")
    values: list[Number] = []
    for part in re.split(r"\s*(?:,(?=\s)|,(?!\d{3}(?!\d))|;|\band\b|\bor\b|\n)\s*", text):
        found = stated_number(part) if part.strip() else None
        if found is not None and found.value not in [value.value for value in values]:
            values.append(found)
    return values


def formulas(text: str) -> list[str]:
    """The formulas between dollar signs, LaTeX brackets or in environments."""
    return [next(filter(None, found.groups())).strip() for found in _FORMULA.finditer(text)]


def last_value(text: str) -> list[str]:
    """What a sentence gives as its value, most trusted first."""
    shorter = _shorter(text)
    inside = formulas(shorter) or formulas(text)
    if len(inside) > 1 and _LISTED.search(shorter) and all(map(_SIMPLE.fullmatch, inside[-2:])):
        return [", ".join(inside), ", ".join(inside[-2:])]
    verbs = list(_VERB.finditer(shorter))
    value = inside[-1] if inside else shorter[verbs[-1].end() if verbs else 0 :]
    part = re.split(r"(?<![<>!=:\\])=(?!=)|\\equiv", value)[-1]
    cuts = [text[cut.end() :].strip() for cut in _CUT.finditer(text)][-2:]
    tail = EQUALS.split(_WORD.split(shorter)[-1])[-1].strip(" .,;")
    values = [value.strip(), part.strip(" .,;"), tail, *cuts, text]
    return [one for one in dict.fromkeys(values) if one]


def _shorter(text: str) -> str:
    """A statement without its reasons and remarks, where it still has a value."""
    shorter = _REASON.sub("", text)
    return shorter if numbers(shorter) or re.search(r"\\|\$", shorter) else text
