"""Augment: evolve questions, sample reasoning paths, keep what is verified, count the rest."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as Folder
from random import Random
from typing import Any, Final, NamedTuple, TypeVar

from hf_qads.augmenting.keeping import RULES, Likelihood, choose
from hf_qads.augmenting.operators import ANSWER, Operator, find_operator
from hf_qads.augmenting.questions import CUT_OFF, REPEATED, Language, read_question, unusable
from hf_qads.augmenting.result import PATHS, Aside, Augmented, NewRow, Tally
from hf_qads.augmenting.verification import Path, verify
from hf_qads.errors import ConfigError
from hf_qads.generation.engine import LENGTH, Engine, Output, Sampling
from hf_qads.generation.shards import ask, outputs
from hf_qads.runtime.executors import Shard
from hf_qads.schema import ANSWER as ANSWER_COLUMN
from hf_qads.schema import FINAL_ANSWER, QUESTION, ROW_ID, normalise_question

T = TypeVar("T")
WARM: Final = Sampling(temperature=0.7)
FIVE: Final = ("numbers", "fractions", "concepts", "condition", "complexity")
OWN, NEW = "own questions", "new questions"
NOT_CHOSEN: Final = "right, but more than are kept"
REPEATS: Final = "the same equations as another path"


@dataclass(frozen=True)
class Paths:
    """How answers are sampled and kept.

    Attributes:
        samples: answers of each question.
        most: of them to keep, at most.
        keep: `random`, `different` or `likely`.
        own: own questions that are given further answers; None means all, 0 none.
        new: new questions that are answered; None means all.
        least_votes: samples that must agree where the answer is not known.
    """

    samples: int = 4
    most: int = 2
    keep: str = "random"
    own: int | None = None
    new: int | None = None
    least_votes: int = 2


PATHS_OF_EACH: Final = Paths()


class _Question(NamedTuple):
    text: str
    parent: Mapping[str, Any]
    operators: tuple[str, ...] = ()

    @property
    def operator(self) -> str:
        return ", ".join(self.operators) or PATHS

    @property
    def gold(self) -> str | None:
        """The known final answer; none of a new question."""
        return None if self.operators else self.parent.get(FINAL_ANSWER) or None


def augment(
    rows: Sequence[Mapping[str, Any]],
    engine: Engine,
    *,
    folder: os.PathLike[str] | str,
    operators: Sequence[str] = FIVE,
    rounds: int = 1,
    paths: Paths = PATHS_OF_EACH,
    sampling: Sampling = WARM,
    max_new_tokens: int = 256,
    benchmark: str = "gsm8k",
    examples: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    likelihood: Likelihood | None = None,
    wrong_paths: bool = False,
    seed: int = 0,
    label: str = "rows",
) -> Augmented:
    """New rows made of `rows`: further answers to their questions, and new questions with answers.

    In each round every operator is applied to every question that the round before gave; the first one
    starts from the rows' own questions. What is generated is kept in `folder` as shards, which the executor
    in force hands out, so a second call with the same arguments, also after a kill, asks nothing again.

    Args:
        rows: with `row_id`, `question`, `answer` and, where it is known, `final_answer`.
        engine: what writes.
        folder: where shards of generated text lie.
        operators: names, or paths of files of one's own.
        rounds: of query evolution.
        paths: how answers are sampled and kept.
        sampling: how tokens are chosen.
        max_new_tokens: most tokens of a question or an answer.
        benchmark: whose rules tell whether two answers are equal, as in `hf_qads.answers.check`.
        examples: few-shot examples by operator; those under `answer` stand before questions to be answered.
        likelihood: scores answers, for `keep: likely`.
        wrong_paths: keep paths that are not right aside, with the reason.
        seed: of every draw beside the engine's.
        label: what the rows are called in the titles of progress bars.

    Raises:
        ConfigError: an operator, a rule or a count is wrong.
        PartDone: this process is a worker that shares the shards, and others have not done theirs; what was
            handed out comes in `rounds` + 1 passes: new questions of each round, then answers to them.

    Source: arXiv 2310.05506 (AugGSM8K), for the operators and the several answers per question.
    """
    if paths.keep not in RULES:
        raise ConfigError(f"keep={paths.keep!r} is none of {', '.join(RULES)}. Use one of these.")
    if paths.keep == "likely" and likelihood is None:
        raise ConfigError("keep='likely' needs `likelihood`, which scores answers. Give it, or use random.")
    shots = dict(examples or {})

    def handed(operator: Operator, questions: Sequence[_Question], samples: int, what: str) -> list[Shard]:
        prompts = [operator.prompt(one.text, shots.get(operator.name, ())) for one in questions]
        return ask(
            engine,
            [prompt for prompt in prompts for _ in range(samples)],
            folder=Folder(folder),
            max_new_tokens=max_new_tokens,
            sampling=sampling,
            draws=list(range(samples)) * len(prompts),
            what=f"{what} of {label}",
        )

    own = [_Question(str(row[QUESTION]), row) for row in rows]
    language = Language([one.text for one in own])
    tallies: dict[str, Tally] = {}
    seen = {normalise_question(one.text) for one in own}
    answerer = find_operator(ANSWER)
    of_own = _some(own, paths.own, f"{seed} own")
    own_answers = handed(answerer, of_own, paths.samples, f"answer {OWN}")
    latest, evolved = own, list[_Question]()
    for number in range(1, rounds + 1):
        again = "" if number == 1 else f", round {number}"
        titles = {f"{operator.name}{again}": operator for operator in map(find_operator, operators)}
        asked = [handed(operator, latest, 1, f"evolve ({title})") for title, operator in titles.items()]
        following: list[_Question] = []
        for (title, operator), written in zip(titles.items(), outputs(*asked), strict=True):
            tally = tallies.setdefault(title, Tally())
            following += _usable(operator, latest, written, language, seen, tally)
        latest = following
        evolved += following
    of_new = _some(evolved, paths.new, f"{seed} new")
    new_answers = handed(answerer, of_new, paths.samples, f"answer {NEW}")
    made: list[NewRow] = []
    aside: list[Aside] = []
    answered: dict[str, Tally] = {}
    generator = f"{engine.name} ({sampling}, at most {max_new_tokens} tokens)"
    for title, questions, written in zip(
        (OWN, NEW), (of_own, of_new), outputs(own_answers, new_answers), strict=True
    ):
        failed = sum(output.failed for output in written)
        tally = answered[title] = Tally(asked=len(written), failed=failed)
        judged = [
            verify(
                written[place * paths.samples : (place + 1) * paths.samples],
                gold=question.gold,
                benchmark=benchmark,
                least_votes=min(paths.least_votes, paths.samples),
            )
            for place, question in enumerate(questions)
        ]
        right = [[path for path in found if path.reason is None] for found in judged]
        scores = _scores(questions, right, likelihood) if paths.keep == "likely" else [None] * len(questions)
        for question, found, good, score in zip(questions, judged, right, scores, strict=True):
            kept = _kept(question, good, score, paths, tally, seed)
            made += [_row(question, path, generator) for path in kept]
            wrong = [path for path in found if path.reason is not None]
            for path in wrong:
                tally.leave_out(str(path.reason))
            aside += [_aside(question, path) for path in wrong] if wrong_paths else []
    return Augmented(made, aside, tallies, answered)


def _usable(
    operator: Operator,
    parents: Sequence[_Question],
    outputs: Sequence[Output],
    language: Language,
    seen: set[str],
    tally: Tally,
) -> list[_Question]:
    """The new questions that can be used; `seen` holds the normalised ones of all before."""
    found: list[_Question] = []
    for parent, output in zip(parents, outputs, strict=True):
        question = read_question(output.text)
        reason = output.reason if output.reason != LENGTH else CUT_OFF
        reason = reason or unusable(question, parent.text, operator, language)
        if reason is None and normalise_question(question) in seen:
            reason = REPEATED
        tally.asked += 1
        tally.failed += output.failed
        if reason is not None:
            tally.leave_out(reason)
            continue
        tally.kept += 1
        seen.add(normalise_question(question))
        found.append(_Question(question, parent.parent, (*parent.operators, operator.name)))
    return found


def _scores(
    questions: Sequence[_Question], right: Sequence[Sequence[Path]], likelihood: Likelihood | None
) -> list[Sequence[float] | None]:
    """Scores of each question's right answers, all of them asked for together."""
    assert likelihood is not None
    pairs = [(one.text, path.text) for one, found in zip(questions, right, strict=True) for path in found]
    scores = iter(likelihood(pairs))
    return [[next(scores) for _ in found] for found in right]


