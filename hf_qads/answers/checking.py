"""`check`: is the answer that an output concludes with the gold one?"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hf_qads.answers import symbolic
from hf_qads.answers.candidates import LAST, NONE, Candidate, boxed, conclude
from hf_qads.answers.choices import LETTERS, chosen, options_of
from hf_qads.answers.cleaning import READ
from hf_qads.answers.equality import Same, prose, same, same_words, words_of
from hf_qads.answers.latex import compact, latexify, plain, unwrapped, value_of
from hf_qads.answers.statements import last_value, stated_number, stated_numbers
from hf_qads.answers.values import DIGITS_MET, equal, numbers, only_number
from hf_qads.errors import EvaluationError

NUMBER, PAIR, MIXED, FORMULA, LETTER = "number", "one of two numbers", "number or words", "formula", "letter"
KINDS: Final = {
    **dict.fromkeys(("gsm8k", "svamp"), NUMBER),
    **dict.fromkeys(("math", "mathematics"), FORMULA),
    **dict.fromkeys(("aqua_rat", "sat_math", "mmlu_math"), LETTER),
    "numglue": MIXED,
    "simuleq": PAIR,
}
_SORTED = re.compile(r"(?i)\border\b|\b(?:small|larg|great|l?ea|high|low)est to\b")
_DISCUSSED = re.compile(r"(?:^|(?<=[.\n]))\W{0,4}(?:(?:[Oo]ption|[Cc]hoice)\s+)?([A-J])(?:[.):]\s|\s+is\b)")
Options = Sequence[str] | Mapping[str, str] | str | None


@dataclass(frozen=True)
class Verdict:
    """What became of one output."""

    right: bool  # it concludes with the gold answer
    answer: str | None  # what it concludes with, None where it concludes with nothing
    rule: str  # how the answer was found and what decided


def check(output: str, gold: object, *, benchmark: str, options: Options = None) -> Verdict:
    r"""Whether the last conclusion that an output states is the gold answer.

    An output that never concludes, or is cut off before it does, is wrong. Integers are met exactly, a gold
    decimal also by a value that rounds to it, an exact gold also by a decimal of three digits or more where
    the output states both; lists and sets are compared in any order, tuples and sorted lists in theirs.

    Args:
        output: what a model wrote.
        gold: the gold answer: text or a number; a worked solution gives its `\boxed{}` or `####`.
        benchmark: one of gsm8k, math, aqua_rat, numglue, svamp, mathematics, simuleq, sat_math, mmlu_math.
        options: of a multiple-choice question: texts in order, or letter -> text, or one text with all.

    Returns:
        The verdict. Numbers and letters take microseconds; only formulas start a worker process, which is
        given five seconds each.

    Raises:
        EvaluationError: the benchmark is not known, the gold answer is missing, or options are no options.
    """
    kind = KINDS.get(benchmark)
    if kind is None:
        raise EvaluationError(f"benchmark={benchmark!r} is not one of {', '.join(KINDS)}. Use one of these.")
    wanted = gold_answer(gold, benchmark)
    known = options_of(options)
    if kind == LETTER or (known and re.fullmatch(r"\W*[A-J]\W*", wanted)):
        letter = _gold_letter(gold, wanted, known)
        if letter is not None:
            return _check_letter(str(output or ""), letter, known)
        kind = FORMULA
    numeric = re.search(r"\d", wanted) and not words_of(wanted)

    def usable(text: str) -> bool:
        formula = ("\\" in text and not prose(text)) or (kind == FORMULA and re.search(r"\d", text))
        return bool(formula or numbers(plain(text)) if numeric else text.strip())

    stated = conclude(str(output or ""), usable)
    if isinstance(stated, str):
        return Verdict(False, None, stated)
    answer, result = _compare(stated, wanted, kind, brackets_list=benchmark != "math")
    right = result.right or _rounds(answer, wanted, str(output))
    return Verdict(right, answer, f"{stated.rule}: {result.rule if right == result.right else 'rounded'}")


def gold_answer(gold: object, benchmark: str) -> str:
    """A gold answer as text: the end of a worked solution, a number without a needless `.0`.

    Raises:
        EvaluationError: there is none.
    """
    if isinstance(gold, float) and gold.is_integer():
        gold = int(gold)
    if isinstance(gold, list | tuple) and len(gold) == 1:
        gold = gold[0]
    text = "" if gold is None or gold != gold else str(gold).strip()
    text = text.rpartition("####")[2].strip()
    if (boxes := boxed(text)) and boxes[-1]:
        text = boxes[-1].strip(" $")
    if not text:
        raise EvaluationError(
            f"The gold answer of a {benchmark} item is missing. Fill it in, or leave the item out."
        )
    return text


def _compare(stated: Candidate, gold: str, kind: str, *, brackets_list: bool) -> tuple[str, Same]:
    """What a candidate states, read as the gold answer's type asks for, and whether it is that."""
    text = unwrapped(stated.text)
    if _SORTED.search(text) and re.fullmatch(r"[-\d\s,./[\]]+", gold):
        gold = re.sub(r"[][,]", " ", gold).strip()  # compared in its order
    if kind == PAIR:
        return _compare_pair(text, gold)
    if re.fullmatch(r"[a-e]", gold) and (letters := re.findall(r"\(([a-e])\)", text)):
        return text, Same(letters[-1] == gold, "letter")
    wanted = only_number(gold, algebra=kind == FORMULA)
    if wanted is not None and (kind != FORMULA or stated.sentence or len(text.split()) > 3):
        said = stated_number(text)
        if said is not None:
            return said.text, Same(equal(said, wanted), "number")
    if (words := gold if kind == MIXED else words_of(gold)) and same_words(text, words):
        return text, Same(True, "words")
    if kind in (NUMBER, MIXED) and (not re.search(r"\d", gold) or numbers(text)[1:]):
        return text, Same(False, "not one number")
    result = Same(False, "no value")
    for value in [*([] if stated.sentence else [text]), *last_value(text)]:
        result = same(value, gold, brackets_list=brackets_list)
        if result.right:
            return value, result
    return text, result


