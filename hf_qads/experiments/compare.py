"""Compare strategies or mixtures: arms x budgets x seeds, each selected, fine-tuned and evaluated."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hf_qads import schema
from hf_qads.config.experiments import Arm, Budget, Compare, Experiment
from hf_qads.errors import ConfigError
from hf_qads.experiments.cells import CELLS, Cell, run_cells
from hf_qads.experiments.results import UNTRAINED, WHOLE_POOL
from hf_qads.experiments.workbench import Rows, Workbench
from hf_qads.pipeline.choosing import Candidates
from hf_qads.selection.registry import needs_of


class Comparison:
    """A comparison in a folder: its run, its cells, and the work of one cell."""

    def __init__(self, experiment: Experiment, out: Path, *, say: Callable[[str], None] = print) -> None:
        """Make or open the run that scores and vectors come from, and list the cells.

        Args:
            experiment: with a section `compare`.
            out: the folder; resumed where it is there.
            say: is told what is done.

        Raises:
            ConfigError: the file is no comparison.
        """
        if experiment.compare is None:
            raise ConfigError(f"{experiment.name} has no section `compare`. Add one.")
        self.setting: Compare = experiment.compare
        self.name, self.out, self.say = experiment.name, out, say
        self.arms = arms_of(self.setting)
        self._reads = {name: needs_of(arm.strategy, arm.options).columns for name, arm in self.arms.items()}
        self.bench = Workbench(
            self.setting, out, columns=itertools.chain.from_iterable(self._reads.values()), say=say
        )
        self.run, self.candidates = self.bench.run, self.bench.candidates
        self.budgets = {budget.label: budget for budget in self.setting.budgets}
        self._key = self.bench.key
        self.cells = self._cells()

    def do(self) -> dict[str, str]:
        """Do what is left of the cells; name of a cell that failed -> why."""
        return run_cells(self.cells, self.work, self.out / CELLS, say=self.say)

    def work(self, cell: Cell, folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
        """Select, fine-tune and evaluate one cell."""
        if cell.arm == UNTRAINED:
            return self.bench.measure_base(folder)
        return self.bench.train_and_measure(
            lambda: self.choose(cell),
            folder,
            seed=cell.seed,
            title=cell.name,
            keep_model=self.setting.keep_models,
        )

    def choose(self, cell: Cell) -> Rows:
        """The rows of a cell, in the order in which they were picked."""
        if cell.arm == WHOLE_POOL:
            return self.candidates.rows
        return choose(self.candidates, self.arms[cell.arm], self.budgets[cell.budget], seed=cell.seed)

    def _cells(self) -> list[Cell]:
        """All cells: what needs no seed first, then seed by seed all arms of all budgets."""
        setting = self.setting
        found = [self._cell(name, "", 0) for name in (UNTRAINED, WHOLE_POOL) if name in setting.controls]
        most = max(self._seeds(name) for name in self.arms)
        first = setting.first_seed
        for number in range(most):
            for budget in self.budgets:
                arms = [name for name in self.arms if number < self._seeds(name)]
                found += [self._cell(name, budget, first + number) for name in arms]
        return found

    def _seeds(self, arm: str) -> int:
        if arm == self.setting.control and self.setting.control_seeds is not None:
            return self.setting.control_seeds
        return self.arms[arm].seeds or self.setting.seeds

    def _cell(self, arm: str, budget: str, seed: int) -> Cell:
        of_arm = self.arms[arm].model_dump(exclude={"seeds"}) if arm in self.arms else arm
        of_budget = self.budgets[budget].model_dump() if budget else None
        further = self.bench.further(self._reads.get(arm, ()))
        return Cell.of(arm, budget, seed, [self._key, of_arm, of_budget, seed, *further])


def arms_of(setting: Compare) -> dict[str, Arm]:
    """The arms by name, those of the controls that select among them."""
    found = {arm.name: arm for arm in setting.arms}
    for name in setting.controls:
        if name not in (UNTRAINED, WHOLE_POOL):
            found.setdefault(name, Arm(name=name, strategy=name))
    return dict(sorted(found.items(), key=lambda one: one[0] != setting.control))


def choose(candidates: Candidates, arm: Arm, budget: Budget, *, seed: int) -> Rows:
    """Rows of an arm up to a budget, in the order picked; of tokens, until the next row would pass it."""
    n = len(candidates.rows)
    if budget.tokens is None:
        size = budget.rows or max(1, round((budget.share or 1.0) * n))
        return _picked(candidates, arm, min(size, n), seed)
    size = min(n, max(8, round(1.5 * budget.tokens / float(candidates.lengths[candidates.rows].mean()))))
    while True:
        rows = _picked(candidates, arm, size, seed)
        total = np.cumsum(candidates.lengths[rows])
        if total[-1] > budget.tokens or size >= n:
            return rows[: max(1, int((total <= budget.tokens).sum()))]
        size = min(n, 2 * size)


def _picked(candidates: Candidates, arm: Arm, size: int, seed: int) -> Rows:
    picks: dict[str, Any] = {
        "seed": seed, "options": arm.options, "start": arm.start, "metric": arm.metric
    }  # fmt: skip
    if arm.ratio is None:
        return candidates.order(arm.strategy, size, **picks)
    from hf_qads.mixing import ratios as rules

    scores, run = candidates.scores(), candidates.run
    column = run.score_column() or schema.SCORE
    sizes, means = {}, {}
    for name in run.sources():
        mine = candidates.rows[candidates.sources[candidates.rows] == name]
        sizes[name] = len(mine)
        means[name] = float(np.nanmean(scores[column][mine])) if column in scores and len(mine) else 0.0
    shares = rules.from_rule(
        arm.ratio.model_dump(exclude_none=True),
        sizes=sizes,
        means=means,
        kinds=run.kinds(),
        scale=5.0 if column == schema.SCORE else 1.0,
    )
    keep = rules.kept(sizes, shares)
    part = min(1.0, size / max(1, sum(keep.values())))
    orders, places = [], []
    for name, count in keep.items():
        wanted = round(count * part)
        if wanted:
            order = candidates.order(arm.strategy, wanted, source=name, **picks)
            orders.append(order)
            places.append((np.arange(len(order)) + 0.5) / len(order))  # every prefix has the same shares
    rows = np.concatenate(orders)
    return rows[np.argsort(np.concatenate(places), kind="stable")]
