"""Work for Ray workers that needs no model: each shard waits a little and writes a file."""

import errno
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import psutil

from hf_qads.errors import RunError
from hf_qads.runtime.executors import Executor, PartDone, Shard, temporary


def start_cluster(cores: int) -> Any:
    """A cluster of a head node on this machine."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": cores, "include_dashboard": False}
    return _patiently(lambda: Cluster(initialize_head=True, head_node_args=head))


def add_node(cluster: Any, cores: int) -> Any:
    """A further node on this machine."""
    return _patiently(lambda: cluster.add_node(num_cpus=cores))


def _patiently(start: Callable[[], Any]) -> Any:
    """Start a node, again where it did not come up in Ray's 15 to 30 seconds on a busy machine."""
    before = set(psutil.Process().children(recursive=True))
    for left in (3, 2, 1, 0):
        try:
            return start()
        except Exception as error:  # Ray raises no class of its own
            for process in set(psutil.Process().children(recursive=True)) - before:
                with suppress(psutil.Error):  # it may be gone
                    process.kill()
            if "timed out during startup" not in str(error) or not left:
                raise
    raise AssertionError


class Waiting:
    """Writes `count` files of known bytes into `folder`, each after `seconds`; some of them fail."""

    def __init__(
        self, folder: Path, *, count: int, seconds: float = 0.0, poisoned: int | None = None
    ) -> None:
        self.folder, self.count, self.seconds, self.poisoned = folder, count, seconds, poisoned

    def befall(self, number: int) -> None:
        """What happens to a worker at a shard."""

    def handed(self, stage: str) -> dict[str, list[Shard]]:
        """The shards as a driver hands them out."""
        return {stage: [Shard((path,), 1) for path in self._paths(stage)]}

    def _paths(self, stage: str) -> list[Path]:
        return [self.folder / f"{stage}-{number:03d}.txt" for number in range(self.count)]

    def __call__(self, stage: str, executor: Executor) -> None:
        paths = self._paths(stage)

        def do(number: int) -> None:
            time.sleep(self.seconds)
            self.befall(number)
            if number == self.poisoned:
                raise ValueError("a poisoned row")
            part = temporary(paths[number])
            part.write_text(f"{stage} {number}\n", encoding="utf-8")
            os.replace(part, paths[number])
            with (self.folder / "log").open("a", encoding="utf-8") as log:
                log.write(f"{number}\n")

        try:
            executor.run(self.handed(stage)[stage], do, what=stage)
            executor.gather()
        except PartDone:
            pass


class Tried(Waiting):
    """Writes down each try."""

    def befall(self, number: int) -> None:
        with (self.folder / "tried").open("a", encoding="utf-8") as tried:
            tried.write(f"{number}\n")


class Dying(Waiting):
    """Whoever does shard 1 dies of it, once or always, as one does that the system kills for its memory."""

    always = False

    def befall(self, number: int) -> None:
        mark = self.folder / "died"
        if number == 1 and (self.always or not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


class Deadly(Dying):
    """Whoever does shard 1 dies of it, always."""

    always = True


class Full(Waiting):
    """The disk of the node that does the first shard is full; the others' are not."""

    def befall(self, number: int) -> None:
        import ray

        here, mark = ray.get_runtime_context().get_node_id(), self.folder / "full"
        with suppress(FileExistsError), mark.open("x", encoding="utf-8") as first:
            first.write(here)
        if mark.read_text(encoding="utf-8") == here:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Refusing(Waiting):
    """Says what a user can mend."""

    def __call__(self, stage: str, executor: Executor) -> None:
        raise RunError("the model folder is not there")


class Failing(Waiting):
    """Fails before it comes to a shard."""

    def __call__(self, stage: str, executor: Executor) -> None:
        raise OSError("no model here")


class Holding(Waiting):
    """A worker that does a shard holds something, and gives it back where it ends by itself."""

    def befall(self, number: int) -> None:
        """Hold it."""
        Finalize(None, (self.folder / "given back").touch, exitpriority=0)
