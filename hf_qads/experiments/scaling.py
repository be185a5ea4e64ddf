"""Scaling: train on growing shares of a pool, fit each measure against the log of the amount; what parts add.

Source: arXiv 2310.05506, for log-linear growth with augmented data and poor carry-over to other test sets.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hf_qads import schema
from hf_qads.config.experiments import Experiment, Scaling, measures_of
from hf_qads.errors import ConfigError
from hf_qads.experiments.cells import CELLS, Cell, run_cells
from hf_qads.experiments.results import UNTRAINED, values_of
from hf_qads.experiments.workbench import Rows, Workbench
from hf_qads.pipeline.test_sets import benchmark_name
from hf_qads.statistics.comparison import FEWEST_SEEDS, Comparison, compare_arms, holm
from hf_qads.statistics.scaling import GROWING, SATURATED, LogLinear, fit_log_linear

EQUAL: Final = "equal"  # the budget of parts that are compared at equal tokens
BASE, PATHS, QUESTIONS, BOTH, SELECTED = (
    "base pool",
    "base and paths",
    "base and questions",
    "base and both",
    "both, selected",
)
PARTS: Final = (BASE, PATHS, QUESTIONS, BOTH, SELECTED)
IN_DOMAIN, OUT_OF_DOMAIN = "in-domain", "out-of-domain"


class ScalingStudy:
    """Growing shares of a pool by several strategies, and its parts at equal tokens, in a folder."""

    def __init__(self, experiment: Experiment, out: Path, *, say: Callable[[str], None] = print) -> None:
        """Open the run and list the cells, seed by seed.

        Raises:
            ConfigError: the file has no section `scaling`, or parts are asked for and nothing was generated.
        """
        if experiment.scaling is None:
            raise ConfigError(f"{experiment.name} has no section `scaling`. Add one.")
        self.setting: Scaling = experiment.scaling
        self.name, self.out, self.say = experiment.name, out, say
        self.bench = Workbench(self.setting, out, say=say)
        self.masks = self._masks() if self.setting.tokens is not None else {}
        key = self.bench.key | self.setting.model_dump(include={"tokens"})
        self.cells = [self._cell(UNTRAINED, "", 0, key)]
        for seed in range(self.setting.seeds):
            for share in self.setting.shares:
                self.cells += [
                    self._cell(name, f"{100 * share:g}pct", seed, key) for name in self.setting.strategies
                ]
            self.cells += [self._cell(name, EQUAL, seed, key) for name in self.masks]

    def do(self) -> dict[str, str]:
        """Do what is left of the cells; name of a cell that failed -> why."""
        return run_cells(self.cells, self.work, self.out / CELLS, say=self.say)

    def work(self, cell: Cell, folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
        """Choose, fine-tune and evaluate one cell."""
        if cell.arm == UNTRAINED:
            return self.bench.measure_base(folder)
        return self.bench.train_and_measure(
            lambda: self._choose(cell), folder, seed=cell.seed, title=cell.name
        )

    def _choose(self, cell: Cell) -> Rows:
        candidates = self.bench.candidates
        whole = len(candidates.rows)
        if cell.budget != EQUAL:
            share = float(cell.budget.removesuffix("pct")) / 100
            return candidates.order(cell.arm, max(1, round(share * whole)), seed=cell.seed)
        mask = self.masks[cell.arm]
        strategy = self.setting.strategies[-1] if cell.arm == SELECTED else "random"
        order = candidates.order(strategy, whole, seed=cell.seed)
        order = order[mask[order]]
        total = np.cumsum(candidates.lengths[order])
        return order[: max(1, int((total <= (self.setting.tokens or 0)).sum()))]

    def _masks(self) -> dict[str, NDArray[np.bool_]]:
        """(n,) for each part the rows that belong to it."""
        run = self.bench.run
        rounds = np.concatenate(
            [run.table(name, [schema.ROUND])[schema.ROUND].fill_null(-1).to_numpy() for name in run.sources()]
        )
        own, paths, questions = rounds < 0, rounds == 0, rounds > 0
        if own.all():
            raise ConfigError(
                "scaling.tokens compares generated rows with own ones, but the run has none generated. Give "
                "a run with a section augment, or leave tokens out."
            )
        everything = np.ones(len(rounds), dtype=bool)
        kept = (own, own | paths, own | questions, everything, everything)
        return dict(zip(PARTS, kept, strict=True))

    def _cell(self, arm: str, budget: str, seed: int, key: Mapping[str, Any]) -> Cell:
        return Cell.of(arm, budget, seed, [key, arm, budget, seed])


@dataclass(frozen=True)
class Curve:
    """A measure along growing amounts.

    Attributes:
        strategy: how rows were chosen.
        domain: `in-domain` or `out-of-domain`.
        measure: `accuracy` or `log_probability`.
        tokens: (m,) mean tokens of an epoch at each share.
        values: (seeds, m) means over questions, benchmarks weighted equally.
        untrained: the same of the base model.
        fit: the log-linear fit.
    """

    strategy: str
    domain: str
    measure: str
    tokens: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    untrained: float
    fit: LogLinear

    @property
    def told(self) -> str:
        """The verdict in a sentence."""
        slope, low, high = self.fit.per_doubling
        text = f"{slope:+.4f} [{low:+.4f}, {high:+.4f}] per doubling"
        if self.fit.verdict == SATURATED:
            return f"{text}; no growth from {self.fit.from_amount:,.0f} tokens on"
        return f"{text}; " + ("still growing at the largest amounts" if self.fit.verdict == GROWING else (
            "whether it saturates cannot be told"
        ))  # fmt: skip


def domains(setting: Scaling) -> dict[str, list[str]]:
    """Benchmarks of each domain that has some."""
    out = {benchmark_name(name) for name in setting.evaluate.out_of_domain}
    names = [benchmark_name(name) for name in setting.evaluate.benchmarks]
    found = {
        IN_DOMAIN: [name for name in names if name not in out],
        OUT_OF_DOMAIN: [n for n in names if n in out],
    }
    return {domain: names for domain, names in found.items() if names}


def curves(results: Sequence[Mapping[str, Any]], setting: Scaling) -> list[Curve]:
    """The curves of all finished cells; a seed counts where it has every share."""
    base = next((one for one in results if one["cell"]["arm"] == UNTRAINED), None)
    labels = [f"{100 * share:g}pct" for share in setting.shares]
    found = []
    for measure in measures_of(setting.evaluate):
        for domain, names in domains(setting).items():
            for strategy in setting.strategies:
                cells = {
                    (one["cell"]["budget"], one["cell"]["seed"]): one
                    for one in results
                    if one["cell"]["arm"] == strategy and one["cell"]["budget"] != EQUAL
                }
                seeds = [
                    seed for seed in range(setting.seeds) if all((label, seed) in cells for label in labels)
                ]
                if not seeds:
                    continue
                table = [[_mean(cells[label, seed], measure, names) for label in labels] for seed in seeds]
                tokens = [
                    float(np.mean([cells[label, seed]["tokens"] for seed in seeds])) for label in labels
                ]
                found.append(
                    Curve(
                        strategy,
                        domain,
                        measure,
                        tuple(tokens),
                        tuple(map(tuple, table)),
                        math.nan if base is None else _mean(base, measure, names),
                        fit_log_linear(tokens, table),
                    )
                )
    return found


def added(results: Sequence[Mapping[str, Any]], measure: str) -> dict[str, Comparison]:
    """What each part adds to the base pool at equal tokens, corrected for all parts together (Holm)."""
    cells: dict[str, list[Mapping[str, Any]]] = {}
    for one in results:
        if one["cell"]["budget"] == EQUAL:
            cells.setdefault(one["cell"]["arm"], []).append(one)
    if min((len(of) for of in cells.values()), default=0) < FEWEST_SEEDS or BASE not in cells:
        return {}
    base = values_of(cells[BASE], measure)
    return holm(
        {name: compare_arms(values_of(of, measure), base) for name, of in cells.items() if name != BASE}
    )


def _mean(result: Mapping[str, Any], measure: str, names: Sequence[str]) -> float:
    """Over questions, benchmarks weighted equally."""
    means = [
        np.mean([value for value in result["values"][name][measure] if value is not None])
        for name in names
        if measure in result["values"].get(name, {})
    ]
    return float(np.mean(means)) if means else math.nan


def as_dict(found: Sequence[Curve], parts: Mapping[str, Mapping[str, Comparison]]) -> dict[str, Any]:
    """Curves and parts as plain values."""
    return {
        "curves": [asdict(curve) | {"told": curve.told} for curve in found],
        "parts": {
            measure: {
                name: {"mean": one.mean, "low": one.low, "high": one.high, "verdict": one.verdict}
                for name, one in compared.items()
            }
            for measure, compared in parts.items()
        },
    }
