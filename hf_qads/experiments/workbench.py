"""What cells of every experiment share: a run's scored pool, base model, questions, one way to train."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads import embedded, schema
from hf_qads.config import loading
from hf_qads.config.experiments import Measuring, StudySettings
from hf_qads.config.schema import Model, RowScore
from hf_qads.errors import ConfigError
from hf_qads.evaluation import Evaluated, evaluate
from hf_qads.evaluation.evaluating import ACCURACY
from hf_qads.evaluation.items import Item
from hf_qads.experiments.cells import CELLS, Cell, Work, run_cells
from hf_qads.pipeline import run as pipeline
from hf_qads.pipeline.choosing import Candidates
from hf_qads.pipeline.models import model_key
from hf_qads.pipeline.test_sets import read_test_set
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import files
from hf_qads.runtime.models import EMBEDDED
from hf_qads.selection.needs import Needs
from hf_qads.training import fine_tune

# Stages of a run that what is chosen depends on; `row_scores` only where an arm reads one of them.
SCORED = ("augmenting", "pool", "experience", "vectors", "influence", "scorer", "scores")
VERSION = 1  # raise it when the same cell would give another result
MODEL, ROW_SCORES = "model", "row_scores"
CHECKPOINTS_FROM = 5_000  # rows times epochs
Rows = NDArray[np.int64]
Say = Callable[[str], None]


class Workbench:
    """The pool to choose from and the questions to ask, opened once for all cells."""

    def __init__(
        self, setting: StudySettings, out: Path, *, reads: Mapping[str, Needs], say: Say = print
    ) -> None:
        """Make or open the run that scores and vectors come from.

        Args:
            setting: of the experiment.
            out: its folder, in which a run is made where `setting.run` is a YAML.
            reads: what each arm's strategy reads; a run of a YAML makes further scores among it, such as
                `ifd`, too.
            say: is told what is done.
        """
        self.setting, self.out, self.say = setting, out, say
        self._scores = {arm: further_scores(needs.columns) for arm, needs in reads.items()}
        self.run = open_run(setting.run, out / "run", chain.from_iterable(self._scores.values()), say=say)
        with pipeline.reading(self.run):
            self.candidates = Candidates(
                self.run, out / "choosing", sources=setting.sources, max_characters=setting.max_characters
            )
        self.base = self.candidates.config.model
        if setting.train.model is not None:
            self.base = Model(path=setting.train.model, template=self.base.template)
        self.items = asked_items(setting.evaluate)

    @cached_property
    def key(self) -> dict[str, Any]:
        """What every cell's result depends on beside its own arguments."""
        return {
            "version": VERSION,
            "run": {line["stage"]: line["key"] for line in self.run.ledger() if line["stage"] in SCORED},
            "base": model_key(self.base),
            "train": self.setting.train.model_dump(),
            "evaluate": self.setting.evaluate.model_dump(exclude={"batch_tokens"}),
            "items": {name: [item.id for item in items] for name, items in self.items.items()},
            "candidates": [self.setting.sources, self.setting.max_characters],
        }

    def cell(self, arm: str, budget: str, seed: int, *depends_on: Any) -> Cell:
        """A cell; its result depends on what all depend on, on further scores that it reads, and on more."""
        reads = self._scores.get(arm)
        further = [line["key"] for line in self.run.ledger() if reads and line["stage"] == ROW_SCORES]
        return Cell.of(arm, budget, seed, [self.key, arm, budget, seed, *depends_on, *further])

    def do(self, cells: Sequence[Cell], work: Work) -> dict[str, str]:
        """Do what is left of the cells, as `run_cells` does; the run is not changed meanwhile."""
        with pipeline.reading(self.run):
            return run_cells(cells, work, self.out / CELLS, say=self.say)

    def measure_base(self, folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
        """The result of a cell that trains nothing."""
        began = time.monotonic()
        result = {
            "rows": 0,
            "tokens": 0,
            "sources": {},
            "row_ids": [],
            "values": self._values(self.base, folder),
        }
        return result, {"evaluating": round(time.monotonic() - began, 2)}

    def train_and_measure(
        self,
        choose: Callable[[], Rows],
        folder: Path,
        *,
        seed: int,
        title: str,
        keep_model: bool = False,
    ) -> tuple[dict[str, Any], dict[str, float]]:
        """Choose rows, fine-tune the base model on them and evaluate it.

        Args:
            choose: gives the rows.
            folder: the cell's; what a kill left in it is gone on with.
            seed: of the training order.
            title: for the progress bar.
            keep_model: leave the trained model in `folder/model`.

        Returns:
            the result: rows, tokens, sources, ids and measured values; and seconds of its parts.
        """
        began = time.monotonic()
        rows = self.candidates.dicts(choose())
        chosen = time.monotonic()
        train, base = self.setting.train, self.base
        facts = fine_tune(
            base.name,
            rows,
            folder=folder / MODEL,
            revision=base.revision,
            template=base.template,
            trust_remote_code=base.trust_remote_code,
            max_length=train.max_length or base.max_length,
            **train.model_dump(exclude={"model", "max_length"}),
            device=self.candidates.config.device,
            seed=seed,
            # A short training is done again sooner than its checkpoints are written.
            save_steps=0 if len(rows) * train.epochs < CHECKPOINTS_FROM else None,
            title=title,
            overwrite=True,
        )
        trained = time.monotonic()
        counts: dict[str, int] = {}
        for row in rows:
            counts[row[schema.SOURCE]] = counts.get(row[schema.SOURCE], 0) + 1
        own = {"path": str(folder / MODEL), "revision": None, "gguf_file": None}
        result = {
            **{name: facts[name] for name in ("rows", "tokens", "left_out", "steps", "loss")},
            "sources": dict(sorted(counts.items())),
            "row_ids": sorted(row[schema.ROW_ID] for row in rows),
            "values": self._values(base.model_copy(update=own), folder),
        }
        if not keep_model:
            files.remove(folder / MODEL)
        took = {
            "selecting": chosen - began,
            "training": trained - chosen,
            "evaluating": time.monotonic() - trained,
        }
        return result, {name: round(seconds, 2) for name, seconds in took.items()}

    def _values(self, model: Model, folder: Path) -> dict[str, dict[str, list[float | None]]]:
        device = self.candidates.config.device
        found = measure(model, self.items, self.setting.evaluate, folder=folder, device=device)
        return {
            name: {
                measured: [None if np.isnan(value) else round(float(value), 6) for value in values]
                for measured, values in one.values.items()
            }
            for name, one in found.items()
        }


def open_run(name: str, out: Path, scores: Iterable[str], *, say: Say) -> RunFolder:
    """The run folder that rows, scores and vectors are taken from; that of a YAML is made first."""
    path = embedded.quickstart_path() if name == EMBEDDED else Path(name)
    if path.is_dir():
        return RunFolder.open(path)
    if not path.exists():
        raise ConfigError(
            f"run: {name!r} is neither a run folder nor a YAML. Name one, or make the folder: "
            f"hf-qads run CONFIG.yaml --out {name}"
        )
    config = loading.load(path)
    named = {score.name for score in config.scores}
    more = [RowScore(name=score) for score in sorted(set(scores) - named)]
    config = config.model_copy(update={"scores": [*config.scores, *more]})
    until, made = ROW_SCORES if config.scores else "scores", RunFolder(out)
    with files.locked(out.with_name(".opening")):  # several processes may open it at once: one makes it
        path = out / "config.yaml"
        same = path.exists() and path.read_text(encoding="utf-8") == loading.dump(config)
        # what is finished is not opened to write: others may be reading it
        if not same or pipeline.unfinished(pipeline.decided(config, made), made, until=until):
            pipeline.run(config, out, until=until, say=say)
    return made


def further_scores(columns: Iterable[str]) -> list[str]:
    """Names of the scores beyond influence that add these columns; the length of answers needs no stage."""
    from hf_qads.scoring.scores.registry import columns_by_score

    made = columns_by_score()
    return sorted({made[name] for name in columns if name in made and name != "answer_tokens"})


def asked_items(setting: Measuring) -> dict[str, list[Item]]:
    """The questions of each benchmark, those skipped taken off."""
    found = {}
    for name in setting.benchmarks:
        items = read_test_set(
            name,
            data=setting.data,
            local_files=setting.local_files,
            rows=setting.skip + setting.rows,
            seed=setting.seed,
        )
        found[name] = items[setting.skip :]
    return found


def measure(
    model: Model,
    items: Mapping[str, Sequence[Item]],
    setting: Measuring,
    *,
    folder: Path,
    device: str | None = None,
) -> dict[str, Evaluated]:
    """Evaluate a model; benchmarks whose gold is a bare answer by accuracy alone."""
    found: dict[str, Evaluated] = {}
    for measures, names in (
        (tuple(setting.measures), [name for name in items if name not in setting.accuracy_only]),
        ((ACCURACY,), [name for name in items if name in setting.accuracy_only]),
    ):
        if names:
            found |= evaluate(
                model.name,
                {name: items[name] for name in names},
                revision=model.revision,
                template=model.template,
                max_length=model.max_length,
                trust_remote_code=model.trust_remote_code,
                device=device,
                measures=measures,
                max_new_tokens=setting.max_new_tokens,
                batch_tokens=setting.batch_tokens,
                folder=folder / "answers",
            )
    return {name: found[name] for name in items}
