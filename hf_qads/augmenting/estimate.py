"""What an augmentation will ask for, before it starts: requests, tokens and rows, at most."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hf_qads.augmenting.augment import Paths
from hf_qads.augmenting.operators import ANSWER, Operator, find_operator
from hf_qads.generation.usage import CHARACTERS_PER_TOKEN, Usage

ANSWER_SHARE = 0.5  # of the most tokens that an answer may have


class Expected(NamedTuple):
    """What is expected of one source, as if everything that is generated were used.

    Attributes:
        usage: requests and tokens.
        rows: generated rows, at most.
    """

    usage: Usage
    rows: int


def expect(
    questions: int,
    question_tokens: float,
    *,
    operators: Sequence[str],
    rounds: int = 1,
    paths: Paths,
    max_new_tokens: int,
    examples: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> Expected:
    """Requests, tokens and rows of an augmentation.

    Args:
        questions: own questions.
        question_tokens: mean tokens of a question.
        operators: names, or paths of files.
        rounds: of query evolution.
        paths: how answers are sampled and kept.
        max_new_tokens: most tokens of a question or an answer; half of them are expected of an answer, and a
            new question is expected to be as long as its parent and half again.
        examples: few-shot examples by operator.
    """
    shots = examples or {}
    usage, latest, evolved = Usage(), questions, 0
    for _ in range(rounds):
        for name in operators:
            usage += _usage(find_operator(name), shots, latest, question_tokens, 1.5 * question_tokens)
        latest *= len(operators)
        evolved += latest
    own = questions if paths.own is None else min(paths.own, questions)
    new = evolved if paths.new is None else min(paths.new, evolved)
    answers = (own + new) * paths.samples
    usage += _usage(find_operator(ANSWER), shots, answers, question_tokens, ANSWER_SHARE * max_new_tokens)
    return Expected(usage, (own + new) * min(paths.most, paths.samples))


def _usage(
    operator: Operator,
    shots: Mapping[str, Sequence[tuple[str, str]]],
    prompts: int,
    question_tokens: float,
    answer_tokens: float,
) -> Usage:
    instruction = len(operator.prompt("", shots.get(operator.name, ()))) / CHARACTERS_PER_TOKEN
    return Usage(prompts, round(prompts * (instruction + question_tokens)), round(prompts * answer_tokens))
