"""What cells of every experiment share: a run's scored pool, base model, questions, one way to train."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads import embedded, schema
from hf_qads.config import loading
from hf_qads.config.experiments import Measuring, StudySettings
from hf_qads.config.schema import RowScore
from hf_qads.errors import ConfigError
from hf_qads.evaluation import Evaluated, evaluate
from hf_qads.evaluation.evaluating import ACCURACY
from hf_qads.evaluation.items import Item
from hf_qads.pipeline import run as pipeline
from hf_qads.pipeline.choosing import Candidates
from hf_qads.pipeline.test_sets import benchmark_name, read_test_set
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import files
from hf_qads.runtime.models import EMBEDDED, fingerprint
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
        self, setting: StudySettings, out: Path, *, columns: Iterable[str] = (), say: Say = print
    ) -> None:
        """Make or open the run that scores and vectors come from.

        Args:
            setting: of the experiment.
            out: its folder, in which a run is made where `setting.run` is a YAML.
            columns: of further scores, such as `ifd`, that a run of a YAML makes too.
            say: is told what is done.
        """
        self.setting = setting
        self.run = open_run(setting.run, out / "run", columns, say=say)
        self.candidates = Candidates(
            self.run, out / "choosing", sources=setting.sources, max_characters=setting.max_characters
        )
        self.base = setting.train.model or self.candidates.config.model.path
        self.items = asked_items(setting.evaluate)

    @property
    def key(self) -> dict[str, Any]:
        """What every cell's result depends on beside its own arguments."""
        return {
            "version": VERSION,
            "run": {line["stage"]: line["key"] for line in self.run.ledger() if line["stage"] in SCORED},
            "base": fingerprint(self.base),
            "train": self.setting.train.model_dump(),
            "evaluate": self.setting.evaluate.model_dump(exclude={"batch_tokens"}),
            "items": {name: [item.id for item in items] for name, items in self.items.items()},
            "candidates": [self.setting.sources, self.setting.max_characters],
        }

    def further(self, columns: Iterable[str]) -> list[str]:
        """What cells that read these columns depend on, too: the key of the run's further scores."""
        made = further_scores(columns)
        return [line["key"] for line in self.run.ledger() if made and line["stage"] == ROW_SCORES]

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
        tokens: int | None = None,
        keep_model: bool = False,
    ) -> tuple[dict[str, Any], dict[str, float]]:
        """Choose rows, fine-tune the base model on them and evaluate it.

        Args:
            choose: gives the rows.
            folder: the cell's; what a kill left in it is gone on with.
            seed: of the training order.
            title: for the progress bar.
            tokens: most tokens of an epoch; None trains on all rows that were chosen.
            keep_model: leave the trained model in `folder/model`.

        Returns:
            the result: rows, tokens, sources, ids and measured values; and seconds of its parts.
        """
        began = time.monotonic()
        rows = self.candidates.dicts(choose())
        chosen = time.monotonic()
        facts = fine_tune(
            self.base,
            rows,
            folder=folder / MODEL,
            template=self.candidates.config.model.template,
            tokens=tokens,
            **self.setting.train.model_dump(exclude={"model"}),
            device=self.candidates.config.device,
            seed=seed,
            # A short training is done again sooner than its checkpoints are written.
            save_steps=0 if len(rows) * self.setting.train.epochs < CHECKPOINTS_FROM else None,
            title=title,
            overwrite=True,
        )
        trained = time.monotonic()
        counts: dict[str, int] = {}
        for row in rows:
            counts[row[schema.SOURCE]] = counts.get(row[schema.SOURCE], 0) + 1
        result = {
            **{name: facts[name] for name in ("rows", "tokens", "left_out", "steps", "loss")},
            "sources": dict(sorted(counts.items())),
            "row_ids": sorted(row[schema.ROW_ID] for row in rows),
            "values": self._values(folder / MODEL, folder),
        }
        if not keep_model:
            files.remove(folder / MODEL)
        took = {
            "selecting": chosen - began,
            "training": trained - chosen,
            "evaluating": time.monotonic() - trained,
        }
        return result, {name: round(seconds, 2) for name, seconds in took.items()}

    def _values(self, model: str | Path, folder: Path) -> dict[str, dict[str, list[float | None]]]:
        found = measure(model, self.items, self.setting.evaluate, folder=folder)
        return {
            name: {
                measured: [None if np.isnan(value) else round(float(value), 6) for value in values]
                for measured, values in one.values.items()
            }
            for name, one in found.items()
        }


def open_run(name: str, out: Path, columns: Iterable[str], *, say: Say) -> RunFolder:
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
    more = [RowScore(name=score) for score in further_scores(columns) if score not in named]
    config = config.model_copy(update={"scores": [*config.scores, *more]})
    with files.locked(out.with_name(".opening")):  # several processes may open it at once: one makes it
        return pipeline.run(config, out, until=ROW_SCORES if config.scores else "scores", say=say)


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
        found[benchmark_name(name)] = items[setting.skip :]
    return found


def measure(
    model: str | Path, items: Mapping[str, Sequence[Item]], setting: Measuring, *, folder: Path
) -> dict[str, Evaluated]:
    """Evaluate a model; benchmarks whose gold is a bare answer by accuracy alone."""
    bare = {benchmark_name(name) for name in setting.accuracy_only}
    found: dict[str, Evaluated] = {}
    for measures, names in (
        (tuple(setting.measures), [name for name in items if name not in bare]),
        ((ACCURACY,), [name for name in items if name in bare]),
    ):
        if names:
            found |= evaluate(
                model,
                {name: items[name] for name in names},
                measures=measures,
                max_new_tokens=setting.max_new_tokens,
                batch_tokens=setting.batch_tokens,
                folder=folder / "answers",
            )
    return {name: found[name] for name in items}
