"""Whether two answers are the same thing, by the cheapest rule that can say so."""

import re
from fractions import Fraction
from typing import NamedTuple

from hf_qads.answers import structures, symbolic
from hf_qads.answers.arithmetic import exact
from hf_qads.answers.latex import compact, plain
from hf_qads.answers.structures import Group, group, without_name
from hf_qads.answers.values import Number, equal, only_number

_TEXT = re.compile(r"\W*\\(?:text|textbf|textit|textrm|mbox|mathrm|operatorname)\s*\{([^{}]*)\}\W*")
_ARTICLES = re.compile(r"\b(?:the|a|an)\b")
_NEGATIONS = re.compile(r"\b(?:not|nor|neither|no|never)\b|n't\b")
_FORMULA = re.compile(r"[A-Za-z]|\\|[-+*/^]")
_PROSE = re.compile(r"(?<![\\A-Za-z{])(?!sqrt|infty|frac)[A-Za-z]{3,}(?![A-Za-z(])")  # words of a sentence
_CLOCK = re.compile(r"(?<![\d:.])(\d{1,2})(?::(\d\d))?(?!\d|:\d)\s*(?:([ap])\.?\s?m\b\.?)?", re.IGNORECASE)
_RATIO = re.compile(r"(?<![\d:.])(\d+(?:\.\d+)?)\s*(?::|\\colon|to)\s*(\d+(?:\.\d+)?)(?![\d:])")
LONGEST = 1000  # characters; no final answer is longer
ORDERED = (structures.TUPLE, structures.INTERVAL, structures.MATRIX, structures.SEQUENCE)


class Same(NamedTuple):
    """Whether two answers are equal, and the rule that decided."""

    right: bool
    rule: str


def same(answer: str, gold: str, *, algebra: bool = True, brackets_list: bool = False) -> Same:
    """Compare an answer with the gold one.

    Spelling, numbers, words and the parts of lists, tuples, sets, intervals and matrices are decided here;
    what is left, formulas, goes to math-verify in a worker process.

    Args:
        answer: the stated answer, without the words around it.
        gold: the gold answer.
        algebra: letters behind a number may be variables and not units.
        brackets_list: `[3, 5]` is a list, in any order, and not an interval.
    """
    if max(len(answer), len(gold)) > LONGEST:
        return Same(compact(answer) == compact(gold), "same text")
    if compact(answer) == compact(gold):
        return Same(True, "same text")
    bare_answer, bare_gold = (without_name(plain(text).strip().strip("$").strip()) for text in (answer, gold))
    if compact(bare_answer) == compact(bare_gold):
        return Same(True, "same text")
    if (timed := _same_time(bare_answer, bare_gold)) is not None:
        return timed
    if (base := re.fullmatch(r"(\d+)_\{?\d+\}?", compact(bare_gold))) and "_" not in bare_answer:
        return Same(compact(bare_answer) == base[1], "digits of the base")
    words = words_of(gold)
    if words is not None:
        return Same(same_words(answer, words), "words")
    numbers = [only_number(text, algebra=algebra) for text in (bare_answer, bare_gold)]
    if numbers[0] is not None and numbers[1] is not None:
        return Same(equal(numbers[0], numbers[1]), "number")
    values = [exact(text) for text in (bare_answer, bare_gold)]
    if values[0] is not None and values[1] is not None and not (numbers[1] and numbers[1].decimals):
        return Same(values[0] == values[1], "exact value")
    groups = [group(text, brackets_list=brackets_list) for text in (bare_answer, bare_gold)]
    if groups[0] is not None or groups[1] is not None:
        return _same_groups(bare_answer, bare_gold, groups[0], groups[1], algebra, brackets_list)
    return _same_formula(answer, gold, numbers[1])


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
    if wanted_ratio := _RATIO.fullmatch(gold.strip(" .")):
        met = [*_RATIO.finditer(answer)]
        one = Fraction(met[-1][1]) * Fraction(wanted_ratio[2]) if met else exact(answer)
        other = Fraction(met[-1][2]) * Fraction(wanted_ratio[1]) if met else None
        if other is None and one is not None and Fraction(wanted_ratio[2]):
            other = Fraction(wanted_ratio[1]) / Fraction(wanted_ratio[2])
        return Same(one is not None and one == other, "ratio")
    return None


