"""A whole run: its stages in order, each done once and kept.

Read `STAGES` downwards to see the way of a row from its source to the mixture.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from hf_qads.config.loading import dump, parse
from hf_qads.config.schema import Config
from hf_qads.errors import ConfigError, RunError
from hf_qads.pipeline.checks import check
from hf_qads.pipeline.log_forwarding import INDENT, forward_logs
from hf_qads.pipeline.memory import peak_memory
from hf_qads.pipeline.models import with_dtype
from hf_qads.pipeline.stage import Context, Outcome, Stage
from hf_qads.pipeline.stages import (
    augmenting,
    experience,
    features,
    influence,
    mixture,
    pool,
    report,
    row_scores,
    scorer,
    scores,
    selection,
    vectors,
    worth,
)
from hf_qads.rows.chat import kept_date
from hf_qads.runfolder import RunFolder, stage_key
from hf_qads.runtime import distributed, files
from hf_qads.runtime.array_parts import Part
from hf_qads.runtime.executors import Executor, Lead, PartDone, WorkerEngine, using
from hf_qads.runtime.progress import quiet

DTYPE = "dtype"  # a run's file of what its model computes in
BEGIN = ".begin.part"  # lock of parts that begin at the same time

STAGES: tuple[Stage, ...] = (
    augmenting.STAGE,
    pool.STAGE,
    experience.STAGE,
    vectors.STAGE,
    influence.STAGE,
    scorer.STAGE,
    scores.STAGE,
    row_scores.STAGE,
    features.STAGE,
    selection.STAGE,
    worth.STAGE,
    mixture.STAGE,
    report.STAGE,
)


def run(
    config: Config,
    out: Path,
    *,
    until: str | None = None,
    num_proc: int = 1,
    engine: WorkerEngine | None = None,
    say: Callable[[str], None] = print,
) -> RunFolder:
    """Go from raw rows to a finished mixture in the run folder `out`; what is complete is not done again.

    Args:
        config: the checked config.
        out: the run folder; created, or resumed where it is there.
        until: name of the last stage to do; None does all.
        num_proc: processes that read large sources. With more than one, a script needs its
            `if __name__ == "__main__"`.
        engine: has the shards of costly stages done by its workers, as `runtime.ray_engine.RayEngine` does;
            None does them in this process, or in the ranks of its launch.
        say: is told, a line at a time, what is done, redone and why.

    Raises:
        QaDSError: something that a user can put right.
        OSError: the disk is full or not writable.
    """
    _check(config, until)
    folder = RunFolder(out)
    if distributed.rank() > 0:
        distributed.barrier()  # rank 0 holds the lock for all
        with _same_day(config, folder):
            return _go(Context(decided(config, folder), folder, lambda line: None), until)
    _check_folder(out)
    with folder.locked():
        files.write_text(folder.path / "config.yaml", dump(config))
        settled = decided(config, folder)
        if settled.model.dtype not in (config.model.dtype, "float32"):
            say(f"The model computes in {settled.model.dtype}, in this run and whenever it is resumed.")
        with _same_day(config, folder):
            distributed.barrier()
            return _go(Context(settled, folder, say, num_proc), until, engine)


def _check(config: Config, until: str | None) -> None:
    names = [stage.name for stage in stages(config)]
    if until is not None and until not in names:
        raise ConfigError(f"there is no stage {until!r}. The stages are: {', '.join(names)}.")
    check(config)


def _check_folder(out: Path) -> None:
    """Check that a run may write to a folder.

    Raises:
        RunError: it holds something else.
    """
    if out.exists() and not (out / "config.yaml").exists():
        if any(path.name != BEGIN for path in out.iterdir()):
            raise RunError(f"{out} holds other files and is no run folder. Give an empty or new --out.")


def decided(config: Config, folder: RunFolder) -> Config:
    """The config with the model's dtype as this run decided it, or now decides it for all workers."""
    model = with_dtype(config.model, folder.path / DTYPE, device=config.device)
    return config.model_copy(update={"model": model})


