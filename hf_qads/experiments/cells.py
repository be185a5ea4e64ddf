"""Cells of an experiment: handed to executors in order, resumed, and a failed one told apart."""

import errno
import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from hf_qads.errors import QaDSError, RunError
from hf_qads.runtime import executors, files
from hf_qads.runtime.array_parts import write_manifest
from hf_qads.runtime.executors import Executor, PartDone, Shard
from hf_qads.runtime.progress import quiet

logger = logging.getLogger(__name__)

CELLS = "cells"
RESULT, TIMES, ERROR = "result.json", "times.json", "error.json"
Work = Callable[["Cell", Path], tuple[dict[str, Any], dict[str, float]]]


@dataclass(frozen=True)
class Cell:
    """One arm at one budget with one seed.

    Attributes:
        arm: its name.
        budget: its label; empty where the arm has none (the untrained model, the whole pool).
        seed: of the draw and of the training order.
        key: hash of all that the result depends on.
    """

    arm: str
    budget: str
    seed: int
    key: str

    @classmethod
    def of(cls, arm: str, budget: str, seed: int, depends_on: Sequence[Any]) -> "Cell":
        """A cell, with the key of what its result depends on: plain values, and paths by their text."""
        return cls(arm, budget, seed, files.value_hash(depends_on, 16))

    @property
    def name(self) -> str:
        """Of its folder."""
        parts = [self.arm, self.budget, f"seed{self.seed}", self.key[:8]]
        return "-".join(part for part in parts if part)


class Study(Protocol):
    """An experiment in a folder: its cells, and how to do what is left of them."""

    cells: list[Cell]
    out: Path

    def do(self) -> dict[str, str]:
        """Do what is left of the cells; name of a cell that failed -> why."""
        ...


class CellWorker:
    """Does cells of a study in a process that does not lead it; opens the study once.

    Args:
        make: the study's class.
        experiment: its settings.
        out: its folder.
    """

    def __init__(self, make: Callable[..., Study], experiment: Any, out: Path) -> None:
        self._given = make, experiment, out
        self._study: Study | None = None

    def __eq__(self, other: object) -> bool:
        """Whether another does cells of the same study."""
        return isinstance(other, CellWorker) and other._given == self._given

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, stage: str, executor: Executor) -> None:
        """Do the cells that an executor hands to this process."""
        quiet()
        if self._study is None:
            make, experiment, out = self._given
            self._study = make(experiment, out, say=lambda line: None)
        with executors.using(executor), suppress(PartDone):
            self._study.do()


def run_cells(
    cells: Sequence[Cell], work: Work, folder: Path, *, say: Callable[[str], None] = print
) -> dict[str, str]:
    """Have every cell done that has no result yet, by the executor in force, in the order given.

    One that fails does not take others along. A cell depends on nothing but its arguments and writes nothing
    outside its folder, so it does not matter who does it.

    Args:
        cells: in an order in which what is finished at any time is a balanced comparison.
        work: does a cell in a folder of its own and returns its result and how long its parts took, in
            seconds. What it leaves in the folder is there again when the cell is resumed.
        folder: where cells have their folders, `NAME/result.json` being the last file to appear.
        say: is told a line per cell that this process does, with the time left.

    Returns:
        name of a cell that has no result -> why. It is tried again at the next start.

    Raises:
        PartDone: this process is a worker that does cells and nothing else.
        RunError: the workers did no cell, and none was done before.
        OSError: the disk is full.
    """
    shards = [Shard((folder / cell.name / RESULT,), 1) for cell in cells]
    executor = executors.current()
    before = _done(shards)
    if before and executor.leads:
        say(f"{before} of {len(cells)} cells were done before.")
    if executor.leads:
        write_manifest(folder, CELLS, shards, 1)
    began = time.monotonic()

    def do(number: int) -> None:
        cell, own, started = cells[number], folder / cells[number].name, time.monotonic()
        with executors.using(executors.Ranks()):  # the shards of its selection and the like are its own
            reason = _do(cell, work, own)
        if reason is not None:
            say(f"{cell.name}: failed: {reason}")
            return
        done = _done(shards)
        rest = (time.monotonic() - began) / max(1, done - before) * (len(cells) - done)
        say(
            f"[{done}/{len(cells)}] {cell.arm} {cell.budget} seed {cell.seed} "
            f"in {time.monotonic() - started:.0f} s; about {_span(rest)} left"
        )

    lost = "not done yet"
    try:
        executor.run(shards, do, what=CELLS, unit="cell", shown=False)
        executor.gather()
    except RunError as error:
        if not _done(shards):
            raise
        lost = str(error)
    return {
        cell.name: failure(folder / cell.name) or lost
        for cell, shard in zip(cells, shards, strict=True)
        if not shard.done
    }


def _do(cell: Cell, work: Work, own: Path) -> str | None:
    """Do a cell in its folder; why it failed, or None."""
    files.remove(own / ERROR)
    own.mkdir(parents=True, exist_ok=True)
    try:
        result, times = work(cell, own)
        files.write_json(own / TIMES, times)
        files.write_text(own / RESULT, json.dumps({"cell": asdict(cell), **result}, sort_keys=True) + "\n")
    except Exception as error:  # whatever befalls a cell, the others go on
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise  # a full disk would befall them all
        reason = " ".join(str(error).split())[:400]
        if not isinstance(error, QaDSError):
            reason = f"{type(error).__name__}: {reason}"
            logger.exception("cell %s failed", cell.name)
        files.write_json(own / ERROR, {"reason": reason})
        return reason
    return None


def failure(own: Path) -> str | None:
    """Why the cell of a folder failed when it was last tried."""
    reason: str | None = files.read_json(own / ERROR)["reason"] if (own / ERROR).is_file() else None
    return reason


def _done(shards: Sequence[Shard]) -> int:
    return sum(shard.done for shard in shards)


def results(cells: Sequence[Cell], folder: Path) -> list[dict[str, Any]]:
    """Results of the cells that are done, in their order.

    Args:
        cells: of a study; those that are not done are passed over.
        folder: where they have their folders.

    Returns:
        what `work` returned of each, with the cell's own fields as `cell`.
    """
    paths = [folder / cell.name / RESULT for cell in cells]
    return [files.read_json(path) for path in paths if path.is_file()]


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
