"""Validity of a score: does it predict what training on a row does? Groups by score, at equal tokens."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.config.experiments import UNTRAINED, Experiment, Validity
from hf_qads.errors import ConfigError, SelectionError
from hf_qads.experiments.budgets import check_equal, up_to
from hf_qads.experiments.cells import CELLS, Cell, results
from hf_qads.experiments.results import mean_of, plain, values_of
from hf_qads.experiments.workbench import Rows, Workbench
from hf_qads.pipeline import run as pipeline
from hf_qads.runtime import files, tables
from hf_qads.selection.needs import Needs
from hf_qads.selection.registry import needs_of, strategies
from hf_qads.statistics.comparison import Comparison, compare_arms, holm
from hf_qads.statistics.correlation import correlations

MEASURE = "log_probability"


class ScoreValidity:
    """Groups of rows by each score, in a folder: the cells and the work of one."""

    def __init__(self, experiment: Experiment, out: Path, *, say: Callable[[str], None] = print) -> None:
        """Open the run and part its rows by every score.

        Raises:
            ConfigError: the file has no section `validity`, or a group has fewer tokens than are trained on.
            SelectionError: the run has no such score.
        """
        if experiment.validity is None:
            raise ConfigError(f"{experiment.name} has no section `validity`. Add one.")
        self.setting: Validity = experiment.validity
        self.name, self.out, self.say = experiment.name, out, say
        reads = {
            name: needs_of(name) if name in strategies() else Needs(columns=(name,))
            for name in self.setting.scores
        }
        self.bench = Workbench(self.setting, out, reads=reads, say=say)
        with pipeline.reading(self.bench.run):
            self.groups = {name: self._parted(name) for name in self.setting.scores}
        parts = {
            f"{name}, group {place}": rows
            for name, groups in self.groups.items()
            for place, (rows, _) in enumerate(groups, 1)
        }
        check_equal(self.setting.tokens, parts, self.bench.candidates.lengths)
        key = self.setting.model_dump(include={"groups", "within", "tokens"})
        self.cells = [self.bench.cell(UNTRAINED, "", 0)]
        for seed in range(self.setting.seeds):
            for name, groups in self.groups.items():
                self.cells += [
                    self.bench.cell(name, f"group{place + 1}", seed, key) for place in range(len(groups))
                ]

    def do(self) -> dict[str, str]:
        """Do what is left of the cells; name of a cell that failed -> why."""
        return self.bench.do(self.cells, self.work)

    def work(self, cell: Cell, folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
        """Train on rows drawn from one group, up to the budget of tokens, and evaluate."""
        if cell.arm == UNTRAINED:
            return self.bench.measure_base(folder)
        rows, scores = self.groups[cell.arm][int(cell.budget.removeprefix("group")) - 1]
        drawn = np.random.default_rng([cell.seed, 17]).permutation(rows)
        kept = up_to(self.setting.tokens, drawn, self.bench.candidates.lengths)
        result, took = self.bench.train_and_measure(lambda: kept, folder, seed=cell.seed, title=cell.name)
        known = dict(zip(rows.tolist(), scores.tolist(), strict=True))
        return {**result, "score": round(float(np.mean([known[row] for row in kept.tolist()])), 6)}, took

    def _parted(self, name: str) -> list[tuple[Rows, NDArray[np.float64]]]:
        """Groups of rows by rising score, with their scores; within sources, each group has all of them."""
        candidates, count = self.bench.candidates, self.setting.groups
        rows = candidates.rows
        scores = self._scores(name)[rows]
        rows, scores = rows[np.isfinite(scores)], scores[np.isfinite(scores)]
        place = np.zeros(len(rows), dtype=np.int64)
        within = candidates.sources[rows] if self.setting.within == "source" else np.zeros(len(rows))
        for part in set(within.tolist()):
            mine = np.flatnonzero(within == part)
            order = mine[np.argsort(scores[mine], kind="stable")]
            place[order] = np.arange(len(order)) * count // max(1, len(order))
        return [(rows[place == group], scores[place == group]) for group in range(count)]

    def _scores(self, name: str) -> NDArray[np.float64]:
        """(n,) a column of the run, or minus the place in a strategy's order, NaN where there is none."""
        candidates = self.bench.candidates
        columns = candidates.scores()
        if name in columns:
            return np.asarray(columns[name], dtype=np.float64)
        if name not in strategies():
            raise SelectionError(
                f"{name!r} is neither a column of the run ({', '.join(sorted(columns))}) nor a strategy."
            )
        order = candidates.order(name, len(candidates.rows), seed=0)
        found = np.full(len(candidates.sources), np.nan)
        found[order] = -np.arange(len(order), dtype=np.float64)
        return found