def same_words(answer: str, gold: str) -> bool:
    """Whether an answer is the gold word or words, or a short phrase around them that does not deny them."""
    said, wanted = bare_words(answer), bare_words(gold)
    if said == wanted or said.replace(" ", "") == wanted.replace(" ", ""):
        return True
    if not wanted or len(said.split()) > len(wanted.split()) + 5 or re.search(r"\bor\b", said):
        return False
    denied = _NEGATIONS.search(said) and not _NEGATIONS.search(wanted)
    return not denied and bool(re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", said)) and len(wanted) > 1


def bare_words(text: str) -> str:
    """The words of a text in lower case, without articles, marks and LaTeX commands."""
    text = re.sub(r"\\[a-z]+|[{}$\\]", " ", plain(text)).casefold()
    text = re.sub(r"(?<=[a-z])\.(?=[a-z]\.?)|(?<=\bp\.m)\.|(?<=\ba\.m)\.", "", text)
    return " ".join(_ARTICLES.sub(" ", re.sub(r"[^\w\s%:/+-]", " ", text)).split())


def words_of(gold: str) -> str | None:
    """The words of a gold answer that is words and no formula, or None."""
    if found := _TEXT.fullmatch(gold.strip().strip("$")):
        return None if re.fullmatch(r"\W*[\d.,/ ]+\W*", found[1]) else found[1]
    bare = gold.strip().strip("$.")
    return bare if re.fullmatch(r"[A-Za-z][A-Za-z' -]+[A-Za-z]", bare) and "\\" not in bare else None


def _same_groups(
    answer: str, gold: str, said: Group | None, wanted: Group | None, algebra: bool, brackets_list: bool
) -> Same:
    if said is None or wanted is None:
        return _one_against_several(answer, gold, said or wanted, said is None, algebra, brackets_list)
    if differs := _differ_in_kind(said, wanted):
        return Same(False, differs)

    def equal_parts(one: str, other: str) -> bool:
        if compact(one).lstrip("+") == compact(other).lstrip("+"):
            return True
        return same(one, other, algebra=algebra, brackets_list=brackets_list).right

    if wanted.kind in ORDERED:
        pairs = zip(said.parts, wanted.parts, strict=True)
        return Same(all(equal_parts(one, other) for one, other in pairs), wanted.kind)
    left = list(wanted.parts)
    for part in said.parts:
        found = next((place for place, other in enumerate(left) if equal_parts(part, other)), None)
        if found is None:
            return Same(False, f"unordered {wanted.kind}")
        left.pop(found)
    return Same(True, f"unordered {wanted.kind}")


def _one_against_several(
    answer: str, gold: str, several: Group | None, answer_is_one: bool, algebra: bool, brackets_list: bool
) -> Same:
    """A list of one is its element; an interval is no number; else only math-verify can tell."""
    assert several is not None
    if len(several.parts) == 1 and several.kind in (structures.LIST, structures.SET):
        parts = (answer, several.parts[0]) if answer_is_one else (several.parts[0], gold)
        return same(*parts, algebra=algebra, brackets_list=brackets_list)
    if several.kind == structures.INTERVAL:
        return Same(False, "interval")
    formula = _same_formula(answer, gold, None)
    return formula if formula.right else Same(False, "one value against several")


def _differ_in_kind(said: Group, wanted: Group) -> str | None:
    """Why two groups cannot be equal whatever their parts are, or None."""
    if len(said.parts) != len(wanted.parts):
        return f"{wanted.kind} of another length"
    kinds = {said.kind, wanted.kind}
    # `(1, 2)` is a point or an open interval; a column may be written as a tuple; other brackets must agree.
    if (
        kinds != {structures.MATRIX, structures.TUPLE}
        and kinds <= set(ORDERED)
        and said.shape != wanted.shape
    ):
        return None if structures.SEQUENCE in kinds else f"other brackets around {wanted.kind}"
    mixes = wanted.kind in ORDERED and said.kind not in ORDERED
    if mixes and not (said.named or wanted.kind == structures.SEQUENCE):
        return f"{said.kind} against {wanted.kind}"
    if wanted.kind == structures.UNION and said.kind in ORDERED:
        return f"{said.kind} against {wanted.kind}"
    return None


def _same_formula(answer: str, gold: str, gold_number: Number | None) -> Same:
    if len(_PROSE.findall(answer)) > 1 or not (_FORMULA.search(answer) or _FORMULA.search(gold)):
        return Same(False, "other text")
    if symbolic.too_large(answer) or symbolic.too_large(gold):
        return Same(False, "power too large to compute")
    if gold_number is not None and gold_number.decimals and gold_number.value.denominator != 1:
        value = symbolic.value(answer)
        if value is not None:
            return Same(equal(Number(Fraction(value)), gold_number), "rounds to the gold decimal")
    verdict = symbolic.verify(gold, answer)
    return Same(bool(verdict), "math-verify" if verdict is not None else "math-verify gave up")
