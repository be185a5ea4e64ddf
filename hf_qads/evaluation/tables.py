"""Accuracy with its interval, and the table that shows it beside the paper's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hf_qads.evaluation.benchmarks import BENCHMARKS, PAPER
from hf_qads.runtime import tables
from hf_qads.statistics.intervals import wilson


@dataclass(frozen=True)
class Score:
    """Accuracy on one test set, in [0, 1], with its 95 % interval.

    Attributes:
        benchmark: which.
        right: questions answered rightly.
        n: questions asked.
        low: of the interval.
        high: of the interval.
        unfinished: outputs that were cut by the length limit or had no room; they count as they are.
    """

    benchmark: str
    right: int
    n: int
    low: float
    high: float
    unfinished: int = 0

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.right / self.n


def score(benchmark: str, right: Sequence[bool], *, unfinished: int = 0) -> Score:
    """Accuracy over verdicts, with its Wilson interval."""
    low, high = wilson(sum(right), len(right))
    return Score(benchmark, sum(right), len(right), low, high, unfinished)


def table(scores: Mapping[str, Sequence[Score]]) -> str:
    """A Markdown table: a column per model, the paper's numbers beside it.

    Args:
        scores: model -> its scores. Where all nine test sets are there, their plain mean is added, as in the
            paper.
    """
    names = [
        name for name in BENCHMARKS if any(one.benchmark == name for of in scores.values() for one in of)
    ]
    names += sorted({one.benchmark for of in scores.values() for one in of} - set(names))
    paper = (
        {label: row for label, row in PAPER.items() if "K-center" not in label}
        if set(names) & set(BENCHMARKS)
        else {}
    )
    head = ["test set", "n", *scores, *(f"paper: {label}" for label in paper)]
    lines = []
    for name in names:
        by_model = {model: {one.benchmark: one for one in of}.get(name) for model, of in scores.items()}
        n = next((str(one.n) for one in by_model.values() if one), "")
        title = BENCHMARKS[name].title if name in BENCHMARKS else name
        lines.append(
            [
                title,
                n,
                *(_cell(one) for one in by_model.values()),
                *(_known(row, name) for row in paper.values()),
            ]
        )
    if set(names) >= set(BENCHMARKS):
        means = [
            sum(one.accuracy for one in of if one.benchmark in BENCHMARKS) / len(BENCHMARKS)
            for of in scores.values()
        ]
        lines.append(
            [
                "mean",
                "",
                *(f"{100 * mean:.1f}" for mean in means),
                *(_known(row, "all") for row in paper.values()),
            ]
        )
    return tables.table(head, lines)


def _cell(one: Score | None) -> str:
    return "" if one is None else f"{100 * one.accuracy:.1f} [{100 * one.low:.1f}, {100 * one.high:.1f}]"


def _known(row: Mapping[str, float], name: str) -> str:
    return f"{row[name]:.1f}" if name in row else ""
