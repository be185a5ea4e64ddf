"""The commands `hf-qads compare`, with its plan, and `hf-qads validity`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hf_qads.config import experiments as settings
from hf_qads.config.experiments import Experiment, measures_of
from hf_qads.embedded import compare_path
from hf_qads.errors import ConfigError
from hf_qads.experiments import report
from hf_qads.experiments.cells import results, times
from hf_qads.experiments.compare import CELLS, Comparison
from hf_qads.experiments.planning import plan_text
from hf_qads.runtime.progress import quiet

Say = Callable[[str], None]


def compare(
    *,
    config: Path | None,
    overrides: Sequence[str],
    out: Path | None,
    plan: bool,
    quick: bool,
    part: str | None = None,
    say: Say = print,
) -> str:
    """Do what is left of a comparison and say what may be concluded; or say what it would take.

    Args:
        config: its YAML; None with `quick` is the one inside the package.
        overrides: `KEY=VALUE` within it, such as `compare.seeds=5`.
        out: its folder; None is `RUN/compare` of a run folder, else `runs/NAME`.
        plan: say how many cells, tokens and hours there are and what could be detected, and do nothing.
        quick: the embedded pool in a few minutes.
        part: `I/N` does that part of the cells and writes no report: a process per GPU, then once without.
            The run that scores come from must be there before several start.
        say: is told a line per cell.

    Raises:
        QaDSError: something a user can mend.
    """
    quiet()
    share = _part(part)
    experiment = _experiment(config, overrides, quick=quick)
    run = Path(experiment.compare.run if experiment.compare else "")
    out = out or (run / "compare" if (run / "ledger.jsonl").is_file() else Path("runs") / experiment.name)
    if plan:
        return plan_text(experiment, out)
    comparison = Comparison(experiment, out, say=say)
    say(plan_text(experiment, out))
    failed = comparison.do(share)
    if part is not None:
        return f"Part {part} of the cells is done. The same command without --part writes the report."
    shown = write(comparison, failed)
    return f"{shown}\nTables, figures and page: {out}"


def _part(text: str | None) -> tuple[int, int]:
    if text is None:
        return 1, 1
    number, _, count = text.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise ConfigError(f"--part {text!r} is no part. Write I/N with 1 <= I <= N, such as 2/4.")
    return int(number), int(count)


def validity(*, config: Path, overrides: Sequence[str], out: Path | None, say: Say = print) -> str:
    """Do what is left of a study of scores and say what each predicts.

    Args:
        config: its YAML.
        overrides: `KEY=VALUE` within it.
        out: its folder; None is `runs/NAME`.
        say: is told a line per cell.

    Raises:
        QaDSError: something a user can mend.
    """
    from hf_qads.experiments import validity as scores

    quiet()
    experiment = settings.load(config, overrides)
    out = out or Path("runs") / experiment.name
    study = scores.ScoreValidity(experiment, out, say=say)
    failed = study.do()
    shown = scores.write(study, results(study.cells, out / CELLS), failed)
    return f"{shown}\nTable: {out}"


def scaling(*, config: Path, overrides: Sequence[str], out: Path | None, say: Say = print) -> str:
    """Do what is left of a scaling study; says how each measure grows and what generated rows add.

    Args:
        config: its YAML.
        overrides: `KEY=VALUE` within it.
        out: its folder; None is `runs/NAME`.
        say: is told a line per cell.

    Raises:
        QaDSError: something a user can mend.
    """
    from hf_qads.experiments import scaling_report
    from hf_qads.experiments.scaling import ScalingStudy

    quiet()
    experiment = settings.load(config, overrides)
    out = out or Path("runs") / experiment.name
    study = ScalingStudy(experiment, out, say=say)
    return f"{scaling_report.write(study, study.do())}\nTable, figure and numbers: {out}"


def write(comparison: Comparison, failed: dict[str, str]) -> str:
    """Write the report of what is finished; returns its Markdown."""
    setting, cells = comparison.setting, comparison.cells
    done = results(cells, comparison.out / CELLS)
    control = comparison.arms[setting.control] if setting.control in comparison.arms else None
    factors = {
        name: [
            what
            for what in ("strategy", "options", "start", "metric", "ratio")
            if control is not None and getattr(arm, what) != getattr(control, what)
        ]
        for name, arm in comparison.arms.items()
    }
    return report.write(
        comparison.out,
        comparison.name,
        done,
        control=setting.control,
        budgets=list(comparison.budgets),
        measures=measures_of(setting.evaluate),
        factors=factors,
        out_of_domain=setting.evaluate.out_of_domain,
        notes=_notes(comparison, len(done), failed),
        costs=_costs(comparison),
    )


def _notes(comparison: Comparison, done: int, failed: dict[str, str]) -> list[str]:
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


def _costs(comparison: Comparison) -> list[str]:
    """What scoring and vectors took once, beside what one cell takes."""
    stages = {line["stage"]: float(line["seconds"]) for line in comparison.run.ledger()}
    once = sum(stages.get(name, 0.0) for name in ("experience", "vectors", "influence", "scorer", "scores"))
    known = times(comparison.cells, comparison.out / CELLS)
    training = [parts["training"] for name, parts in known.items() if "training" in parts]
    if not training:
        return []
    one = float(np.median(training))
    return [
        f"Scores and vectors of the pool took {once:,.0f} s once, as long as the training of "
        f"{once / one:,.1f} cells ({one:,.0f} s each, median); random needs none of it."
    ]


def _experiment(path: Path | None, overrides: Sequence[str], *, quick: bool) -> Experiment:
    if quick or path is None:
        return settings.load(path or compare_path(), ["name=compare-quick", *QUICK, *overrides])
    return settings.load(path, overrides)


QUICK = (
    "compare.seeds=3",
    "compare.arms=[qads, quality, kcenter]",
    "compare.controls=[untrained, random]",
    "compare.evaluate.rows=100",
    "compare.evaluate.measures=[log_probability]",
    "compare.budgets=[{tokens: 6000}]",
)
