"""What two questions have in common: their stems, their numbers, their runs of tokens."""

import re
from collections import Counter
from typing import Final

from hf_qads.mixing.tokens import words

SHINGLE: Final = 3
# Full-width colons and dots, as Chinese text has them, count as narrow ones.
_CHOICES = re.compile(
    "\\b(?:answer\\s+)?(?:choices|options)\\s*[:\uff1a]|\u9009\u9879\\s*[:\uff1a]"
    "|\n\\s*\\(?A[).\uff0e]\\s.*\n\\s*\\(?B[).\uff0e]\\s",
    re.IGNORECASE,
)
_HINTS: Final = ("choices", "options", "\u9009\u9879", "b)", "b.", "b\uff0e")  # one of these, or no choices
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
    lower = question.lower()
    if not any(hint in lower for hint in _HINTS):
        return question
    found = _CHOICES.search(question)
    return question if found is None or not question[: found.start()].strip() else question[: found.start()]


def is_telling(tokens: list[str]) -> bool:
    """Whether a stem says enough to know a question by: eight tokens, or four of which one is a number.

    "Which of the following is true?" does not: its choices make the question.
    """
    return len(tokens) >= 8 or (len(tokens) >= 4 and any(token[0].isdigit() for token in tokens))


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


def tokens_of(question: str) -> list[str]:
    """The stem's tokens."""
    return words(stem(question))
