"""Whether two answers are the same thing, by the cheapest rule that can say so."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from hf_qads.answers import symbolic
from hf_qads.answers.latex import bare_words, compact, latexify, plain, value_of, without_name
from hf_qads.answers.values import equal, numbers, only_number

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
_AND = re.compile(r"\s*(?:,\s*(?:and|or)\b|;|\band\b|\bor\b|\n)\s*")
_LIST = re.compile(r"\\\{(.*)\\\}|\{([^{}]*)\}|\[([^\[\]]*)\]", re.DOTALL)
_ROW = re.compile(r"[-+]?[\d./]+(?:(?:\s+|\s*[<>]\s*)[-+]?[\d./]+)+")
_WORDED = (  # inequalities
    (r"^\D*\bstrictly\s+between\s+(\S+)\s+and\s+(\S+)$", r"(\1, \2)"),
    (
        r"(?i)^.*\bnumbers?\s+(?:that\s+(?:is|are)\s+)?(?:(?:great|larg)er|more)\s+than\s+\$?([^\s$]+)\$?$",
        r"x > \1",
    ),
    (r"(?i)^.*\bnumbers?\s+(?:that\s+(?:is|are)\s+)?(?:less|smaller)\s+than\s+\$?([^\s$]+)\$?$", r"x < \1"),
)


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
    if decided := _same_time(said, wanted):
        return decided
    if (base := re.fullmatch(r"(\d+)_\{?\d+\}?", compact(wanted))) and "_" not in said:
        return Same(compact(said) == base[1], "digits of the base")
    if (words := words_of(gold)) is not None:
        return Same(same_words(answer, words), "words")
    one, other = (only_number(text, algebra=True) for text in (said, wanted))
    if one is not None and other is not None:
        return Same(equal(one, other), "number")
    if _ROW.fullmatch(wanted):
        values = (numbers(" ; ".join(re.findall(r"[-+\w./]+", text))) for text in (said, wanted))
        row, other_row = ([one.value for one in each] for each in values)
        return Same(row == other_row, "row")
    if "=" in said + wanted:  # an equation is compared whole
        said, wanted = plain(answer), plain(gold)
    decimals = other.decimals if other and other.value.denominator > 1 else 0
    return _same_formula(_listed(said, brackets_list), _listed(wanted, brackets_list), decimals)


def _in_signs(text: str) -> str:
    for pattern, signs in _WORDED:
        text = re.sub(pattern, signs, text)
    return text


def _listed(text: str, brackets_list: bool) -> str:
    """A formula with commas between its values, those of a list as a set."""
    text = text if "<" in text or ">" in text else _AND.sub(", ", text)
    if text.count("\\pm") == 1 and "," not in text:
        text = ", ".join(text.replace("\\pm", sign) for sign in "+-")
    inside = _LIST.fullmatch(text) if brackets_list else None
    text = next(filter(None, inside.groups()), "") if inside else text
    return f"\\{{{text}\\}}" if brackets_list and (inside or ", " in text) else text


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
