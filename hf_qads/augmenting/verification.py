"""Verification of reasoning paths: the known answer, a majority vote, and every equation recomputed."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from hf_qads.answers import check
from hf_qads.augmenting.equations import wrong_equations
from hf_qads.augmenting.questions import CUT_OFF
from hf_qads.generation.engine import LENGTH, Output

NO_ANSWER: Final = "no final answer"
WRONG: Final = "another answer than the known one"
NO_MAJORITY: Final = "no majority for any answer"
OUTVOTED: Final = "another answer than the majority"
WRONG_EQUATION: Final = "right answer, wrong equation"


class Path(NamedTuple):
    """One sampled answer, and what became of it.

    Attributes:
        text: the answer.
        answer: what it concludes with, or None.
        verified: it concludes with the answer that was known.
        votes: share of the question's samples that conclude with the same.
        reason: why it is not kept, or None.
    """

    text: str
    answer: str | None
    verified: bool
    votes: float
    reason: str | None


def verify(
    outputs: Sequence[Output], *, gold: str | None, benchmark: str, least_votes: int = 2
) -> list[Path]:
    """Judge the sampled answers of one question.

    Where the final answer is known, a path is right that concludes with it. Else the answer that most samples
    conclude with counts as right, where there is one such answer and at least `least_votes` samples reach it;
    a tie is no majority. A path with the right answer and an equation that does not hold is not kept.

    Args:
        outputs: all samples of the question.
        gold: the known final answer, or None.
        benchmark: whose rules tell whether two answers are equal, as in `hf_qads.answers.check`.
        least_votes: samples that a majority needs.
    """
    texts = [output.text.strip() for output in outputs]
    broken = [_broken(output) for output in outputs]
    answers = [
        None if reason else check(text, gold or "0", benchmark=benchmark).answer
        for text, reason in zip(texts, broken, strict=True)
    ]
    groups = _groups(texts, answers, benchmark)
    counts = {group: groups.count(group) for group in groups if group is not None}
    most = max(counts.values(), default=0)
    leaders = [group for group, count in counts.items() if count == most and count >= least_votes]
    paths: list[Path] = []
    for text, reason, answer, group in zip(texts, broken, answers, groups, strict=True):
        right = False
        if reason is None:
            if group is None:
                reason = NO_ANSWER
            elif gold is not None:
                right = check(text, gold, benchmark=benchmark).right
                reason = None if right else WRONG
            elif len(leaders) != 1:
                reason = NO_MAJORITY
            elif group != leaders[0]:
                reason = OUTVOTED
        if reason is None and wrong_equations(text):
            reason = WRONG_EQUATION
        votes = counts[group] / len(outputs) if group is not None else 0.0
        paths.append(Path(text, answer, right, votes, reason))
    return paths


def _broken(output: Output) -> str | None:
    if output.reason is not None:
        return CUT_OFF if output.reason == LENGTH else output.reason
    return None if output.text.strip() else NO_ANSWER


def _groups(texts: Sequence[str], answers: Sequence[str | None], benchmark: str) -> list[int | None]:
    """For each sample the first one that concludes with an equal answer; None without an answer."""
    groups: list[int | None] = []
    for place, (text, answer) in enumerate(zip(texts, answers, strict=True)):
        group = None if answer is None else place
        for first in sorted({known for known in groups if known is not None} if answer else ()):
            if answers[first] == answer or check(text, answers[first], benchmark=benchmark).right:
                group = first
                break
        groups.append(group)
    return groups
