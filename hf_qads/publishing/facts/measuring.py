"""Measurements of a run: everything that a report says, computed once."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hf_qads.publishing.facts.comparison import verdicts
from hf_qads.publishing.facts.coverage import Curve, coverage
from hf_qads.publishing.facts.evidence import Coverage, Evidence, Example, ExampleGroup
from hf_qads.publishing.facts.facts import Facts, run_facts
from hf_qads.publishing.facts.projection import Map, project
from hf_qads.publishing.facts.run_columns import HeldOut, SourceData, held_out, read_sources, run_wins
from hf_qads.runfolder import RunFolder
from hf_qads.runtime.files import read_json
from hf_qads.statistics.correlation import Correlations, correlations
from hf_qads.statistics.split_half import SplitHalf, split_half

EXAMPLES = 3


@dataclass(frozen=True)
class StageFacts:
    """Time and memory of one stage."""

    name: str
    seconds: float
    peak_mib: float | None
    rows_in: int | None
    rows_out: int | None


@dataclass(frozen=True)
class Measured:
    """A run in numbers."""

    facts: Facts
    sources: tuple[SourceData, ...]
    held_out: tuple[HeldOut, ...]
    curves: tuple[Curve, ...]
    map: Map | None
    examples: tuple[ExampleGroup, ...]
    halves: SplitHalf | None
    stages: tuple[StageFacts, ...]
    metric: str
    worth: tuple[dict[str, Any], ...] = ()
    comparison: str = ""

    @property
    def scored(self) -> list[SourceData]:
        """Sources with at least one score."""
        return [source for source in self.sources if np.isfinite(source.score).any()]

    @property
    def evidence(self) -> Evidence:
        """What cards show of it."""
        rows = [
            Coverage(
                source=curve.source,
                picked=int(curve.budgets[-1]),
                largest=float(curve.picked[-1]),
                random=float(curve.random[:, -1].mean()),
                rows=curve.rows,
                draws=len(curve.random),
            )
            for curve in self.curves
        ]
        return Evidence(coverage=rows, examples=self.examples, comparison=self.comparison)


def measure(run: RunFolder, *, seed: int = 0) -> Measured:
    """Read a run folder and compute what its report and cards show.

    Args:
        run: a run folder whose pool is read; stages that did not run leave their part empty.
        seed: of every draw (random picks, rows shown, halves of the anchors).

    Cost: texts of one source at a time; vectors are read in blocks. Half a million rows of 256 dimensions
    take about a minute on two cores.
    """
    facts = run_facts(run)
    sources = tuple(read_sources(run, facts.score_column))
    vectors = [_vectors(run, source) for source in sources]
    metric = str((facts.config.get("select") or {}).get("metric", "euclidean"))
    curves = [
        coverage(source.name, values, source.order, metric=metric, seed=seed)
        for source, values in zip(sources, vectors, strict=True)
        if values is not None
    ]
    return Measured(
        facts=facts,
        sources=sources,
        held_out=tuple(held for held in held_out(run) if len(held.real)),
        curves=tuple(curve for curve in curves if curve is not None),
        map=project(vectors, [source.kept for source in sources], seed=seed),
        examples=tuple(_examples(sources, facts.kinds)),
        halves=_halves(run, seed),
        stages=tuple(_stages(run)),
        metric=metric,
        worth=_worth(run),
        comparison=verdicts(run),
    )


def length_correlation(sources: list[SourceData]) -> Correlations:
    """Correlation of scores with the logarithm of the answer's length, over all scored rows of `sources`."""
    score = np.concatenate([s.score for s in sources])
    length = np.concatenate([s.length for s in sources])
    return correlations(np.log1p(length), score, names=("lengths", "scores"))


def _worth(run: RunFolder) -> tuple[dict[str, Any], ...]:
    """What the stage `worth` measured of the selection and its controls; empty where it did not run."""
    path = run.folder("worth") / "worth.json"
    return tuple(read_json(path)) if path.exists() else ()


def _vectors(run: RunFolder, source: SourceData) -> np.ndarray | None:
    values = run.vectors(source.name)
    return values if values is not None and len(values) == len(source.score) else None


def _examples(sources: tuple[SourceData, ...], kinds: list[str]) -> list[ExampleGroup]:
    groups = []
    for kind in kinds:
        for best in (True, False):
            candidates = [s.best if best else s.worst for s in sources if s.kind == kind]
            rows = _varied([row for rows in candidates for row in rows], best=best)
            title = f"{'Best' if best else 'Worst'} {kind} rows"
            groups.append(ExampleGroup(title, kind, best, rows))
    return [group for group in groups if group.rows]


def _varied(rows: list[Example], *, best: bool) -> list[Example]:
    """The most extreme rows, of as many sources as there are before a source comes twice."""
    ordered = sorted(rows, key=lambda row: -row.score if best else row.score)
    seen: dict[str, int] = {}
    turns = []
    for row in ordered:
        seen[row.source] = seen.get(row.source, 0) + 1
        turns.append(seen[row.source])
    chosen = sorted(range(len(ordered)), key=lambda at: turns[at])[:EXAMPLES]
    return [ordered[at] for at in sorted(chosen)]


def _halves(run: RunFolder, seed: int) -> SplitHalf | None:
    better = run_wins(run)
    found = split_half(better, seed=seed) if better else None
    return found if found is not None and found.reliability is not None else None


def _stages(run: RunFolder) -> list[StageFacts]:
    return [
        StageFacts(
            name=str(line["stage"]),
            seconds=float(line.get("seconds") or 0),
            peak_mib=float(line["peak_rss_mib"]) if line.get("peak_rss_mib") else None,
            rows_in=line.get("rows_in"),
            rows_out=line.get("rows_out"),
        )
        for line in run.ledger()
        if line["stage"] != "report"
    ]
