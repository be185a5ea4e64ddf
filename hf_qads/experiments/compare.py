"""Compare strategies or mixtures: arms x budgets x seeds, each selected, fine-tuned and evaluated."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hf_qads import schema
from hf_qads.config.experiments import UNTRAINED, WHOLE_POOL, Arm, Budget, Compare, Experiment
from hf_qads.errors import ConfigError, SelectionError
from hf_qads.experiments.budgets import up_to
from hf_qads.experiments.cells import Cell
from hf_qads.experiments.workbench import Rows, Workbench
from hf_qads.pipeline.choosing import Candidates
from hf_qads.runtime import files
from hf_qads.selection.registry import needs_of

SETTINGS = "settings"  # of a cell's result: which comparison it is of


class ComparisonStudy:
    """A comparison in a folder: its run, its cells, and the work of one cell."""

    def __init__(self, experiment: Experiment, out: Path, *, say: Callable[[str], None] = print) -> None:
        """Make or open the run that scores and vectors come from, and list the cells.

        Args:
            experiment: with a section `compare`.
            out: the folder; resumed where it is there.
            say: is told what is done.

        Raises:
            ConfigError: the file is no comparison.
            SelectionError: there is no such strategy.
        """
        if experiment.compare is None:
            raise ConfigError(f"{experiment.name} has no section `compare`. Add one.")
        self.setting: Compare = experiment.compare
        self.name, self.out, self.say = experiment.name, out, say
        self.arms = arms_of(self.setting)
        reads = {name: needs_of(arm.strategy, arm.options) for name, arm in self.arms.items()}
        self.bench = Workbench(self.setting, out, reads=reads, say=say)
        self.run, self.candidates = self.bench.run, self.bench.candidates
        self.budgets = {budget.label: budget for budget in self.setting.budgets}
        self.cells = [self._cell(*one) for one in listed(self.setting)]

    def do(self) -> dict[str, str]:
        """Do what is left of the cells; name of a cell that failed -> why."""
        return self.bench.do(self.cells, self.work)

    def work(self, cell: Cell, folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
        """Select, fine-tune and evaluate one cell."""
        if cell.arm == UNTRAINED:
            result, took = self.bench.measure_base(folder)
        else:
            result, took = self.bench.train_and_measure(
                lambda: self.choose(cell),
                folder,
                seed=cell.seed,
                title=cell.name,
                keep_model=self.setting.keep_models,
            )
        return {**result, SETTINGS: settings_key(self.setting)}, took

    def choose(self, cell: Cell) -> Rows:
        """The rows of a cell, in the order in which they were picked."""
        if cell.arm == WHOLE_POOL:
            return self.candidates.rows
        return choose(self.candidates, self.arms[cell.arm], self.budgets[cell.budget], seed=cell.seed)

    def _cell(self, arm: str, budget: str, seed: int) -> Cell:
        of_arm = self.arms[arm].model_dump(exclude={"seeds"}) if arm in self.arms else None
        of_budget = self.budgets[budget].model_dump() if budget else None
        return self.bench.cell(arm, budget, seed, of_arm, of_budget)


def arms_of(setting: Compare) -> dict[str, Arm]:
    """The arms by name, the control first, those of the controls that select among them."""
    found = {arm.name: arm for arm in setting.arms}
    for name in setting.controls:
        if name not in (UNTRAINED, WHOLE_POOL):
            found.setdefault(name, Arm(name=name, strategy=name))
    return dict(sorted(found.items(), key=lambda one: one[0] != setting.control))


def listed(setting: Compare) -> list[tuple[str, str, int]]:
    """Arm, label of the budget and seed of every cell, in the order in which they are done.

    What needs no seed comes first, then seed by seed all arms of all budgets.
    """
    found: list[tuple[str, str, int]] = [
        (name, "", 0) for name in (UNTRAINED, WHOLE_POOL) if name in setting.controls
    ]
    seeds = {name: arm.seeds or setting.seeds for name, arm in arms_of(setting).items()}
    seeds[setting.control] = setting.control_seeds or seeds[setting.control]
    for number in range(max(seeds.values())):
        for budget in setting.budgets:
            arms = [name for name, count in seeds.items() if number < count]
            found += [(name, budget.label, setting.first_seed + number) for name in arms]
    return found


def settings_key(setting: Compare) -> str:
    """Hash of what cells of one comparison have in common by its settings: those with another one do not mix.

    It is known before the run is opened; each finished cell holds it as `settings`.
    """
    common = setting.model_dump(include={"run", "sources", "max_characters", "train"})
    return files.value_hash([common, setting.evaluate.model_dump(exclude={"batch_tokens"})], 16)


def choose(candidates: Candidates, arm: Arm, budget: Budget, *, seed: int) -> Rows:
    """Rows of an arm up to a budget, in the order picked; of tokens, until the next row would pass it.

    Args:
        candidates: the pool.
        arm: what chooses.
        budget: how much.
        seed: of the draw.

    Returns:
        (m,) numbers of rows, each once.

    Raises:
        SelectionError: the strategy reads what the run has not, or the arm's ratio leaves no row.
    """
    n = len(candidates.rows)
    if budget.tokens is None:
        size = budget.rows or max(1, round((budget.share or 1.0) * n))
        return _picked(candidates, arm, min(size, n), seed)
    size = min(n, max(8, round(1.5 * budget.tokens / float(candidates.lengths[candidates.rows].mean()))))
    while True:
        rows = _picked(candidates, arm, size, seed)
        if candidates.lengths[rows].sum() > budget.tokens or size >= n:
            return up_to(budget.tokens, rows, candidates.lengths)
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
    if not orders:
        held = ", ".join(f"{name} {count}" for name, count in keep.items())
        raise SelectionError(
            f"Arm {arm.name}: its ratio {arm.ratio.model_dump(exclude_none=True)} leaves no row for a budget "
            f"of {size} rows: it keeps {held}. Give larger shares, or a larger budget."
        )
    rows = np.concatenate(orders)
    return rows[np.argsort(np.concatenate(places), kind="stable")]
