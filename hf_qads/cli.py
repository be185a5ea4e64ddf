"""The command line `hf-qads COMMAND`: parse, call a function with the flags, report errors in one line."""

import argparse
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from hf_qads import __version__
from hf_qads.errors import DISK_ADVICE, QaDSError
from hf_qads.runtime import distributed

Command = Callable[..., str | None]  # takes its flags by name; what it returns is printed
OF_LEADERS = ("engine", "address", "workers", "gpus_per_worker", "gpu_type", "num_proc")  # only if given


class Terminated(BaseException):
    """SIGTERM came. Like KeyboardInterrupt it is no Exception, so that nobody on the way takes it for one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 on success, 2 where the user can put it right, 130 after Ctrl-C, 143 after SIGTERM, 1 on
        anything else.
    """
    # Threads that spin while they wait bring a small model to a crawl where another process wants the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    flags = _flags(arguments)
    warnings.formatwarning = _one_line
    if flags.get("shard") is not None and (given := [name for name in OF_LEADERS if name in flags]):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        return _fail(f"--shard does a part of the work in this process alone. Leave {named} out.")
    command: Command = flags.pop("command")
    resumes = flags.pop("resumes")
    kept = " What is finished is kept: the same command goes on from there." if resumes else ""
    try:
        with _terminable():
            text = command(**flags)
            if text is not None:
                _say(text)
    except QaDSError as error:
        return _fail(" ".join(str(error).split()))
    except KeyboardInterrupt:
        return _fail(f"stopped by Ctrl-C.{kept}", code=128 + signal.SIGINT)
    except Terminated:
        return _fail(f"stopped by SIGTERM.{kept}", code=128 + signal.SIGTERM)
    except BrokenPipeError:
        # Whoever read our output has gone; leave nothing for the interpreter to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        advice = DISK_ADVICE.get(error.errno or 0)
        if advice is None:
            raise
        return _fail(f"{error.filename or 'writing'}: {error.strerror}. {advice}")
    return 0


def _flags(arguments: Sequence[str] | None) -> dict[str, Any]:
    """What was asked for; KEY=VALUE may stand behind options too, where argparse does not look for it."""
    parser = _parser()
    flags, further = parser.parse_known_args(arguments)
    if any(one.startswith("-") or "=" not in one or "overrides" not in flags for one in further):
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    if further:
        flags.overrides += further
    if getattr(flags, "quick", False) and "=" in str(flags.config):  # no file: the first change stands there
        flags.config, flags.overrides = None, [str(flags.config), *flags.overrides]
    return vars(flags)


