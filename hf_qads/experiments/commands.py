"""The commands `hf-qads compare`, with its plan, `hf-qads validity` and `hf-qads scaling`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from hf_qads.config import experiments as settings
from hf_qads.config.experiments import Experiment
from hf_qads.embedded import compare_quick_path
from hf_qads.errors import ConfigError, RunError
from hf_qads.experiments import report
from hf_qads.experiments.cells import CELLS, CellWorker, Study, failure, results
from hf_qads.experiments.compare import ComparisonStudy
from hf_qads.experiments.costs import cost_lines
from hf_qads.experiments.planning import plan_text
from hf_qads.experiments.workbench import ROW_SCORES, SCORED
from hf_qads.pipeline.log_forwarding import forward_logs
from hf_qads.pipeline.summary import open_shards
from hf_qads.pipeline.summary import status as of_run
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import distributed, engines
from hf_qads.runtime.array_parts import Part, missing
from hf_qads.runtime.executors import Lead, PartDone, using
from hf_qads.runtime.progress import quiet

Say = Callable[[str], None]


def compare(
    *,
    config: Path | None,
    overrides: Sequence[str],
    out: Path | None,
    plan: bool,
    quick: bool,
    shard: str | None = None,
    say: Say = print,
    **workers: Any,
) -> str:
    """Do what is left of a comparison and say what may be concluded; or say what it would take.

    Args:
        config: its YAML; None with `quick`, which is one inside the package.
        overrides: `KEY=VALUE` within it, such as `compare.seeds=5`.
        out: its folder; None is `RUN/compare` of a run folder, else `runs/NAME`.
        plan: say how many cells, tokens and hours there are and what could be detected, and do nothing.
        quick: the embedded pool in a few minutes.
        shard: `I/N` does that part of the cells and writes no report: the task of a batch array.
        say: is told a line per cell.
        workers: who does the cells, as `runtime.engines.start` has it; a process for each GPU by default.

    Returns:
        the report in Markdown and where it lies, the plan, or a line after a part of the cells.

    Raises:
        QaDSError: something a user can mend.
    """
    quiet()
    part = None if shard is None else Part.parse(shard)
    if quick == (config is not None):
        raise ConfigError("Name one of a config and --quick, which is a config of its own.")
    experiment = settings.load(config or compare_quick_path(), overrides)
    run = Path(experiment.compare.run if experiment.compare else "")
    out = out or (run / "compare" if (run / "ledger.jsonl").is_file() else Path("runs") / experiment.name)
    if plan:
        return plan_text(experiment, out)
    say(plan_text(experiment, out))
    study, failed = _study(ComparisonStudy, experiment, out, part, say, workers)
    return _part_done(shard) if failed is None else f"{write(study, failed)}\nTables, figures and page: {out}"


def validity(
    *,
    config: Path,
    overrides: Sequence[str],
    out: Path | None,
    shard: str | None = None,
    say: Say = print,
    **workers: Any,
) -> str:
    """Do what is left of a study of scores and say what each predicts.

    Args:
        config: its YAML.
        overrides: `KEY=VALUE` within it, such as `validity.groups=4`.
        out: its folder; None is `runs/NAME`.
        shard: `I/N` does that part of the cells and writes no report.
        say: is told a line per cell.
        workers: who does the cells, as for `compare`.

    Returns:
        the report in Markdown and where it lies, or a line after a part of the cells.

    Raises:
        QaDSError: something a user can mend.
    """
    from hf_qads.experiments import validity as scores

    study, shown = _told(scores.ScoreValidity, scores.write, config, overrides, out, shard, say, workers)
    return shown if study is None else f"{shown}\nTable: {study.out}"


def scaling(
    *,
    config: Path,
    overrides: Sequence[str],
    out: Path | None,
    shard: str | None = None,
    say: Say = print,
    **workers: Any,
) -> str:
    """Do what is left of a scaling study; says how each measure grows and what generated rows add.

    Args:
        config: its YAML.
        overrides: `KEY=VALUE` within it, such as `scaling.seeds=5`.
        out: its folder; None is `runs/NAME`.
        shard: `I/N` does that part of the cells and writes no report.
        say: is told a line per cell.
        workers: who does the cells, as for `compare`.

    Returns:
        the report in Markdown and where it lies, or a line after a part of the cells.

    Raises:
        QaDSError: something a user can mend.
    """
    from hf_qads.experiments import scaling_report
    from hf_qads.experiments.scaling import ScalingStudy

    study, shown = _told(ScalingStudy, scaling_report.write, config, overrides, out, shard, say, workers)
    return shown if study is None else f"{shown}\nTable, figure and numbers: {study.out}"


def status(path: Path) -> str:
    """What of a run, or of an experiment's cells, is done, failed or missing.

    Raises:
        RunError: `path` is no folder of either.
    """
    folder = path / CELLS
    if not folder.is_dir() or (path / "config.yaml").exists():
        return of_run(path)
    left = [path.parent for one in missing(folder) for path in one.files]
    lines = [f"{own.name}: failed: {why}" for own in left if (why := failure(own)) is not None]
    open_cells = open_shards(folder, CELLS)
    return "\n".join([*lines, *(open_cells or ["All cells are done."])])


S = TypeVar("S", bound=Study)


def _told(
    make: Callable[..., S],
    write: Callable[[S, Mapping[str, str]], str],
    config: Path,
    overrides: Sequence[str],
    out: Path | None,
    shard: str | None,
    say: Say,
    workers: Mapping[str, Any],
) -> tuple[S | None, str]:
    """Do what is left of a study and write its report; a line, and no study, after a part of its cells."""
    quiet()
    experiment = settings.load(config, overrides)
    part = None if shard is None else Part.parse(shard)
    study, failed = _study(make, experiment, out or Path("runs") / experiment.name, part, say, workers)
    return (None, _part_done(shard)) if failed is None else (study, write(study, failed))


def _study(
    make: Callable[..., S],
    experiment: Experiment,
    out: Path,
    part: Part | None,
    say: Say,
    workers: Mapping[str, Any],
) -> tuple[S, dict[str, str] | None]:
    """Open a study and have its cells done; name of a failed cell -> why, or None after a part of them."""
    if distributed.world_size() > 1:
        raise RunError(
            "cells are no work for the ranks of a launch. Start one process: it has one of its own for each "
            "GPU. On several machines take --engine ray, or an array with --shard."
        )
    with RunFolder(out).locked(shared=part is not None):
        study = make(experiment, out, say=say)
        if part is not None:
            part.folder = out / CELLS
            with using(part), suppress(PartDone):
                study.do()
            return study, None
        with engines.start(out=out, say=say, **{"engine": "local", "every_gpu": True, **workers}) as there:
            if there is None:
                return study, study.do()
            with using(Lead(there, CellWorker(make, experiment, out.absolute()), CELLS)), forward_logs(say):
                return study, study.do()


def _part_done(shard: str | None) -> str:
    return f"Part {shard} of the cells is done. The same command without --shard writes the report."


def write(comparison: ComparisonStudy, failed: dict[str, str]) -> str:
    """Write the report of what is finished; returns its Markdown."""
    setting, cells = comparison.setting, comparison.cells
    done = results(cells, comparison.out / CELLS)
    return report.write(
        comparison.out,
        comparison.name,
        done,
        control=setting.control,
        budgets=list(comparison.budgets),
        measures=list(setting.evaluate.by_measure()),
        arms={name: arm.choice for name, arm in comparison.arms.items()},
        stages={
            line["stage"]: line["key"]
            for line in comparison.run.ledger()
            if line["stage"] in (*SCORED, ROW_SCORES)
        },
        out_of_domain=setting.evaluate.out_of_domain,
        notes=_notes(comparison, len(done), failed),
        costs=cost_lines(comparison, done),
    )


def _notes(comparison: ComparisonStudy, done: int, failed: dict[str, str]) -> list[str]:
    notes = [f"{done} of {len(comparison.cells)} cells are done."]
    notes += [f"The cell {name} failed: {reason}" for name, reason in failed.items()]
    notes += [
        f"{count:,} rows are no candidates of any arm: {reason}."
        for reason, count in comparison.candidates.left_out.items()
    ]
    notes.append(
        "Intervals hold for all arms of a table together (Holm, 95 %): each verdict is decided by the one "
        "that is shown. Seeds and questions both count as samples; benchmarks weigh alike."
    )
    return notes
