"""Whether two answers are the same thing, by the cheapest rule that can say so."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from hf_qads.answers import symbolic
from hf_qads.answers.latex import bare_words, compact, latexify, plain, split_outer, value_of, without_name
from hf_qads.answers.values import equal, only_number

LONGEST = 1000  # characters; no final answer is longer
_TEXT = re.compile(r"\W*\\(?:text|textbf|textit|textrm|mbox|mathrm|operatorname)\s*\{([^{}]*)\}\W*")
_SYNONYMS = (
    (r"no\s+(?:real\s+|such\s+)?(?:solutions?|roots?)(?:\W+x in no solution)?|empty set", "no solution"),
    (r"does\s*(?:not|n t)\s+exist|dne|not defined", "undefined"),
    (r"infinite(?:ly many)?(?: solutions)?", "infinite"),
)
_REALS = re.compile(
    r"\W*(?:x\s*\\in\s*)?(?:\\mathbb\{?R\}?|(?:all|any)\s+reals?(?:\s+numbers?)?|-\\infty,\s*\\infty)\W*"
)
_NEGATIONS = re.compile(r"\b(?:not|nor|neither|no|never)\b|n't\b")
_PROSE = re.compile(r"(?<![\\A-Za-z{])(?!sqrt|infty|frac)[A-Za-z]{3,}(?![A-Za-z(])")  # words of a sentence
_CLOCK = re.compile(r"(?<![\d:.])(\d{1,2})(?::(\d\d))?(?!\d|:\d)\s*(?:([ap])\.?\s?m\b\.?)?", re.IGNORECASE)
_RATIO = re.compile(r"(?<![\d:.])(\d+(?:\.\d+)?)\s*(?::|\\colon|to)\s*(\d+(?:\.\d+)?)(?![\d:])")
_SEPARATOR = r"\s*(?:,\s*(?:and|or)\b|,(?=\s)|,(?!\d{3}(?!\d))|;|\band\b|\bor\b|\n)\s*"
_SET = re.compile(r"\\\{(.*)\\\}|\{([^{}]*)\}", re.DOTALL)
_TUPLE = re.compile(r"\s*([(\[])([^()\[\],]+(?:,[^()\[\],]+)+)([)\]])\s*")
_LIST = re.compile(rf"{_SET.pattern}|\[([^\[\]]*)\]", re.DOTALL)
_ROW = re.compile(r"[-+]?[\d./]+(?:(?:\s+|\s*[<>]\s*)[-+]?[\d./]+)+")
_WORDED = (  # inequalities
    (r"^\D*\bstrictly\s+between\s+(\S+)\s+and\s+(\S+)$", r"(\1, \2)"),
    (
        r"(?i)^.*\bnumbers?\s+(?:that\s+(?:is|are)\s+)?(?:(?:great|larg)er|more)\s+than\s+\$?([^\s$]+)\$?$",
        r"x > \1",
    ),
    (r"(?i)^.*\bnumbers?\s+(?:that\s+(?:is|are)\s+)?(?:less|smaller)\s+than\s+\$?([^\s$]+)\$?$", r"x < \1"),
)
_VARIABLE = re.compile(r"\\?[A-Za-z]\w*(?:\([a-z]\))?")


class Same(NamedTuple):
    """Whether two answers are equal, and the rule that decided."""

    right: bool
    rule: str


def same(answer: str, gold: str, *, brackets_list: bool = False) -> Same:
    """Compare an answer with the gold one; `brackets_list`: `[3, 5]` is a list and not an interval."""
    measured = [only_number(without_name(text), algebra=True) for text in (answer, gold)]
    if all(one and one.unit for one in measured):
        return Same(equal(*filter(None, measured)), "number")
    said, wanted = (_in_signs(value_of(text)) for text in (answer, gold))
    if compact(said) == compact(wanted) or max(len(said), len(wanted)) > LONGEST:
        return Same(compact(said) == compact(wanted), "same text")
    if decided := _same_time(said, wanted) or _same_tuple(said, wanted, brackets_list):
        return decided
    if (base := re.fullmatch(r"(\d+)_\{?\d+\}?", compact(wanted))) and "_" not in said:
        return Same(compact(said) == base[1], "digits of the base")
    if (words := words_of(gold)) is not None:
        return Same(same_words(answer, words), "words")
    one, other = (only_number(text, algebra=True) for text in (said, wanted))
    if one is not None and other is not None:
        return Same(equal(one, other), "number")
    parts, others = (_parts(text, brackets_list) for text in (said, wanted))
    in_order = _ROW.fullmatch(wanted) is not None
    if wanted.startswith("(") and len(parts) > 1 and all(without_name(part) != part for part in parts):
        others, in_order = _parts(wanted[1:-1], brackets_list), True
        parts.sort(key=lambda part: part[0] if part[0] in "abcxyz" else "")  # `y = 3, x = 4` is (4, 3)
    if len(parts) > 1 or len(others) > 1 or [said, wanted] != [*parts, *others]:
        return Same(_same_parts(parts, others, brackets_list, in_order), "list")
    if "=" in said + wanted:  # an equation is compared whole
        said, wanted = plain(answer), plain(gold)
    decimals = other.decimals if other and other.value.denominator > 1 else 0
    return _same_formula(_as_intervals(said), _as_intervals(wanted), decimals)


def _in_signs(text: str) -> str:
    for pattern, signs in _WORDED:
        text = re.sub(pattern, signs, text)
    return text


def _same_parts(said: list[str], wanted: list[str], brackets_list: bool, in_order: bool) -> bool:
    if len(said) != len(wanted):
        return False
    left = list(wanted)
    for part in said:
        places = range(1 if in_order else len(left))
        met = (one for one in places if same(part, left[one], brackets_list=brackets_list).right)
        if (found := next(met, None)) is None:
            return False
        left.pop(found)
    return True


def _same_tuple(said: str, wanted: str, brackets_list: bool) -> Same | None:
    """Tuples and intervals part by part; None where one of both is neither."""
    one, other = _TUPLE.fullmatch(said), _TUPLE.fullmatch(wanted)
    if not one or not other or (brackets_list and wanted.startswith("[")):
        return None
    pairs = [*zip(one[2].split(","), other[2].split(","), strict=False)]
    alike = one.group(1, 3) == other.group(1, 3) and one[2].count(",") == other[2].count(",")
    right = alike and all(same(*pair, brackets_list=brackets_list).right for pair in pairs)
    return Same(right, "tuple")


def _parts(text: str, brackets_list: bool) -> list[str]:
    """The parts of a list or set, those of a sign of both kinds two; else the text alone."""
    if _ROW.fullmatch(text) and not re.fullmatch(r"\d+\s+\d+/\d+", text):
        return re.split(r"\s*[<>]\s*|\s+", text)
    found = (_LIST if brackets_list else _SET).fullmatch(text)
    inside = next(filter(None, found.groups()), "") if found else text
    parts = [part.strip() for part in split_outer(inside, _SEPARATOR) if part.strip()]
    if not parts or all(map(_interval, parts)):
        return [text]
    signed = [part.replace("\\pm", sign) for part in parts for sign in "+-"[: 1 + (part.count("\\pm") == 1)]]
    return [re.sub(r"^\s*\+\s*", "", part) for part in signed]


def _as_intervals(text: str) -> str:
    """`a < x <= b` as `(a, b]`, several joined by `or` as their union; other text as it is."""
    intervals = [_interval(part) for part in re.split(r"\s*\bor\b\s*", text)]
    return r" \cup ".join(map(str, intervals)) if all(intervals) else text


def _interval(text: str) -> str | None:
    """The interval that `a < x <= b`, `x > a` or `a > x` describes."""
    text = re.sub(r"\\([lg])(?:t|(eq))(?![a-z])", lambda one: "<>"[one[1] == "g"] + "="[: bool(one[2])], text)
    pieces = re.split(r"\s*([<>]=?)\s*", text.strip(" ,"))
    if len(pieces) == 3:
        less = pieces[1][0] == "<"
        if _VARIABLE.fullmatch(pieces[0]):
            pieces = ["-\\infty" if less else "\\infty", pieces[1][0], *pieces]
        else:
            pieces = [*pieces, pieces[1][0], "\\infty" if less else "-\\infty"]
    if len(pieces) != 5 or pieces[1][0] != pieces[3][0] or not _VARIABLE.fullmatch(pieces[2]):
        return None
    low, left, _, right, high = pieces if pieces[1][0] == "<" else reversed(pieces)
    return f"{'[' if '=' in left else '('}{low}, {high}{']' if '=' in right else ')'}"


def _same_time(answer: str, gold: str) -> Same | None:
    """Times of day and ratios; None where the gold answer is neither."""
    wanted = _CLOCK.fullmatch(re.sub(r"\s+", " ", gold).strip(" ."))
    if wanted and (wanted[2] or wanted[3]):
        said = [one for one in _CLOCK.finditer(answer) if one[2] or one[3]] or [*_CLOCK.finditer(answer)]
        if said:
            hours = [(int(one[1]), int(one[2] or 0)) for one in (said[-1], wanted)]
            halves = {(one[3] or "").lower() for one in (said[-1], wanted)} - {""}
            if hours[0] == hours[1] or wanted[3]:
                return Same(hours[0] == hours[1] and len(halves) < 2, "time of day")
    if ratio := _RATIO.fullmatch(gold.strip(" .")):
        met = [*_RATIO.finditer(answer)]
        said_ratio = Fraction(met[-1][1]) / Fraction(met[-1][2]) if met and Fraction(met[-1][2]) else None
        if not met and (number := only_number(answer)):
            said_ratio = number.value
        return Same(said_ratio is not None and said_ratio * Fraction(ratio[2]) == Fraction(ratio[1]), "ratio")
    return None


def same_words(answer: str, gold: str) -> bool:
    """Whether an answer is the gold word or words, or a short phrase around them that does not deny them."""
    said, wanted = (_usual(text) for text in (re.split(r"[,;:]\s", answer)[-1], gold))
    if said.replace(" ", "") == wanted.replace(" ", ""):
        return True
    short = len(wanted) > 1 and (len(said.split()) <= len(wanted.split()) + 5 or said.endswith(wanted))
    denied = bool(_NEGATIONS.search(said)) > bool(_NEGATIONS.search(wanted))
    denied = bool(denied or re.search(r"\b(?:or|except)\b", said))
    return short and not denied and bool(re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", said))


def _usual(text: str) -> str:
    """The words of an answer, one for each of those that say the same."""
    if _REALS.fullmatch(text):
        return "all real numbers"
    words = bare_words(re.sub(r"\\(?:emptyset|varnothing)\b|∅|\\\{\\\}", " no solution ", text))
    for pattern, word in _SYNONYMS:
        words = re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", word, words)
    return words


def words_of(gold: str) -> str | None:
    """The words of a gold answer that is words and no formula, or None."""
    if _REALS.fullmatch(gold) or _usual(gold) == "no solution":
        return _usual(gold)
    if found := _TEXT.fullmatch(gold.strip().strip("$")):
        return None if re.fullmatch(r"\W*[\d.,/ ]+\W*", found[1]) else found[1]
    bare = gold.strip().strip("$.")
    return bare if re.fullmatch(r"[A-Za-z][A-Za-z' -]+[A-Za-z]", bare) else None


def prose(text: str) -> bool:
    """Whether a text is a sentence rather than a formula."""
    return len(_PROSE.findall(text)) > 1


def _same_formula(answer: str, gold: str, decimals: int) -> Same:
    if prose(answer) or not re.search(r"[A-Za-z!]|\\|[-+*/^,]", answer + gold):
        return Same(False, "other text")
    if symbolic.too_large(answer) or symbolic.too_large(gold):
        return Same(False, "power too large to compute")
    within = 0.5 * 0.1**decimals if decimals else 0.0
    verdict = _verified(latexify(gold), latexify(answer), within)
    return Same(bool(verdict), "math-verify" if verdict is not None else "math-verify gave up")


@lru_cache(16)
def _verified(gold: str, answer: str, within: float) -> bool | None:
    """math-verify's verdict; readings of one sentence often end in the same formula."""
    return symbolic.verify(gold, answer, within=within)