def _kept(
    question: _Question,
    right: Sequence[Path],
    scores: Sequence[float] | None,
    paths: Paths,
    tally: Tally,
    seed: int,
) -> list[Path]:
    known = [] if question.operators else [str(question.parent.get(ANSWER_COLUMN) or "")]
    chosen = choose(
        [path.text for path in right],
        most=paths.most,
        rule=paths.keep,
        draw=Random(f"{seed} {question.text}"),
        known=known,
        scores=scores,
    )
    kept = [right[place] for place in chosen.places]
    tally.leave_out(REPEATS, chosen.repeats)
    tally.leave_out(NOT_CHOSEN, len(right) - chosen.repeats - len(kept))
    tally.kept += len(kept)
    tally.verified += sum(path.verified for path in kept)
    return kept


def _row(question: _Question, path: Path, generator: str) -> NewRow:
    return {
        "question": question.text,
        "answer": path.text,
        "final_answer": question.gold or path.answer,
        "parent_id": str(question.parent[ROW_ID]),
        "operator": question.operator,
        "round": len(question.operators),
        "verified": path.verified,
        "votes": path.votes,
        "generator": generator,
    }


def _aside(question: _Question, path: Path) -> Aside:
    return {
        "question": question.text,
        "answer": path.text,
        "parent_id": str(question.parent[ROW_ID]),
        "operator": question.operator,
        "reason": str(path.reason),
    }


def _some(items: Sequence[T], count: int | None, seed: str) -> list[T]:
    """All items, or `count` of them drawn with the seed, in their order."""
    if count is None or count >= len(items):
        return list(items)
    return [items[place] for place in sorted(Random(seed).sample(range(len(items)), count))]
