"""Ray engine: workers on a Ray cluster do the shards of a run's stages; lost ones are replaced.

Each worker is an actor that keeps its model. It asks a coordinator for one shard after the other and writes
it into the run folder, which must be visible from every node. A shard whose worker is lost, or that fails,
goes to another worker; after three tries it is given up with its error, and the rest goes on.
"""

import logging
import math
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from hf_qads import __version__
from hf_qads.errors import QaDSError, RunError
from hf_qads.runtime.executors import Job, Shard
from hf_qads.runtime.progress import bar
from hf_qads.runtime.shard_book import ENDED, REPLACED, Claims, ShardBook, check_done, enter

logger = logging.getLogger(__name__)

PROBE: Final = ".visible"
PATIENCE: Final = 60.0  # seconds without a worker at work, before that is said


class _Remote:
    """The `ShardBook` of an actor: its methods, called and waited for."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Callable[..., Any]:
        import ray

        method = getattr(self._actor, name)
        return lambda *given, **named: ray.get(method.remote(*given, **named))


class _Worker:
    """An actor: checks that it sees what the driver sees, then works on stages."""

    def __init__(self, version: str, probe: str, token: str, folder: str) -> None:
        place = os.uname().nodename
        if version != __version__:
            raise RunError(f"{place} has hf_qads {__version__}, the driver {version}. Install the same.")
        try:
            seen = Path(probe).read_text(encoding="utf-8")
        except OSError:
            seen = None
        if seen != token:
            raise RunError(
                f"{place} does not see the run folder {Path(probe).parent}. Give an --out on a file system "
                "that all nodes share, under the same path."
            )
        if os.path.isdir(folder):
            os.chdir(folder)  # relative paths of a config are those of the driver

    def work(self, job: Job, book: Any, worker: str, stage: str) -> None:
        """Do shards of a stage."""
        remote = _Remote(book)
        remote.begin(worker)
        if getattr(self, "_job", None) != job:  # one that is the same keeps its model
            self._job = job
        self._job(stage, Claims(remote, worker))


class RayEngine:
    """Workers on a Ray cluster.

    Args:
        out: the run folder, on a file system that all nodes share.
        address: of the cluster, `auto` for the one of this machine, `local` to start one here.
        workers: how many; None takes one for each `gpus_per_worker` GPUs, or one for each node without GPUs.
        gpus_per_worker: GPUs of a worker; None takes 1 where the cluster has some, else 0.
        gpu_type: Ray's accelerator type, where the cluster has several.
        say: is told what goes on, a line at a time.

    Raises:
        RunError: there is no cluster, it lacks what is asked for, or its GPUs differ and none is chosen.
    """

    def __init__(
        self,
        out: Path,
        *,
        address: str = "auto",
        workers: int | None = None,
        gpus_per_worker: float | None = None,
        gpu_type: str | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        self._out, self._say = out.absolute(), say
        self._ray, self._mine = _connect(address)
        resources = self._ray.cluster_resources()
        self._gpus = (1.0 if resources.get("GPU") else 0.0) if gpus_per_worker is None else gpus_per_worker
        self._type = gpu_type
        nodes = sum(bool(node["Alive"]) for node in self._ray.nodes())
        fitting = _fitting(resources, nodes, self._gpus, gpu_type)
        self._count = fitting if workers is None else workers
        if self._count < 1:
            raise RunError(f"--workers {workers} is no number of workers. Give 1 or more.")
        self._token = secrets.token_hex(8)
        self._actors: dict[str, Any] = {}
        self._made = 0

    def __enter__(self) -> "RayEngine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for actor in self._actors.values():
            self._ray.kill(actor)
        self._actors.clear()
        (self._out / PROBE).unlink(missing_ok=True)
        if self._mine:
            self._ray.shutdown()

    def work(self, job: Job, stage: str, handed: Mapping[str, Sequence[Shard]], *, unit: str = "row") -> None:
        """Have the workers do all shards that were handed out.

        Raises:
            ShardsGivenUpError: shards were given up.
            RunError: no worker can be had.
        """
        self._out.mkdir(parents=True, exist_ok=True)
        (self._out / PROBE).write_text(self._token, encoding="utf-8")
        here = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            self._ray.get_runtime_context().get_node_id(), soft=False
        )  # beside the driver, so that no other node takes it along
        actor = self._ray.remote(num_cpus=0, scheduling_strategy=here)(ShardBook).remote()
        book = _Remote(actor)
        enter(book, handed)
        for name in self._actors:
            book.join(name)
        while len(self._actors) < self._count:
            self._add(book)
        state, before = book.state(), None
        title = f"{stage} on {self._count} workers"
        with bar(state["total"], title, unit=unit, done=state["done"]) as progress:
            while self._actors and state["left"] and state != before:  # what failed comes back: once more
                before = state
                state = self._round(actor, job, stage, progress)
        check_done(book, stage)

    def _round(self, actor: Any, job: Job, stage: str, progress: Any) -> dict[str, Any]:
        """Let every worker go through the stage once; how things stand afterwards.

        A worker that still waits for a node when the others have left nothing to do is not waited for.
        """
        running: dict[Any, str] = {}
        book, before = _Remote(actor), None

        def start(name: str) -> None:
            running[self._actors[name].work.remote(job, actor, name, stage)] = name

        for name in self._actors:
            start(name)
        idle = time.monotonic()  # since when; infinite once that was said
        while True:
            for name in self._replaced(running, book):
                start(name)
            state: dict[str, Any] = book.state()
            progress.reach(state["done"])
            busy = state["begun"] & set(running.values())
            if not running or (state["begun"] and not busy and not state["left"]):
                return state
            if busy:
                idle = max(idle, time.monotonic())
            elif state != before:  # what lost workers held comes back to those that have ended
                before = state
                for name in state["begun"] & self._actors.keys():
                    start(name)
            elif time.monotonic() - idle > PATIENCE:
                idle = math.inf
                self._say(
                    f"      waiting for {len(running)} workers: each asks for 1 CPU and {self._gpus:g} GPUs, "
                    "and the cluster may have no room. Add nodes, or stop and give fewer --workers."
                )

    def _replaced(self, running: dict[Any, str], book: _Remote) -> Iterator[str]:
        """Take off those that have ended; the names of workers in the place of lost ones."""
        ready, _ = self._ray.wait(list(running), num_returns=1, timeout=0.5)
        for future in ready:
            name = running.pop(future)
            if (problem := self._problem(future)) is not None:
                self._lose(book, name, problem)
                if self._made < (1 + REPLACED) * self._count:
                    yield self._add(book)

    def _add(self, book: _Remote) -> str:
        """Start a worker; its name."""
        options: dict[str, Any] = {"num_cpus": 1, "num_gpus": self._gpus, "scheduling_strategy": "SPREAD"}
        if self._type:
            options["accelerator_type"] = self._type
        name = f"worker {self._made}"
        self._made += 1
        made = self._ray.remote(**options)(_Worker)
        book.join(name)
        self._actors[name] = made.remote(__version__, str(self._out / PROBE), self._token, os.getcwd())
        return name

    def _problem(self, future: Any) -> str | None:
        """What ended a worker's work; None where it ended well.

        Raises:
            RunError: only the user can put it right.
        """
        errors = self._ray.exceptions
        try:
            self._ray.get(future)
        except errors.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, BaseException) else error
            if isinstance(cause, QaDSError):
                raise RunError(str(cause)) from None
            if isinstance(cause, ModuleNotFoundError):
                raise RunError(f"a worker lacks a package: {cause}. Install it on every node.") from None
            return f"{type(cause).__name__}: {' '.join(str(cause).split())[:300]}"
        except errors.ActorDiedError as error:
            text = str(error)
            for mark in ("RunError: ", "ModuleNotFoundError: "):
                if mark in text:  # raised as the actor was made
                    raise RunError(text.rpartition(mark)[2].splitlines()[0]) from None
            return ENDED
        except errors.RayError:
            return ENDED
        return None

    def _lose(self, book: _Remote, name: str, problem: str) -> None:
        self._say(f"      {name}: {problem}")
        self._ray.kill(self._actors.pop(name))
        book.lost(name, problem)


def _connect(address: str) -> tuple[Any, bool]:
    """Ray, connected to a cluster, and whether this process did that."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ModuleNotFoundError:
        raise RunError("--engine ray needs Ray: pip install 'hf_qads[ray]', on every node.") from None
    if ray.is_initialized():
        return ray, False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        options["include_dashboard"] = False
    try:
        host, _, port = address.rpartition(":")
        if host and port.isdigit():  # Ray itself waits for a minute
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address=address, **options)
    except Exception as error:  # Ray has no class for a node that does not come up in time
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"there is no Ray cluster at --address {address} ({reason}). Start one with `ray start --head` "
            "and `ray start --address HOST:6379` on the other nodes, or give --address local."
        ) from None
    return ray, True


def _fitting(resources: dict[str, float], nodes: int, gpus: float, gpu_type: str | None) -> int:
    """How many workers fit a cluster.

    Raises:
        RunError: none does, or its GPUs differ and none is chosen.
    """
    kinds = sorted(
        name.removeprefix("accelerator_type:") for name in resources if name.startswith("accelerator_type:")
    )
    if gpu_type is not None and gpu_type not in kinds:
        raise RunError(f"the cluster has no GPU of type {gpu_type!r}, only: {', '.join(kinds) or 'none'}.")
    if not gpus:
        return max(1, nodes)
    there = resources.get("GPU", 0.0)
    if there < gpus:
        raise RunError(
            f"a worker asks for {gpus:g} GPUs, and the cluster has {there:g}. Give --gpus-per-worker 0 to "
            "work on its CPUs."
        )
    if gpu_type is None and len(kinds) > 1:
        raise RunError(
            f"the cluster has different GPUs ({', '.join(kinds)}), which round differently. Choose one kind "
            "with --gpu-type."
        )
    return max(1, int(there // gpus))