@dataclass(frozen=True)
class ScoreLine:
    """What one score predicts.

    Attributes:
        score: its name.
        gains: mean gain over the untrained model of each group, by rising score; NaN where that was not
            measured.
        scores: mean score of each group.
        tokens: mean tokens of an epoch of each group.
        spearman: of group and gain, over all cells; None where it says nothing.
        low: of its 95 % interval.
        high: of it.
        cells: how many.
        top: the gain of the highest group minus the lowest, corrected for all scores.
    """

    score: str
    gains: tuple[float, ...]
    scores: tuple[float, ...]
    tokens: tuple[float, ...]
    spearman: float | None
    low: float | None
    high: float | None
    cells: int
    top: Comparison


def score_lines(results: Sequence[Mapping[str, Any]], *, measure: str = MEASURE) -> list[ScoreLine]:
    """What each score predicts, from the finished cells of its groups.

    Args:
        results: of finished cells, that of the untrained model among them where it is done.
        measure: `log_probability` or `accuracy`.

    Returns:
        a line for each score of which two groups or more are done, the widest difference first.
    """
    base = next((one for one in results if one["cell"]["arm"] == UNTRAINED), None)
    by_score: dict[str, dict[int, list[Mapping[str, Any]]]] = {}
    for one in results:
        if one["cell"]["arm"] != UNTRAINED:
            group = int(one["cell"]["budget"].removeprefix("group"))
            by_score.setdefault(one["cell"]["arm"], {}).setdefault(group, []).append(one)
    untrained = math.nan if base is None else mean_of(values_of([base], measure))
    tops = {
        name: compare_arms(values_of(groups[max(groups)], measure), values_of(groups[min(groups)], measure))
        for name, groups in by_score.items()
        if len(groups) > 1
    }
    tops = holm(tops)
    found = []
    for name, top in tops.items():
        groups = dict(sorted(by_score[name].items()))
        places = np.array([float(group) for group, cells in groups.items() for _ in cells])
        means = np.array([mean_of(values_of([one], measure)) for cells in groups.values() for one in cells])
        related = correlations(places, means, names=("groups", "gains"))
        found.append(
            ScoreLine(
                score=name,
                gains=tuple(float(means[places == group].mean()) - untrained for group in groups),
                scores=tuple(float(np.mean([one["score"] for one in cells])) for cells in groups.values()),
                tokens=tuple(float(np.mean([one["tokens"] for one in cells])) for cells in groups.values()),
                spearman=related.spearman,
                low=related.spearman_low,
                high=related.spearman_high,
                cells=len(means),
                top=top,
            )
        )
    return sorted(found, key=lambda line: -line.top.mean)


def markdown(shown: Sequence[ScoreLine]) -> str:
    """A table of scores: gain and tokens of the groups, correlation, and highest against lowest group."""
    count = max((len(line.gains) for line in shown), default=0)
    groups = [f"group {place + 1}" for place in range(count)]
    head = ["score", *groups, "tokens", "Spearman", "cells", "highest - lowest", "verdict"]
    rows = []
    words = {"better": "predicts", "worse": "predicts the opposite", "inconclusive": "inconclusive"}
    for line in shown:
        rho = "" if line.spearman is None else f"{line.spearman:.2f}"
        if line.low is not None and line.high is not None:
            rho += f" [{line.low:.2f}, {line.high:.2f}]"
        one = line.top
        reach = f"{one.mean:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
        gains = ["" if math.isnan(gain) else f"{gain:+.4f}" for gain in line.gains]
        gains += [""] * (count - len(gains))
        tokens = f"{min(line.tokens):,.0f} to {max(line.tokens):,.0f}"
        rows.append([line.score, *gains, tokens, rho, str(line.cells), reach, words[one.verdict]])
    return tables.table(head, rows, words=(0, -1))


def write(study: ScoreValidity, failed: Mapping[str, str]) -> str:
    """Write `validity.md` and `validity.json` of what is finished; returns the Markdown."""
    done = results(study.cells, study.out / CELLS)
    shown = score_lines(done)
    notes = [f"{len(done)} of {len(study.cells)} cells are done."]
    if any(math.isnan(gain) for line in shown for gain in line.gains):
        notes.append("The untrained model is not measured yet, so gains over it are not known.")
    notes += [f"The cell {name} failed: {reason}" for name, reason in failed.items()]
    where = "over the whole pool" if study.setting.within == "pool" else "within each source"
    text = "\n".join(
        [
            f"# {study.name}\n",
            "Gain in held-out log-probability (nats per token, over the untrained model) of groups of rows "
            f"by rising score {where}, trained on {study.setting.tokens:,} tokens each.\n",
            markdown(shown),
            *(f"- {note}" for note in notes),
            "",
        ]
    )
    scores = [
        {
            "score": line.score,
            "gains": line.gains,
            "scores": line.scores,
            "tokens": line.tokens,
            "spearman": line.spearman,
            "spearman_interval": [line.low, line.high],
            "highest_minus_lowest": line.top.mean,
            "interval": [line.top.low, line.top.high],
            "verdict": line.top.verdict,
        }
        for line in shown
    ]
    record = plain({"name": study.name, "scores": scores, "notes": notes})
    files.write_json(study.out / "validity.json", record)
    files.write_text(study.out / "validity.md", text)
    return text
