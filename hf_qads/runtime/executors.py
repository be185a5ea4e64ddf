"""Executors: hand out shards of work to this process, the ranks of a launch, a batch job's part, or Ray.

A stage cuts its work into shards, each of them files that are whole or absent, and hands them to `run` of the
executor in force. It does not know which one that is: the bytes are the same under all, and under any number
of workers. Who `leads` puts together what the shards make once `gather` has returned. Shards that depend on
others are handed out after a `gather` that names those.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from hf_qads.runtime import distributed, files
from hf_qads.runtime.progress import bar

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 10.0  # seconds, for shards that others have done


class Shard(NamedTuple):
    """A piece of work that is done when its files are there.

    Attributes:
        files: what it writes.
        size: its rows, pairs or prompts.
        whole: whether a file is there and of use.
    """

    files: tuple[Path, ...]
    size: int
    whole: Callable[[Path], bool] = Path.exists

    @property
    def done(self) -> bool:
        """Whether it is done."""
        return all(self.whole(path) for path in self.files)


class PartDone(Exception):
    """This worker has done its part of a stage's shards; what they make together is for another to write."""


class Executor(Protocol):
    """Hands out shards."""

    @property
    def leads(self) -> bool:
        """Whether this process puts together what the shards make."""
        ...

    @property
    def waits(self) -> bool:
        """Whether the workers go through the code side by side, and `gather` waits for all."""
        ...

    def run(
        self,
        shards: Sequence[Shard],
        do: Callable[[int], object],
        *,
        what: str,
        unit: str = "row",
        shown: bool = True,
    ) -> None:
        """Have shards done: `do(i)` does the i-th and writes its files, each whole or not at all.

        They need not be done when this returns, only after `gather`. No two calls of a stage have one `what`.
        Not `shown`, what this process does itself has no bar: shards that have bars of their own.
        """
        ...

    def gather(self, shards: Sequence[Shard] | None = None) -> None:
        """Return when every shard so far is done, by whomever.

        Args:
            shards: those that what comes next depends on, where further shards come; None where none do.

        Raises:
            PartDone: this process is a worker that does shards and nothing else, and there are no more, or
                some of `shards` are not done yet.
        """
        ...


class Ranks:
    """This process, or the ranks of `torchrun`, accelerate or MPI that go through the code side by side.

    A rank takes every world-size-th shard first and then helps with those of the others from the end on, so a
    slow rank leaves no shard undone. A shard that two ranks do is written twice, whole each time.
    """

    waits = True

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return distributed.rank() == 0

    def run(
        self,
        shards: Sequence[Shard],
        do: Callable[[int], object],
        *,
        what: str,
        unit: str = "row",
        shown: bool = True,
    ) -> None:
        """Do this rank's shards, then those of the others that are still open."""
        rank, world = distributed.rank(), distributed.world_size()
        own = [number for number in range(len(shards)) if number % world == rank]
        others = [number for number in reversed(range(len(shards))) if number % world != rank]
        work_on(shards, [*own, *others], do, what=what, unit=unit, shown=shown and rank == 0)

    def gather(self, shards: Sequence[Shard] | None = None) -> None:
        """Wait for the other ranks."""
        distributed.barrier()


class Worker:
    """What executors of a process that does shards, and nothing else, have in common."""

    leads = False
    waits = False

    def gather(self, shards: Sequence[Shard] | None = None) -> None:
        """End this worker's work on the stage, unless it can go on.

        Raises:
            PartDone: it has no more to do, or others have not yet done `shards`.
        """
        if shards is None or not all(shard.done for shard in shards):
            raise PartDone


class WorkerEngine(Protocol):
    """Workers in other processes that do shards."""

    def work(self, job: "Job", stage: str, handed: Mapping[str, Sequence[Shard]], *, unit: str) -> None:
        """Have each worker call `job(stage, executor)` until all shards that were handed out are done.

        Raises:
            ShardsGivenUpError: some could not be done; all others are.
            RunError: the workers themselves failed.
        """
        ...


Job = Callable[[str, Executor], None]


class Lead:
    """This process goes through the code and has the workers of an engine do its shards.

    Args:
        engine: the workers.
        job: what each of them calls: the same code, under the engine's executor.
        stage: its name.
    """

    leads = True
    waits = False

    def __init__(self, engine: WorkerEngine, job: Job, stage: str) -> None:
        self._engine, self._job, self._stage = engine, job, stage
        self._handed: dict[str, Sequence[Shard]] = {}
        self._unit = "row"

    def run(
        self,
        shards: Sequence[Shard],
        do: Callable[[int], object],
        *,
        what: str,
        unit: str = "row",
        shown: bool = True,
    ) -> None:
        """Remember the shards until `gather`."""
        self._handed[what], self._unit = shards, unit

    def gather(self, shards: Sequence[Shard] | None = None) -> None:
        """Have the workers do what was handed out."""
        handed, self._handed = self._handed, {}
        if not all(shard.done for of_title in handed.values() for shard in of_title):
            self._engine.work(self._job, self._stage, handed, unit=self._unit)


_current: Executor = Ranks()


def current() -> Executor:
    """The executor in force: this process or its launch's ranks, unless `using` put another in place."""
    return _current


@contextmanager
def using(executor: Executor) -> Iterator[None]:
    """Put an executor in force for a while."""
    global _current
    before, _current = _current, executor
    try:
        yield
    finally:
        _current = before


def once(path: Path, make: Callable[[], object]) -> None:
    """Have a file made once for all workers: by the ranks of a launch together, else by the first to come.

    Args:
        path: the file; appears whole, as the last thing that is made.
        make: makes it, and may hand out shards; among ranks, all of them call it.
    """
    if not current().waits:
        with files.locked(path.with_name(f".{path.name}.lock.part")), using(Ranks()):
            if not path.exists():
                make()
        return
    there = path.exists()
    current().gather()  # all have looked before one makes it
    if not there:
        make()


def temporary(path: Path) -> Path:
    """A name beside `path` that no other process uses, to write to before the rename."""
    return path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.part")


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` that no other process uses; move it into place on success."""
    part = temporary(path)
    yield part
    os.replace(part, path)


def work_on(
    shards: Sequence[Shard],
    order: Sequence[int],
    do: Callable[[int], object],
    *,
    what: str,
    unit: str,
    shown: bool,
) -> None:
    """Do shards in an order; the progress counts what others have done of them, too."""
    left = set(order)
    before = {number for number in left if shown and shards[number].done}
    if before:
        logger.info("%s: %d of %d shards were done before.", what, len(before), len(left))
    total, done = (sum(shards[number].size for number in some) for some in (left, before))
    left, looked = left - before, time.monotonic()
    with bar(total, what, unit=unit, done=done, shown=shown) as progress:
        for number in order:
            if not shards[number].done:
                do(number)
            new = {number}
            if shown and time.monotonic() - looked > LOOK_EVERY:
                new |= {other for other in left if shards[other].done}
                looked = time.monotonic()
            progress.update(sum(shards[one].size for one in new & left))
            left -= new
