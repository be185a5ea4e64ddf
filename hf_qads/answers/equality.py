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
_NO_SOLUTION = re.compile(r"(?<!\w)(?:no\s+(?:real\s+|such\s+)?(?:solutions?|roots?)|empty set)(?!\w)")
_REALS = re.compile(
    r"\W*(?:x\s*\\in\s*)?(?:\\mathbb\{?R\}?|(?:all|any)\s+reals?(?:\s+numbers?)?|-\\infty,\s*\\infty)\W*"
)
_DENIED = re.compile(r"\b(?:not|nor|neither|no|never|or|except)\b|n't\b")
_PROSE = re.compile(r"(?<![\\A-Za-z{])(?!sqrt|infty|frac)[A-Za-z]{3,}(?![A-Za-z(])")  # words of a sentence
_CLOCK = re.compile(r"(?<![\d:.])(\d{1,2})(?::(\d\d))?(?!\d|:\d)\s*(?:([ap])\.?\s?m\b\.?)?", re.IGNORECASE)
_RATIO = re.compile(r"(?<![\d:.])(\d+(?:\.\d+)?)\s*(?::|\\colon|to)\s*(\d+(?:\.\d+)?)(?![\d:])")
_AND = re.compile(r"\s*(?:,\s*(?:and|or)\b|;|\band\b|\bor\b|\n)\s*")
_LIST = re.compile(r"\\\{(.*)\\\}|\{([^{}]*)\}|\[([^\[\]]*)\]", re.DOTALL)
_ROW = re.compile(r"[-+]?[\d./]+(?:(?:\s+|\s*[<>]\s*)[-+]?[\d./]+)+")


class Same(NamedTuple):
    """Whether two answers are equal, and the rule that decided."""

    right: bool
    rule: str


def same(answer: str, gold: str, *, brackets_list: bool = False) -> Same:
    """Compare an answer with the gold one; `brackets_list`: `[3, 5]` is a list and not an interval."""
    measured = [only_number(without_name(text), algebra=True) for text in (answer, gold)]
    if all(one and one.unit for one in measured):
        return Same(equal(*filter(None, measured)), "number")
    said, wanted = (re.sub(r"^\[([^][,]*)\]$", r"\1", value_of(text)) for text in (answer, gold))
    if compact(said) == compact(wanted) or max(len(said), len(wanted)) > LONGEST:
        return Same(compact(said) == compact(wanted), "same text")
    if decided := _same_time(said, wanted):
        return decided
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
    return _same_formula(said, wanted, decimals, brackets_list)


def _same_formula(said: str, wanted: str, decimals: int, brackets_list: bool) -> Same:
    if prose(said) or not re.search(r"[A-Za-z!]|\\|[-+*/^,]", said + wanted):
        return Same(False, "other text")
    if symbolic.too_large(said) or symbolic.too_large(wanted):
        return Same(False, "power too large to compute")
    within = 0.5 * 0.1**decimals if decimals else 0.0
    wanted, said = _listed(wanted, brackets_list), _listed(said, brackets_list)
    lists = [[*map(only_number, one[2:-2].split(", "))] for one in (said, wanted) if one.startswith("\\{")]
    if len(lists) == 2 and all(map(all, lists)):
        row, other = (sorted(one.value for one in each if one) for each in lists)
        return Same(row == other, "list")
    verdict = _verified(wanted, said, within)
    return Same(bool(verdict), "math-verify" if verdict is not None else "math-verify gave up")


def _listed(text: str, brackets_list: bool) -> str:
    """A formula as LaTeX, with commas between its values; those of a list are a set."""
    text = text if "<" in text or ">" in text else _AND.sub(", ", text)
    if text.count("\\pm") == 1 and "," not in text:
        text = ", ".join(text.replace("\\pm", sign) for sign in "+-")
    inside = _LIST.fullmatch(text) if brackets_list else None
    text = latexify(next(filter(None, inside.groups()), "") if inside else text)
    return f"\\{{{text}\\}}" if brackets_list and (inside or ", " in text) else text


@lru_cache(16)
def _verified(gold: str, answer: str, within: float) -> bool | None:
    """math-verify's verdict; readings of one sentence often end in the same formula."""
    return symbolic.verify(gold, answer, within=within)


def _same_time(answer: str, gold: str) -> Same | None:
    """Times of day and ratios; None where the gold answer is neither."""
    wanted = _CLOCK.fullmatch(re.sub(r"\s+", " ", gold).strip(" ."))
    said = [one for one in _CLOCK.finditer(answer) if one[2] or one[3]]
    if wanted and (wanted[2] or wanted[3]) and said:
        hours = [(int(one[1]), int(one[2] or 0)) for one in (said[-1], wanted)]
        halves = {(one[3] or "").lower() for one in (said[-1], wanted)} - {""}
        return Same(hours[0] == hours[1] and len(halves) < 2, "time of day")
    if ratio := _RATIO.fullmatch(gold.strip(" .")):
        met = _RATIO.findall(answer)
        value = only_number("/".join(met[-1]) if met else answer)
        return Same(value is not None and value.value * Fraction(ratio[2]) == Fraction(ratio[1]), "ratio")
    return None


def same_words(answer: str, gold: str) -> bool:
    """Whether an answer is the gold word or words, or a short phrase around them that does not deny them."""
    said, wanted = (_usual(text) for text in (re.split(r"[,;:]\s", answer)[-1], gold))
    if said.replace(" ", "") == wanted.replace(" ", ""):
        return True
    short = len(wanted) > 1 and (len(said.split()) <= len(wanted.split()) + 5 or said.endswith(wanted))
    denied = bool(_DENIED.search(said)) > bool(_DENIED.search(wanted))
    return short and not denied and bool(re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", said))


def _usual(text: str) -> str:
    """The words of an answer, one for each of those that say the same."""
    if _REALS.fullmatch(text):
        return "all real numbers"
    words = bare_words(re.sub(r"\\(?:emptyset|varnothing)\b|∅|\\\{\\\}", " no solution ", text))
    return _NO_SOLUTION.sub("no solution", words)


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