def _same_day(config: Config, folder: RunFolder) -> AbstractContextManager[None]:
    """Keep the date that a chat template writes for today's: that of the run's first day."""
    return kept_date(folder.path / "date") if config.model.template == "chat" else nullcontext()


@contextmanager
def reading(folder: RunFolder) -> Iterator[None]:
    """Keep a run as it is, and its day for today, while other work reads it beside others that do.

    Raises:
        RunError: a run is at work in the folder.
    """
    with folder.locked(shared=True), _same_day(parse(folder.config()), folder):
        yield


def stages(config: Config) -> list[Stage]:
    """The stages that a config asks for, in order."""
    return [stage for stage in STAGES if stage.when(config)]


def unfinished(config: Config, folder: RunFolder, *, until: str | None = None) -> list[Stage]:
    """The stages, in order and up to `until`, that a run with this config has still to do in a folder."""
    keys, found = wanted(config), []
    for stage in stages(config):
        if not folder.finished(stage.name, keys[stage.name][0]):
            found.append(stage)
        if stage.name == until:
            break
    return found


def run_part(
    config: Config, out: Path, part: Part, *, until: str | None = None, say: Callable[[str], None] = print
) -> RunFolder:
    """Do one part of the shards of a run's current stage, and nothing else: a task of a batch array.

    The current stage is the first that is not finished, or `until` where that is not. When all parts are
    done, `run` finds every shard there, puts them together and goes on.

    Args:
        config: the checked config.
        out: the run folder, on a file system that all parts share.
        part: which shards.
        until: name of the stage; None takes the current one.
        say: is told what was done.

    Raises:
        RunError: the stage is not cut into shards, one before it is not finished, or a whole run works in the
            folder.
        QaDSError: something else that a user can put right.
    """
    _check(config, until)
    folder = RunFolder(out)
    if not (out / "config.yaml").exists():
        _check_folder(out)
        with files.locked(out / BEGIN):
            files.write_text(out / "config.yaml", dump(config))
    with files.locked(out / BEGIN):
        config = decided(config, folder)
    left = unfinished(config, folder)
    if until not in (None, *(stage.name for stage in left)) or not left:
        say(f"{until}: done before" if until else "Everything is done.")
        return folder
    stage = left[0]
    if until not in (None, stage.name) or not stage.passes(config):
        why = f"{until!r} after it" if stage.passes(config) else "is one piece of work"
        raise RunError(
            f"the stage {stage.name!r} comes next, and {why}: start the run with --until {stage.name} and "
            "without --shard, then the array."
        )
    with folder.locked(shared=True):
        with files.locked(out / BEGIN):
            part.folder = folder.begin(stage.name, wanted(config)[stage.name][0])
        say(f"{stage.name}: part {part.number} of {part.count} (from 0)")
        context = Context(config, folder, lambda line: None)
        with _same_day(config, folder):
            _work_on(context, stage, part, forward_logs(say))
        say(f"{INDENT}done. When all parts are, the same command without --shard puts them together.")
    return folder


class StageWorker:
    """Works on shards of a run's stages in a process that does not lead it; keeps its model between stages.

    Args:
        out: the run folder.
    """

    def __init__(self, out: Path) -> None:
        self._out = out.absolute()
        self._context: Context | None = None

    def __eq__(self, other: object) -> bool:
        """Whether another works on the same run."""
        return isinstance(other, StageWorker) and other._out == self._out

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, stage: str, executor: Executor) -> None:
        """Do the shards of a stage that an executor hands to this process."""
        quiet()
        if self._context is None:
            run = RunFolder.open(self._out)
            config = parse(run.config(), where=str(run.path / "config.yaml"))
            self._context = Context(decided(config, run), run, lambda line: None)
        context = self._context
        with _same_day(context.config, context.run):
            _work_on(context, next(one for one in STAGES if one.name == stage), executor, nullcontext())