def _rounds(answer: str, gold: str, output: str) -> bool:
    """Whether an answer is a decimal that rounds the exact gold answer, which the output states, too."""
    said, exact, text = stated_number(answer), only_number(gold), output[-READ:]
    digits = len(re.sub(r"\D", "", said.text).lstrip("0")) if said and said.decimals else 0
    if not said or digits < DIGITS_MET or not re.search(r"[/\\a-z]", gold):
        return False
    if exact:
        return equal(exact, said) and any(one.value == exact.value for one in numbers(plain(text)))
    spelt, wanted = (re.sub(r"\\frac|\\cdot|[/{}*]", "", compact(latexify(one))) for one in (text, gold))
    value, within = str(said.value), 0.5 * 0.1**said.decimals
    return wanted in spelt and bool(symbolic.verify(latexify(value_of(gold)), value, within=within))


def _compare_pair(text: str, gold: str) -> tuple[str, Same]:
    wanted = stated_numbers(gold.strip().strip("[](){}"))
    said = stated_numbers(text)
    if not wanted:
        return text, same(text, gold, brackets_list=True)
    if not said or len(said) > max(2, len(wanted)):
        return text, Same(False, "not one or two numbers")
    stray = [one for one in said if not any(equal(one, other) for other in wanted)]
    right = len(stray) < len(said) if len(wanted) == 1 else not stray
    return text, Same(right, "one of two numbers" if {len(said), len(wanted)} == {1, 2} else "numbers")


def _gold_letter(gold: object, wanted: str, options: Mapping[str, str]) -> str | None:
    if isinstance(gold, int) and not isinstance(gold, bool) and options and gold < len(options):
        return LETTERS[gold]
    letter = re.fullmatch(r"\W*([A-Ja-j])\W*", wanted)
    return letter[1].upper() if letter else chosen(wanted, options)


def _check_letter(output: str, gold: str, options: Mapping[str, str]) -> Verdict:
    stated = conclude(output, lambda text: chosen(text, options) is not None)
    if isinstance(stated, str):
        return Verdict(False, None, stated)
    letter = chosen(stated.text, options)
    if stated.rule == LAST and len(set(_DISCUSSED.findall(output))) > 1 and _DISCUSSED.match(stated.text):
        return Verdict(False, None, NONE)  # goes through the options and chooses none
    rule = f"{stated.rule}: {'letter' if re.search(rf'{letter}', stated.text) else 'text of the option'}"
    return Verdict(letter == gold, letter, rule)
