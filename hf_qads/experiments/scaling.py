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
from hf_qads.config.experiments import UNTRAINED, Experiment, Scaling
from hf_qads.errors import ConfigError
from hf_qads.experiments.budgets import check_equal, up_to
from hf_qads.experiments.cells import Cell
from hf_qads.experiments.results import mean_of, plain, values_of
from hf_qads.experiments.workbench import Rows, Workbench
from hf_qads.selection.registry import needs_of
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
            ConfigError: the file has no section `scaling`; or parts are asked for, and nothing was generated
                or one has fewer tokens than are trained on.
        """
        if experiment.scaling is None:
            raise ConfigError(f"{experiment.name} has no section `scaling`. Add one.")
        self.setting: Scaling = experiment.scaling
        self.name, self.out, self.say = experiment.name, out, say
        reads = {name: needs_of(self._strategy(name)) for name in (*self.setting.strategies, SELECTED)}
        self.bench = Workbench(self.setting, out, reads=reads, say=say)
        self.masks = self._masks() if self.setting.tokens is not None else {}
        self.shares = {budget.label: budget.share or 1.0 for budget in self.setting.budgets}
        self.cells = [self.bench.cell(UNTRAINED, "", 0)]
        for seed in range(self.setting.seeds):
            for label in self.shares:
                self.cells += [self.bench.cell(name, label, seed) for name in self.setting.strategies]
            self.cells += [
                self.bench.cell(name, EQUAL, seed, self.setting.tokens, self._strategy(name))
                for name in self.masks
            ]

    def do(self) -> dict[str, str]:
        """Do what is left of the cells; name of a cell that failed -> why."""
        return self.bench.do(self.cells, self.work)

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
            size = max(1, round(self.shares[cell.budget] * whole))
            return candidates.order(cell.arm, size, seed=cell.seed)
        order = candidates.order(self._strategy(cell.arm), whole, seed=cell.seed)
        return up_to(self.setting.tokens or 0, order[self.masks[cell.arm][order]], candidates.lengths)

    def _strategy(self, arm: str) -> str:
        """What chooses the rows of a strategy's share, or of a part."""
        if arm == SELECTED:
            return self.setting.strategies[-1]
        return "random" if arm in PARTS else arm

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
        masks = dict(zip(PARTS, kept, strict=True))
        rows = self.bench.candidates.rows
        held = {name: rows[mask[rows]] for name, mask in masks.items()}
        check_equal(self.setting.tokens or 0, held, self.bench.candidates.lengths)
        return masks


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
    names, out = setting.evaluate.benchmarks, setting.evaluate.out_of_domain
    found = {IN_DOMAIN: [name for name in names if name not in out], OUT_OF_DOMAIN: out}
    return {domain: names for domain, names in found.items() if names}


def curves(results: Sequence[Mapping[str, Any]], setting: Scaling) -> list[Curve]:
    """The curves of all finished cells; a seed counts where it has every share.

    Args:
        results: of finished cells, that of the untrained model among them where it is done.
        setting: of the study.

    Returns:
        a curve for each measure, domain and strategy of which a seed is whole, in this order.
    """
    base = next((one for one in results if one["cell"]["arm"] == UNTRAINED), None)
    labels = [budget.label for budget in setting.budgets]
    found = []
    for measure in setting.evaluate.by_measure():
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
    """What each part adds to the base pool at equal tokens, corrected for all parts together (Holm).

    Args:
        results: of finished cells.
        measure: `accuracy` or `log_probability`.

    Returns:
        part -> its difference to the base pool; empty where one has too few seeds for a verdict.
    """
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
    return mean_of(values_of([result], measure, names))


def part_tokens(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Mean tokens of an epoch of each part that is compared at equal tokens."""
    found: dict[str, list[float]] = {}
    for one in results:
        if one["cell"]["budget"] == EQUAL:
            found.setdefault(one["cell"]["arm"], []).append(one["tokens"])
    return {name: float(np.mean(tokens)) for name, tokens in found.items()}


def as_dict(
    found: Sequence[Curve], parts: Mapping[str, Mapping[str, Comparison]], tokens: Mapping[str, float]
) -> dict[str, Any]:
    """Curves, parts and the tokens of these as plain values."""
    record = {
        "tokens": dict(tokens),
        "curves": [asdict(curve) | {"told": curve.told} for curve in found],
        "parts": {
            measure: {
                name: {"mean": one.mean, "low": one.low, "high": one.high, "verdict": one.verdict}
                for name, one in compared.items()
            }
            for measure, compared in parts.items()
        },
    }
    return {key: plain(value) for key, value in record.items()}
