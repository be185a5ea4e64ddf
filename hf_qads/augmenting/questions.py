"""New questions out of a model's text, and the reasons why one is not usable."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from hf_qads.augmenting.operators import Operator
from hf_qads.schema import normalise_question

NO_QUESTION: Final = "no question"
AGAIN: Final = "the parent's question again"
TWO: Final = "two questions"
GIVEN_AWAY: Final = "an answer given away"
OTHER_LANGUAGE: Final = "another language"
CUT_OFF: Final = "cut off"
NOT_DONE: Final = "not what the operator asks for"
REPEATED: Final = "a question that is there already"

FREQUENT: Final = 0.05  # of the parents' questions hold a word, so that it tells their language
LEAST_PARENTS: Final = 20
LEAST_SHARE: Final = 0.2  # of a question's words are among the frequent ones
_LABEL = re.compile(
    r"\s*(?:#+\s*)?\**\s*(?:here\b[^\n?]{0,80}:|sure\b[^\n?]{0,80}:|(?:the\s+)?(?:new|harder|rewritten|modified|revised)?"
    r"\s*(?:maths?\s+)?(?:problem|question)(?:\s*\d+)?\s*:)\s*\**\s*",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"####|\\boxed|\bans(?:wer)?\s*(?:is\b|:|=)|\b(?:solution|explanation)\s*:|\blet'?s solve\b"
    r"|\d[\d.,]*\s*[-+*/\u00d7\u00f7]\s*\$?\d[\d.,]*\s*=\s*\$?\d",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"[?\uff1f\u061f]|\b(?:how|what|which|who|find|calculate|compute|determine|solve|give|express|evaluate|simplify|prove|show)\b",
    re.IGNORECASE,
)
_MARK = re.compile(r"[?\uff1f\u061f]")


def read_question(text: str) -> str:
    """The question in what a model wrote: without a label, quotes and marks of emphasis around it."""
    found = text.strip()
    while label := _LABEL.match(found):
        found = found[label.end() :]
    found = found.strip().strip("*").strip()
    if len(found) > 1 and found[0] in "\"'“" and found[-1] in "\"'”":
        found = found[1:-1].strip()
    return found


def unusable(question: str, parent: str, operator: Operator, language: "Language") -> str | None:
    """Why a new question cannot be used, or None.

    Args:
        question: from `read_question`.
        parent: the question that it was made of.
        operator: what made it.
        language: of the parents.
    """
    if sum(letter.isalpha() for letter in question) < 10 or len(question.split()) < 3:
        return NO_QUESTION
    if normalise_question(question) == normalise_question(parent):
        return AGAIN
    if not _ASKS.search(question) and _ASKS.search(parent):
        return NO_QUESTION
    if not language.holds(question):
        return OTHER_LANGUAGE
    if _AWAY.search(question) and not _AWAY.search(parent):
        return GIVEN_AWAY
    if len(_MARK.findall(question)) > max(1, len(_MARK.findall(parent))) or _several(question):
        return TWO
    return None if operator.done(question, parent) else NOT_DONE


def _several(question: str) -> bool:
    """Whether it is a list of problems."""
    labels = re.findall(
        r"^\s*\**(?:(?:new )?(?:problem|question)\s*\d*\s*:|\d+[.)]\s)", question, re.I | re.M
    )
    return len(labels) > 1 or bool(
        re.search(r"\n\s*\**(?:new )?(?:problem|question)\s*\d*\s*:", question, re.I)
    )


class Language:
    """The language of some questions, known by their script and by the words that many of them share.

    With fewer than 20 questions, and in scripts that do not part words, only the script is compared.

    Args:
        questions: of the parents.
    """

    def __init__(self, questions: Sequence[str]) -> None:
        self.scripts = {script for text in questions if (script := _script(text))}
        counts = Counter(word for text in questions for word in set(_words(text)))
        least = max(2, FREQUENT * len(questions))
        self.frequent = {word for word, count in counts.items() if count >= least}
        self.parts_words = len(questions) >= LEAST_PARENTS and len(self.frequent) >= 5

    def holds(self, question: str) -> bool:
        """Whether a question is in this language."""
        if self.scripts and _script(question) not in self.scripts:
            return False
        words = _words(question)
        if not self.parts_words or len(words) < 4:
            return True
        return sum(word in self.frequent for word in words) >= LEAST_SHARE * len(words)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.casefold())


def _script(text: str) -> str | None:
    """The script that most letters of a text are of, such as LATIN or CJK."""
    letters: Iterable[str] = (letter for letter in text if letter.isalpha())
    counts = Counter(unicodedata.name(letter, "?").split()[0] for letter in letters)
    return counts.most_common(1)[0][0] if counts else None
