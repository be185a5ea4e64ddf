"""Process engine: worker processes on this machine, one for each GPU, do the shards; lost ones are replaced.

Each keeps its model and asks the process that started it for one shard after the other, as workers on Ray do.
What they print goes to a file.
"""

import os
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from hf_qads.errors import QaDSError, RunError
from hf_qads.runtime.executors import Job, Shard
from hf_qads.runtime.progress import bar
from hf_qads.runtime.shard_book import ENDED, REPLACED, Claims, ShardBook, check_done, enter

LOG: Final = "workers.log"
PATIENCE: Final = 10.0  # seconds for a worker without work to end by itself, giving back what it holds
ASKS, ENDS, REFUSES, FAILS = "asks", "ends", "refuses", "fails"  # what a worker sends


class _Asked:
    """The `ShardBook` of the process that started this one: its methods, asked for through a pipe."""

    def __init__(self, pipe: Any) -> None:
        self._pipe = pipe

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*given: Any, **named: Any) -> Any:
            self._pipe.send((ASKS, (name, given, named)))
            return self._pipe.recv()

        return ask


@dataclass
class _Worker:
    process: Any
    pipe: Any
    place: int


class ProcessEngine:
    """Worker processes on this machine.

    Args:
        out: a folder; what workers print goes to `workers.log` in it.
        workers: how many; they share the GPUs in turn.
        say: is told what goes on, a line at a time.

    Raises:
        RunError: `workers` is no number of workers.
    """

    def __init__(self, out: Path, *, workers: int, say: Callable[[str], None] = print) -> None:
        if workers < 1:
            raise RunError(f"--workers {workers} is no number of workers. Give 1 or more.")
        self._log, self._count, self._say = out / LOG, workers, say
        self._gpus = visible_gpus()
        self._workers: dict[str, _Worker] = {}
        self._made = 0

    def __enter__(self) -> "ProcessEngine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers.values():
            worker.pipe.close()
        for name, worker in list(self._workers.items()):
            worker.process.join(PATIENCE if kind is None else 0)
            self._end(name)

    def work(self, job: Job, stage: str, handed: Mapping[str, Sequence[Shard]], *, unit: str = "row") -> None:
        """Have the workers do all shards that were handed out.

        Raises:
            ShardsGivenUpError: shards were given up.
            RunError: no worker can be had.
        """
        book = ShardBook()
        enter(book, handed)
        for name in self._workers:
            book.join(name)
        places = {worker.place for worker in self._workers.values()}
        for place in sorted(set(range(self._count)) - places):
            self._add(book, place)
        state, before = book.state(), None
        with bar(
            state["total"], f"{stage} by {self._count} processes", unit=unit, done=state["done"]
        ) as progress:
            while self._workers and state["left"] and state != before:  # what failed comes back: once more
                before = state
                self._round(book, job, stage, progress)
                state = book.state()
        check_done(book, stage)

    def _round(self, book: ShardBook, job: Job, stage: str, progress: Any) -> None:
        """Let every worker go through the job once, and answer what they ask."""
        running: dict[Any, str] = {}

        def start(name: str) -> None:
            pipe = self._workers[name].pipe
            with suppress(OSError):  # one that died meanwhile is met at the other end
                pipe.send((job, stage))
            running[pipe] = name

        for name in self._workers:
            start(name)
        while running:
            ready: list[Any] = connection.wait(list(running))
            for pipe in ready:
                name = running[pipe]
                kind, content = _received(pipe)
                if kind == ASKS:
                    method, given, named = content
                    with suppress(OSError):
                        pipe.send(getattr(book, method)(*given, **named))
                    progress.reach(book.state()["done"])
                    continue
                del running[pipe]
                if kind == REFUSES:
                    raise RunError(content)
                if kind == FAILS:
                    self._say(f"      {name}: {content}. See {self._log}.")
                    place = self._workers[name].place
                    self._end(name)
                    book.lost(name, content)
                    if self._made < (1 + REPLACED) * self._count:
                        start(self._add(book, place))

    def _add(self, book: ShardBook, place: int) -> str:
        """Start a worker; its name."""
        name = f"worker {self._made}"
        self._made += 1
        self._log.parent.mkdir(parents=True, exist_ok=True)
        here, there = get_context("spawn").Pipe()
        gpu = self._gpus[place % len(self._gpus)] if self._gpus else None
        process = get_context("spawn").Process(target=_live, args=(there, name, gpu, self._log))
        process.start()
        there.close()
        self._workers[name] = _Worker(process, here, place)
        book.join(name)
        return name

    def _end(self, name: str) -> None:
        worker = self._workers.pop(name)
        worker.pipe.close()
        worker.process.kill()
        worker.process.join()
        worker.process.close()


def _received(pipe: Any) -> tuple[str, Any]:
    try:
        message: tuple[str, Any] = pipe.recv()
    except (EOFError, OSError):
        return FAILS, ENDED
    return message


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return (named.split(",") if named else [str(number) for number in range(count)])[:count]


def _live(pipe: Any, name: str, gpu: str | None, log: Path) -> None:
    """A worker's life: job after job, until whoever started it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that leads, which ends this one
    printed = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    held: Job | None = None
    while True:
        try:
            job, stage = pipe.recv()
            if held is None or held != job:  # one that is the same keeps its model
                held = job
            held(stage, Claims(_Asked(pipe), name))
            message = ENDS, ""
        except (EOFError, BrokenPipeError):
            return
        except QaDSError as error:
            message = REFUSES, str(error)
        except Exception as error:
            traceback.print_exc()
            message = FAILS, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        pipe.send(message)