def _work_on(context: Context, stage: Stage, executor: Executor, logs: AbstractContextManager[None]) -> None:
    with logs, using(executor), suppress(PartDone):
        stage.work(context, context.run.folder(stage.name))


def wanted(config: Config) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Key and settings that each stage's result would have under `config`."""
    keys: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for stage in stages(config):
        settings = stage.settings(config)
        needs = {need: keys[need][0] for need in stage.needs if need in keys}
        keys[stage.name] = stage_key(stage.name, stage.version, settings, needs), settings
    return keys


def _go(context: Context, until: str | None, engine: WorkerEngine | None = None) -> RunFolder:
    keys = wanted(context.config)
    redone: list[str] = []
    for number, stage in enumerate(stages(context.config), start=1):
        key, settings = keys[stage.name]
        place = f"[{number}/{len(keys)}] {stage.name}"
        if context.run.finished(stage.name, key):
            if distributed.rank() == 0:
                context.run.tidy(stage.name)
            context.say(f"{place}: done before")
        else:
            why = _why(context.run, stage, settings, redone)
            context.say(f"{place}" + (f": again, because {why}" if why else ""))
            redone.append(stage.name)
            _do(context, stage, key, settings, engine)
        if stage.name == until:
            break
    return context.run


def _do(
    context: Context, stage: Stage, key: str, settings: Mapping[str, Any], engine: WorkerEngine | None
) -> None:
    quiet()
    leads = distributed.rank() == 0
    folder = context.run.begin(stage.name, key) if leads else context.run.folder(stage.name)
    distributed.barrier()
    started = time.monotonic()
    outcome: Outcome | None = None
    # what another rank has to warn of is said by nobody else, so there it stays in the log
    with peak_memory() as peak, forward_logs(context.say) if leads else nullcontext():
        if leads or stage.shared:
            lead = Lead(engine, StageWorker(context.run.path), stage.name) if engine else None
            with using(lead) if lead and stage.passes(context.config) else nullcontext():
                outcome = stage.work(context, folder)
    distributed.barrier()
    if leads and outcome is not None:
        seconds = time.monotonic() - started
        line = {
            "key": key,
            "seconds": round(seconds, 2),
            "peak_rss_mib": round(peak.mib),
            "rows_in": outcome.rows_in,
            "rows_out": outcome.rows_out,
            "left_out": outcome.left_out,
            "settings": settings,
            "details": outcome.details,
            "citations": outcome.citations,
        }
        context.run.record(stage.name, line)
        context.say(f"{INDENT}{_summary(outcome)} in {seconds:.1f} s")
    distributed.barrier()


def _summary(outcome: Outcome) -> str:
    gone: dict[str, int] = {}
    for reasons in outcome.left_out.values():
        for reason, count in reasons.items():
            gone[reason] = gone.get(reason, 0) + count
    text = f"{outcome.rows_in:,} rows in, {outcome.rows_out:,} out"
    return text + "".join(f", {count:,} left out ({reason})" for reason, count in gone.items())


def _why(run: RunFolder, stage: Stage, settings: Mapping[str, Any], redone: list[str]) -> str | None:
    """Why a stage that finished once is done again; None where it never finished."""
    line = run.line(stage.name)
    if line is None:
        return None
    changes = _changes(line["settings"], settings)
    if changes:
        return "; ".join(changes)
    again = [need for need in stage.needs if need in redone]
    if again:
        return f"{' and '.join(again)} changed"
    damaged = run.damaged(stage.name)
    if damaged:
        return f"files are missing or damaged: {', '.join(damaged[:3])}"
    return "its code or an earlier stage changed"


def _changes(old: Any, new: Any, place: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, Mapping):
        inner = (place + "." if place else "").join
        return [
            change
            for name in {**old, **new}
            for change in _changes(old.get(name), new.get(name), inner(["", str(name)]))
        ]
    return [] if old == new else [f"{place} was {_short(old)} and is {_short(new)}"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
