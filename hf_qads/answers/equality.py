"""Whether two answers are the same thing, by the cheapest rule that can say so."""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from hf_qads.answers import symbolic
from hf_qads.answers.arithmetic import exact
from hf_qads.answers.latex import compact, plain
from hf_qads.answers.structures import Group, group, without_name
from hf_qads.answers.values import Number, equal, only_number

_TEXT = re.compile(r"\W*\\(?:text|textbf|textit|textrm|mbox|mathrm|operatorname)\s*\{([^{}]*)\}\W*")
_NEGATIONS = re.compile(r"\b(?:not|nor|neither|no|never)\b|n't\b")
_PROSE = re.compile(r"(?<![\\A-Za-z{])(?!sqrt|infty|frac)[A-Za-z]{3,}(?![A-Za-z(])")  # words of a sentence
_CLOCK = re.compile(r"(?<![\d:.])(\d{1,2})(?::(\d\d))?(?!\d|:\d)\s*(?:([ap])\.?\s?m\b\.?)?", re.IGNORECASE)
_RATIO = re.compile(r"(?<![\d:.])(\d+(?:\.\d+)?)\s*(?::|\\colon|to)\s*(\d+(?:\.\d+)?)(?![\d:])")
LONGEST = 1000  # characters; no final answer is longer


class Same(NamedTuple):
    """Whether two answers are equal, and the rule that decided."""

    right: bool
    rule: str


def same(answer: str, gold: str, *, brackets_list: bool = False) -> Same:
    """Compare an answer with the gold one.

    Spelling, numbers, words and the parts of lists, tuples, sets, intervals and matrices are decided here;
    what is left, formulas, goes to math-verify in a worker process.

    Args:
        answer: the stated answer, without the words around it.
        gold: the gold answer.
        brackets_list: `[3, 5]` is a list, in any order, and not an interval.
    """
    if compact(answer) == compact(gold) or max(len(answer), len(gold)) > LONGEST:
        return Same(compact(answer) == compact(gold), "same text")
    said, wanted = (without_name(plain(text).strip(" $")) for text in (answer, gold))
    if compact(said) == compact(wanted):
        return Same(True, "same text")
    if (timed := _same_time(said, wanted)) is not None:
        return timed
    if (base := re.fullmatch(r"(\d+)_\{?\d+\}?", compact(wanted))) and "_" not in said:
        return Same(compact(said) == base[1], "digits of the base")
    if (words := words_of(gold)) is not None:
        return Same(same_words(answer, words), "words")
    return _same_value(said, wanted, (answer, gold), brackets_list)


def _same_value(said: str, wanted: str, written: tuple[str, str], brackets_list: bool) -> Same:
    one, other = (only_number(text, algebra=True) for text in (said, wanted))
    if one is not None and other is not None:
        return Same(equal(one, other), "number")
    if not (other and other.decimals) and None not in (values := [exact(said), exact(wanted)]):
        return Same(values[0] == values[1], "exact value")
    said_parts, wanted_parts = (group(text, brackets_list=brackets_list) for text in (said, wanted))
    if not said_parts and not wanted_parts:
        return _same_formula(*written, other)

    def same_part(one: str, other: str) -> bool:
        return same(one.lstrip("+"), other.lstrip("+"), brackets_list=brackets_list).right

    if said_parts and wanted_parts:
        return _same_groups(said_parts, wanted_parts, same_part)
    several = said_parts or wanted_parts
    if several and len(several.parts) == 1:  # a list of one is its element
        return Same(same_part(several.parts[0], wanted if said_parts else said), "only element")
    interval = several and len(several.shape) == 2
    return Same(not interval and _same_formula(*written, None).right, "one value against several")


def _same_groups(said: Group, wanted: Group, same_part: Callable[[str, str], bool]) -> Same:
    shapes = {said.shape, wanted.shape}
    if len(said.parts) != len(wanted.parts):
        return Same(False, "another length")
    # A column may be written as a tuple, and named values be in any order; other brackets must agree.
    free = len(shapes) == 1 or " " in shapes or not wanted.shape or said.named
    if not free and not ("()" in shapes and any("x" in shape for shape in shapes)):
        return Same(False, "other brackets")
    if wanted.shape not in ("", "U"):
        return Same(all(map(same_part, said.parts, wanted.parts)), "parts in order")
    left = list(wanted.parts)
    for part in said.parts:
        found = next((place for place, other in enumerate(left) if same_part(part, other)), None)
        if found is None:
            return Same(False, "parts in any order")
        left.pop(found)
    return Same(True, "parts in any order")


def _same_time(answer: str, gold: str) -> Same | None:
    """Times of day and ratios; None where the gold answer is neither."""
    wanted = _CLOCK.fullmatch(gold.strip(" ."))
    if wanted and (wanted[2] or wanted[3]):
        said = [one for one in _CLOCK.finditer(answer) if one[2] or one[3]] or [*_CLOCK.finditer(answer)]
        if said:
            hours = [(int(one[1]), int(one[2] or 0)) for one in (said[-1], wanted)]
            halves = {(one[3] or "").lower() for one in (said[-1], wanted)} - {""}
            if hours[0] == hours[1] or wanted[3]:
                return Same(hours[0] == hours[1] and len(halves) < 2, "time of day")
    if ratio := _RATIO.fullmatch(gold.strip(" .")):
        met = [*_RATIO.finditer(answer)]
        one = Fraction(met[-1][1]) / Fraction(met[-1][2]) if met and Fraction(met[-1][2]) else exact(answer)
        return Same(one is not None and one * Fraction(ratio[2]) == Fraction(ratio[1]), "ratio")
    return None


def same_words(answer: str, gold: str) -> bool:
    """Whether an answer is the gold word or words, or a short phrase around them that does not deny them."""
    said, wanted = bare_words(answer), bare_words(gold)
    if said.replace(" ", "") == wanted.replace(" ", ""):
        return True
    if len(wanted) < 2 or len(said.split()) > len(wanted.split()) + 5 or re.search(r"\bor\b", said):
        return False
    denied = _NEGATIONS.search(said) and not _NEGATIONS.search(wanted)
    return not denied and bool(re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", said))


def bare_words(text: str) -> str:
    """The words of a text in lower case, without articles, marks and LaTeX commands."""
    text = re.sub(r"\\[a-z]+|[{}$\\]", " ", plain(text)).casefold()
    return " ".join(re.sub(r"[^\w\s%:/+-]|\b(?:the|an?)\b", " ", text).split())


def words_of(gold: str) -> str | None:
    """The words of a gold answer that is words and no formula, or None."""
    if found := _TEXT.fullmatch(gold.strip().strip("$")):
        return None if re.fullmatch(r"\W*[\d.,/ ]+\W*", found[1]) else found[1]
    bare = gold.strip().strip("$.")
    return bare if re.fullmatch(r"[A-Za-z][A-Za-z' -]+[A-Za-z]", bare) else None


def _same_formula(answer: str, gold: str, gold_number: Number | None) -> Same:
    if len(_PROSE.findall(answer)) > 1 or not re.search(r"[A-Za-z!]|\\|[-+*/^]", answer + gold):
        return Same(False, "other text")
    if symbolic.too_large(answer) or symbolic.too_large(gold):
        return Same(False, "power too large to compute")
    if gold_number is not None and gold_number.decimals and gold_number.value.denominator != 1:
        value = symbolic.value(answer)
        if value is not None:
            return Same(equal(Number(Fraction(value)), gold_number), "rounds to the gold decimal")
    verdict = symbolic.verify(gold, answer)
    return Same(bool(verdict), "math-verify" if verdict is not None else "math-verify gave up")
