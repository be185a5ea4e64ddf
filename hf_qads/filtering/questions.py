"""Compare two questions: their stems (without answer choices), numbers and runs of tokens."""

import re
from collections import Counter
from typing import Final

from hf_qads.filtering.ngrams import folded, gaps, words

SHINGLE: Final = 3
MIN_DISTINCTIVE_TOKENS: Final = 3  # least tokens of a stem that says enough
# Full-width colons and dots, as Chinese text has them, count as narrow ones.
_HEADINGS: Final = ("hoices", "HOICES", "ptions", "PTIONS", "\u9009\u9879")
_HEADING = re.compile(
    "\\b(?:answer\\s+)?(?:choices|options)\\s*[:\uff1a]|\u9009\u9879\\s*[:\uff1a]", re.IGNORECASE
)
_LIST = re.compile("\n\\s*\\(?[Aa][).\uff0e]\\s.*\n\\s*\\(?[Bb][).\uff0e]\\s")
_AROUND: Final = 16  # more than "answer " and the heading's first letter
_BEGINS = re.compile("[.:?!\u3002\n]")
_ENDS = re.compile("[?\u3002\n]|[.](?![0-9])")  # an exclamation mark may be a factorial
_DIGITS = re.compile(r"\d+")
_NUMBER_WORDS: Final = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen seventeen eighteen nineteen twenty".split()
    )
}


def stem(question: str) -> str:
    """The question without its answer choices; the whole question where it has none, or nothing else."""
    headings = [_heading(question, heading) for heading in _HEADINGS if heading in question]
    starts = [start for start in headings if start is not None]
    if "\n" in question and (found := _LIST.search(question)) is not None:
        starts.append(found.start())
    cut = question[: min(starts)] if starts else ""
    return cut if cut.strip() else question


def _heading(question: str, heading: str) -> int | None:
    """Where the choices' heading starts. Its letters are looked for first: much faster than a pattern."""
    at = question.find(heading)
    while at >= 0:
        start = max(0, at - _AROUND)
        for found in _HEADING.finditer(question, start, at + 4 * _AROUND):
            if found.start() <= at < found.end():
                return found.start()
        at = question.find(heading, at + 1)
    return None


def is_distinctive(tokens: list[str]) -> bool:
    """Whether a stem says enough to know a question by: eight tokens, four with a number, three with two.

    "Which of the following is true?" does not: its choices make the question.
    """
    count = sum(token[0].isdigit() for token in tokens)
    return len(tokens) >= 8 or (
        len(tokens) >= MIN_DISTINCTIVE_TOKENS and count > 0 and len(tokens) + count >= 5
    )


def contains_question(wanted: list[str], text: str) -> bool:
    """Whether the tokens `wanted` stand in a row in `text`, and no longer formula or sentence is around them.

    What follows is nothing, the end of a sentence or line, or a label such as `A:`. Between a number before
    them and a number that they begin with is the end of a sentence or line. So "What is 60% of 30?" does not
    stand in "What is 60% of 30% of 1400?", nor "2 + 3 + 4 * 5" in "Find 1 + 2 + 3 + 4 * 5."
    """
    plain = folded(text)
    if not all(token in plain for token in wanted):  # much faster than to look at every token
        return False
    given, between, size = words(text), gaps(text), len(wanted)
    return any(
        given[at : at + size] == wanted and _begins(given, between, at) and _ends(given, between, at + size)
        for at in range(len(given) - size + 1)
    )


def _begins(given: list[str], between: list[str], at: int) -> bool:
    if at == 0 or _is_word(given[at]) or _BEGINS.search(between[at]) is not None:
        return True
    return _is_word(given[at - 1]) and not between[at - 1].endswith("\\")


def _ends(given: list[str], between: list[str], stop: int) -> bool:
    if stop == len(given) or _ENDS.search(between[stop] + given[stop]) is not None:
        return True
    return given[stop].isalpha() and between[stop + 1].startswith(":")


def _is_word(token: str) -> bool:
    """Whether a token is no number and no letter of a formula."""
    return token.isalpha() and (len(token) > 1 or not token.isascii())


def numbers(tokens: list[str]) -> Counter[str]:
    """How often each number stands among tokens, without leading zeros; words up to twenty count as numbers.

    Digits inside a token count too: "3hours" holds a 3.
    """
    text = " ".join(_NUMBER_WORDS.get(token, token) for token in tokens)
    return Counter(digits.lstrip("0") or "0" for digits in _DIGITS.findall(text))


def shingles(tokens: list[str]) -> set[tuple[str, ...]]:
    """Runs of three tokens; one shorter run where there are fewer tokens."""
    return {tuple(tokens[i : i + SHINGLE]) for i in range(max(1, len(tokens) - SHINGLE + 1))}


def shared(wanted: list[str], given: list[str]) -> float:
    """Share of the runs of three tokens of `wanted` that `given` has too, in [0, 1]."""
    own = shingles(wanted)
    return len(own & shingles(given)) / len(own)


def jaccard(left: list[str], right: list[str]) -> float:
    """Runs of three tokens in both over those in either, in [0, 1]."""
    a, b = shingles(left), shingles(right)
    return len(a & b) / len(a | b)
