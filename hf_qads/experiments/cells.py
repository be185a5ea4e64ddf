"""Cells of an experiment: run in order, resumed, and a failed one told apart."""

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hf_qads.errors import QaDSError
from hf_qads.runtime import files

logger = logging.getLogger(__name__)

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

    @property
    def name(self) -> str:
        """Of its folder."""
        parts = [self.arm, self.budget, f"seed{self.seed}", self.key[:8]]
        return "-".join(part for part in parts if part)


def run_cells(
    cells: Sequence[Cell],
    work: Work,
    folder: Path,
    *,
    part: tuple[int, int] = (1, 1),
    say: Callable[[str], None] = print,
) -> dict[str, str]:
    """Do every cell that has no result yet, in the order given; one that fails does not take others along.

    Args:
        cells: in an order in which what is finished at any time is a balanced comparison.
        work: does a cell in a folder of its own and returns its result and how long its parts took, in
            seconds. What it leaves in the folder is there again when the cell is resumed.
        folder: where cells have their folders, `NAME/result.json` being the last file to appear.
        part: `(i, n)` does the i-th of n parts of them, so that n processes share the cells.
        say: is told a line per cell, with the time left.

    Returns:
        name of a cell that failed -> why. It is tried again at the next start.

    Cost: one cell at a time in this process. Another executor may take `work` over: cells depend on nothing
    but their arguments and write nothing outside their folder.
    """
    cells = cells[part[0] - 1 :: part[1]]
    left = [cell for cell in cells if not (folder / cell.name / RESULT).is_file()]
    if len(left) < len(cells):
        say(f"{len(cells) - len(left)} of {len(cells)} cells were done before.")
    failed: dict[str, str] = {}
    began = time.monotonic()
    for number, cell in enumerate(left):
        own = folder / cell.name
        own.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        try:
            result, times = work(cell, own)
        except (QaDSError, RuntimeError, ValueError, MemoryError) as error:
            reason = " ".join(str(error).split())[:400] or type(error).__name__
            failed[cell.name] = reason
            logger.exception("cell %s failed", cell.name) if not isinstance(error, QaDSError) else None
            files.write_json(own / ERROR, {"reason": reason})
            say(f"{cell.name}: failed: {reason}")
            continue
        files.remove(own / ERROR)
        files.write_json(own / TIMES, times)
        files.write_text(own / RESULT, json.dumps({"cell": asdict(cell), **result}, sort_keys=True) + "\n")
        rest = (time.monotonic() - began) / (number + 1) * (len(left) - number - 1)
        say(
            f"[{len(cells) - len(left) + number + 1}/{len(cells)}] {cell.arm} {cell.budget} seed {cell.seed} "
            f"in {time.monotonic() - started:.0f} s; about {_span(rest)} left"
        )
    return failed


def results(cells: Sequence[Cell], folder: Path) -> list[dict[str, Any]]:
    """Results of the cells that are done, in their order."""
    paths = [folder / cell.name / RESULT for cell in cells]
    return [files.read_json(path) for path in paths if path.is_file()]


def times(cells: Sequence[Cell], folder: Path) -> dict[str, dict[str, float]]:
    """How long the parts of each finished cell took, in seconds, by name of the cell."""
    paths = {cell.name: folder / cell.name / TIMES for cell in cells}
    return {name: files.read_json(path) for name, path in paths.items() if path.is_file()}


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
