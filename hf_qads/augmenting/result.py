"""What an augmentation made: new rows, paths kept aside, and a count of all that was left out and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

PATHS: Final = "paths"  # the operator of a further answer to an own question


class NewRow(TypedDict):
    """A generated row.

    `parent_id` is the id of the own row that its question goes back to, `operator` what was done to it, in
    order, and `round` how often.
    """

    question: str
    answer: str
    final_answer: str | None
    parent_id: str
    operator: str
    round: int
    verified: bool
    votes: float
    generator: str


class Aside(TypedDict):
    """A path that was not right, kept aside."""

    question: str
    answer: str
    parent_id: str
    operator: str
    reason: str


@dataclass
class Tally:
    """Counts of one step.

    Attributes:
        asked: prompts that were sent.
        kept: what came of them and is used.
        left_out: reason -> count; with `kept` it adds up to `asked`.
        verified: kept answers that equal a known one.
        failed: prompts to which a server gave no answer; they are left out.
    """

    asked: int = 0
    kept: int = 0
    verified: int = 0
    failed: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count what is not used."""
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count

    def as_dict(self) -> dict[str, Any]:
        """For a ledger."""
        return {
            "asked": self.asked,
            "kept": self.kept,
            "verified": self.verified,
            "failed": self.failed,
            "left_out": dict(sorted(self.left_out.items())),
        }


@dataclass(frozen=True)
class Augmented:
    """New rows, and the account of how they came about.

    Attributes:
        rows: the generated rows.
        aside: paths that were not right, where they were asked for.
        questions: operator -> tally of new questions; later rounds are named `numbers, round 2`.
        paths: `own questions` and `new questions` -> tally of sampled answers.
    """

    rows: list[NewRow]
    aside: list[Aside]
    questions: Mapping[str, Tally]
    paths: Mapping[str, Tally]

    @property
    def asked(self) -> int:
        """Prompts of all steps."""
        return sum(tally.asked for tally in (*self.questions.values(), *self.paths.values()))

    def as_dict(self) -> dict[str, Any]:
        """The counts, for a ledger."""
        return {
            "rows": len(self.rows),
            "questions": {name: tally.as_dict() for name, tally in self.questions.items()},
            "paths": {name: tally.as_dict() for name, tally in self.paths.items()},
        }
