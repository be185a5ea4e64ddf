"""The questions of a test set, checked before a model is asked."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hf_qads.answers.checking import gold_answer
from hf_qads.answers.choices import options_of
from hf_qads.errors import EvaluationError, SourceError
from hf_qads.repositories import loading

_CHOICES = re.compile(r"Answer Choices:\s*(.+)$", re.DOTALL)


@dataclass(frozen=True)
class Item:
    """One question of a test set.

    Attributes:
        id: stable across runs: a hash of question and gold answer, and a number where both repeat.
        question: with its choices, where it has some.
        gold: the gold answer.
        solution: a worked solution, or None.
        options: letter -> text of a multiple-choice question.
    """

    id: str
    question: str
    gold: str
    solution: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


def read_rows(path: Path | str) -> list[dict[str, Any]]:
    """The rows of a file or folder of any known format, as they are written; see `loading.read_rows`.

    Raises:
        EvaluationError: it is missing, damaged or of another format, or a row of it cannot be read.
    """
    try:
        return loading.read_rows(path)
    except SourceError as error:
        raise EvaluationError(str(error)) from error


def items_of(rows: Iterable[Mapping[str, Any]], benchmark: str, *, limit: int | None = None) -> list[Item]:
    """Check and number the rows of a test set.

    Args:
        rows: with `question` and `final_answer` (else `answer`), and `options` where the question does not
            show them after `Answer Choices:`.
        benchmark: for the messages.
        limit: take the first so many.

    Raises:
        EvaluationError: there are no rows, or rows without a question or gold answer; all are counted.
    """
    found: list[Item] = []
    seen: dict[str, int] = {}
    bad: list[tuple[int, str]] = []
    for place, row in enumerate(rows):
        if limit is not None and place >= limit:
            break
        question, answer = row.get("question"), row.get("answer")
        gold: object = row.get("final_answer")
        gold = answer if gold is None else gold
        try:
            text = gold_answer(gold, benchmark)
        except EvaluationError:
            bad.append((place, "gold answer"))
            continue
        if not isinstance(question, str) or not question.strip():
            bad.append((place, "question"))
            continue
        said = f"{question}\0{text}".encode("utf-8", "replace")
        digest = hashlib.blake2b(said, digest_size=8).hexdigest()
        repeats = seen[digest] = seen.get(digest, 0) + 1
        options = row.get("options") or ((shown := _CHOICES.search(question)) and shown[1])
        found.append(
            Item(
                id=digest if repeats == 1 else f"{digest}-{repeats}",
                question=question,
                gold=text,
                solution=str(answer) if answer is not None else None,
                options=options_of(options),
            )
        )
    if bad:
        place, what = bad[0]
        raise EvaluationError(
            f"{len(bad)} rows of {benchmark} lack a question or gold answer (the first is row {place}: no "
            f"{what}). Fill in `question` and `final_answer`, or take these rows out."
        )
    if not found:
        raise EvaluationError(f"{benchmark} has no rows. Name another file or split.")
    return found