def _fail(message: str, *, code: int = 2) -> int:
    print(f"hf-qads: error: {message}", file=sys.stderr)
    return code


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into `Terminated`, so that a scheduler's kill ends with a line and no half-written file.

    The ranks of a launch die at once, as their launcher expects: one that waits for another would not come
    to run Python code. So do workers that were forked from here, and so does a process killed twice.
    """
    if threading.current_thread() is not threading.main_thread() or distributed.world_size() > 1:
        yield
        return
    here = os.getpid()

    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != here:
            os.kill(os.getpid(), number)
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _one_line(message: Warning | str, *_: object, **__: object) -> str:
    """A warning as a person wants to read it: without the line of code that raised it."""
    return f"hf-qads: note: {' '.join(str(message).split())}\n"


def _say(line: str) -> None:
    if distributed.rank() == 0:
        print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hf-qads",
        description="Choose the rows to fine-tune on: Quality-aware Diverse Selection (QaDS).",
        epilog="A first look: hf-qads quickstart. On your own files: hf-qads run CONFIG.yaml.",
    )
    parser.add_argument("--version", action="version", version=f"hf-qads {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(
        name: str, command: Command | str, help_text: str, *, resumes: bool = False
    ) -> argparse.ArgumentParser:
        """Add a command: a function here, or `module:function` of the package, loaded when it is called."""
        added = commands.add_parser(name, help=help_text, description=help_text)
        function = _late(command) if isinstance(command, str) else command
        added.set_defaults(command=function, resumes=resumes)
        return added

    quickstart = add(
        "quickstart", _quickstart, "the whole way on the embedded pool, model and scorer", resumes=True
    )
    quickstart.add_argument("--out", type=_on_disk, default=Path("runs/quickstart"), help="run folder")

    run = add("run", _run, "go from raw rows to a finished mixture, as a config says; resumes", resumes=True)
    run.add_argument("config", type=Path, help="YAML file")
    run.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for example select.metric=cosine")
    run.add_argument("--out", type=_on_disk, help="run folder (default: runs/NAME)")
    run.add_argument("--until", metavar="STAGE", help="last stage to do; with --shard, the stage to work on")
    run.add_argument(
        "--num-proc",
        type=int,
        default=argparse.SUPPRESS,
        help="processes that read large sources (default: one a core)",
    )
    _share(run, "the current stage's shards", alone="locally this process alone")

    augment = add("augment", _augment, "generate rows as a config's augment section says", resumes=True)
    augment.add_argument("config", type=Path, help="YAML file of a run")
    augment.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for example augment.rounds=2")
    augment.add_argument("--out", type=_on_disk, help="run folder; `run` goes on (default: runs/NAME)")

    compare = add(
        "compare", "experiments.commands:compare", "does a strategy or mixture help? arms x seeds, verdicts",
        resumes=True,
    )  # fmt: skip
    _study(compare, "compare", nargs="?", out="RUN/compare where it names a run folder, else runs/NAME")
    compare.add_argument(
        "--plan", action="store_true", help="say what it takes and what it can detect, and do nothing"
    )
    compare.add_argument("--quick", action="store_true", help="no file: the embedded pool, some minutes")

    scaling = add(
        "scaling", "experiments.commands:scaling", "how measures grow with the data, and where", resumes=True
    )
    _study(scaling, "scaling")

    validity = add(
        "validity", "experiments.commands:validity", "does a score predict what is learnt?", resumes=True
    )
    _study(validity, "validity")

    status = add("status", "experiments.commands:status", "what of a run or an experiment is done and left")
    status.add_argument("path", metavar="RUN", type=Path, help="run folder, or that of compare and the like")

    score = add("score", "pipeline.dataset_commands:score", "add a quality score to each row of a dataset")
    score.add_argument("dataset", help="Hub id, folder or file")
    score.add_argument(
        "--scorer",
        help="Hub id or folder (default: what the environment variable HF_QADS_SCORER names, else the "
        "embedded one, for demonstration)",
    )
    score.add_argument("--score", metavar="NAME", help="another score than quality; see hf-qads scores")
    score.add_argument("--model", help="with --score: a folder, a Hub id, smollm2 or embedded")
    score.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="with --score: one of its options"
    )
    score.add_argument("--split", help="split; default: train")
    score.add_argument("--out", type=_on_disk, help="parquet file to write (default: NAME-scored.parquet)")
    score.add_argument("--push", metavar="REPO", help="dataset repository to push to")

    select = add(
        "select", "pipeline.dataset_selection:select", "choose rows of a dataset by a strategy, in rank order"
    )
    select.add_argument("dataset", help="Hub id, folder or file; qads_score and qads_embedding are read")
    amount = select.add_mutually_exclusive_group(required=True)
    amount.add_argument("--size", type=int, help="rows to choose")
    amount.add_argument("--fraction", type=float, help="share of the rows to choose, in (0, 1]")
    select.add_argument(
        "--strategy",
        default="qads",
        help="name of a strategy (default: %(default)s); hf-qads strategies lists them",
    )
    select.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="one of the strategy's options"
    )
    select.add_argument(
        "--target", action="append", default=[], metavar="DATASET", help="rows to be good at (rds, less, ...)"
    )
    select.add_argument("--metric", default="euclidean", choices=("euclidean", "cosine"))
    select.add_argument("--start", type=int, default=100, help="rows of the start pool")
    select.add_argument("--seed", type=int, default=0)
    select.add_argument("--split", help="split; default: train")
    select.add_argument(
        "--model",
        help="makes vectors and features that rows do not bring: Hub id, folder, or embedded (default)",
    )
    select.add_argument("--out", type=_on_disk, help="parquet file to write (default: NAME-selected.parquet)")

    plan = add(
        "plan", "pipeline.planning.plan:plan", "rows, tokens, passes, hours and disk, before anything runs"
    )
    plan.add_argument("what", metavar="CONFIG | PRESET")
    plan.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for example select.metric=cosine")
    plan.add_argument("--out", type=_on_disk, help="run folder that scripts name (default: runs/NAME)")
    plan.add_argument(
        "--measure", action="store_true", help="measure the model's speed here, for some seconds"
    )
    plan.add_argument("--slurm", type=Path, metavar="FILE", help="write a script that submits Slurm arrays")
    plan.add_argument("--hf-jobs", type=Path, metavar="FILE", help="write one for Hugging Face Jobs")
    plan.add_argument("--gpus", type=int, nargs="+", metavar="N", help="hours of each stage on so many GPUs")
    plan.add_argument("--rows", type=int, help="plan for a pool of so many rows")

    publish = add(
        "publish",
        "publishing.commands:publish",
        "put a finished run on the Hub, with cards that carry the evidence, or its mixture into a bucket",
    )
    publish.add_argument("run", type=Path, help="run folder")
    publish.add_argument(
        "--to", required=True, help="user or organisation, or a place for the mixture: s3://..."
    )
    publish.add_argument("--private", action="store_true")
    publish.add_argument("--dry-run", action="store_true", help="stage and check, and send nothing")
    publish.add_argument("--accept-licences", action="store_true", help="publish in spite of licence flags")
    publish.add_argument("--out", type=_on_disk, help="folder to stage in (default: RUN/publish)")
    publish.add_argument(
        "--replace", action="store_true", help="put ours in the place of configs and files that are not ours"
    )

    check = add(
        "check", "publishing.commands:check", "check that a staged folder or a mixture is complete and loads"
    )
    check.add_argument("folder", type=Path)

    explore = add(
        "explore", "publishing.space:explore", "browse a run's rows, scores and picks in a local page"
    )
    explore.add_argument("run", type=Path, help="run folder")
    explore.add_argument("--port", type=int, help="port (default: the first free one from 7860 on)")

    sources = add("sources", _sources, "the catalogue of datasets, or one entry of it")
    sources.add_argument("name", nargs="?")
    add("strategies", "selection.registry:listing", "the selection strategies, what each needs, its options")
    add("scores", "scoring.scores.registry:listing", "the scores beside the quality score, for score --score")
    return parser


def _study(
    command: argparse.ArgumentParser, section: str, nargs: str | None = None, out: str = "runs/NAME"
) -> None:
    """Add what every experiment is given: its file, changes to it, its folder, who does its cells."""
    command.add_argument("config", type=Path, nargs=nargs, help="YAML file")
    command.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help=f"for example {section}.seeds=5")
    command.add_argument("--out", type=_on_disk, help=f"folder (default: {out})")
    _share(command, "the cells")


def _share(command: argparse.ArgumentParser, what: str, alone: str = "locally one a GPU") -> None:
    """Add the flags that say who does the work."""
    command.add_argument(
        "--shard",
        nargs="?",
        const="auto",
        metavar="I/N",
        help=f"do part I of N of {what}, from 0, and end; without I/N, as a Slurm array says",
    )
    add = partial(command.add_argument, default=argparse.SUPPRESS)
    add("--engine", choices=("local", "ray"), help="who does the work (default: local)")
    add("--address", help="of the Ray cluster (default: auto); local starts one")
    add(
        "--workers", type=int, help=f"processes (default: on Ray one a GPU, without GPUs one a node; {alone})"
    )
    add("--gpus-per-worker", type=float, help="on Ray; default: 1 where it has GPUs, else 0")
    add("--gpu-type", help="take only GPUs of this Ray accelerator type")


def _on_disk(text: str) -> Path:
    """The path of something that is written; an address of an object store is none."""
    from hf_qads.repositories.places import is_place

    if is_place(text):
        raise argparse.ArgumentTypeError(
            f"{text} is no path on a disk. Work in progress needs POSIX renames and locks, which object "
            "stores do not have. Give a path; `hf-qads publish RUN --to` puts the finished mixture there."
        )
    return Path(text)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _late(place: str) -> Command:
    """A function of the package that is imported when it is called."""
    module, name = place.split(":")

    def call(**flags: object) -> str | None:
        command: Command = getattr(import_module(f"hf_qads.{module}"), name)
        return command(**flags)

    return call


def _quickstart(*, out: Path) -> str:
    from hf_qads import embedded
    from hf_qads.config import loading
    from hf_qads.pipeline import run as pipeline
    from hf_qads.pipeline.summary import conclusion

    return conclusion(pipeline.run(loading.load(embedded.quickstart_path()), out, say=_say))


def _run(
    *,
    config: Path,
    overrides: list[str],
    out: Path | None,
    until: str | None,
    shard: str | None,
    num_proc: int | None = None,
    **workers: Any,
) -> str | None:
    from hf_qads.config import loading
    from hf_qads.pipeline import run as pipeline
    from hf_qads.pipeline.summary import conclusion
    from hf_qads.runtime import engines
    from hf_qads.runtime.array_parts import Part

    checked = loading.load(config, overrides)
    out = out or Path("runs") / checked.name
    if shard is not None:
        pipeline.run_part(checked, out, Part.parse(shard), until=until, say=_say)
        return None
    with engines.start(out=out, say=_say, **{"engine": "local", **workers}) as there:
        own = num_proc or _cores()
        done = pipeline.run(checked, out, until=until, num_proc=own, engine=there, say=_say)
    return conclusion(done) if until in (None, "mixture", "report") else None


def _augment(*, config: Path, overrides: list[str], out: Path | None) -> str:
    from hf_qads.config import loading
    from hf_qads.errors import ConfigError
    from hf_qads.pipeline import run as pipeline
    from hf_qads.pipeline.summary import generated

    checked = loading.load(config, overrides)
    if checked.augment is None:
        raise ConfigError(f"{config} has no section augment. Write for example `augment: {{model: rules}}`.")
    out = out or Path("runs") / checked.name
    return generated(pipeline.run(checked, out, until="augmenting", say=_say))


def _sources(*, name: str | None) -> str:
    from hf_qads.sources.catalogue import describe, table

    return table() if name is None else describe(name)
