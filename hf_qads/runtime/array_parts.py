"""Parts of a batch array, such as Slurm's: every n-th shard of a stage, and lists that tell what is left.

A task knows nothing of the others, so each writes the list of all shards, and of those it did that are not
whole, as where requests to a server failed.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from hf_qads.errors import RunError
from hf_qads.runtime import files
from hf_qads.runtime.executors import Shard, Worker, work_on, writing

MANIFESTS: Final = ".manifests.part"  # the lists, in the folder of their stage
ARRAY_JOBS: Final = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN")


class Part(Worker):
    """Part `number` of `count` of a stage's shards, as a job of a batch array does them."""

    def __init__(self, number: int, count: int, *, folder: Path | None = None) -> None:
        """Take part `number`, from 0, of `count`.

        Args:
            number: which part.
            count: of how many.
            folder: of the stage; gets the lists of its shards, so that what is missing can be told.

        Raises:
            RunError: there is no such part.
        """
        if not 0 <= number < count:
            raise RunError(
                f"--shard {number}/{count}: the parts of {count} are 0/{count} to {count - 1}/{count}."
            )
        self.number, self.count, self.folder = number, count, folder

    @classmethod
    def parse(cls, text: str) -> "Part":
        """The part that `I/N` names, or, for `auto`, the one of this task of a Slurm array.

        Raises:
            RunError: it names none, or there is no array.
        """
        if text == "auto":
            try:
                task, count, least = (int(os.environ[name]) for name in ARRAY_JOBS)
            except (KeyError, ValueError):
                raise RunError(
                    f"--shard without I/N takes the part from {', '.join(ARRAY_JOBS)}, and these are not "
                    "all set. Give --shard I/N, or start it as a Slurm array."
                ) from None
            return cls(task - least, count)
        number, slash, count_text = text.partition("/")
        if not (slash and number.isdigit() and count_text.isdigit()):
            raise RunError(f"--shard {text!r} is not of the form I/N. The first of eight parts is 0/8.")
        return cls(int(number), int(count_text))

    def run(
        self,
        shards: Sequence[Shard],
        do: Callable[[int], object],
        *,
        what: str,
        unit: str = "row",
        shown: bool = True,
    ) -> None:
        """Do the shards of this part."""
        if self.folder is not None:
            write_manifest(self.folder, what, shards, self.count)
        own = [number for number in range(len(shards)) if number % self.count == self.number]
        work_on(shards, own, do, what=what, unit=unit, shown=shown)
        if self.folder is not None:
            failed = [number for number in own if not shards[number].done]
            note = _failed(self.folder, what, self.number, self.count)
            if failed or note.exists():
                _write(note, failed)


class Open(NamedTuple):
    """Shards of one title that are not done.

    Attributes:
        title: what they were handed out as.
        numbers: of those that are not done.
        total: how many there are.
        parts: in how many parts they are done.
        files: the first file of each that is not done.
    """

    title: str
    numbers: list[int]
    total: int
    parts: int
    files: list[Path]


def write_manifest(folder: Path, name: str, shards: Sequence[Shard], count: int) -> None:
    """List shards, done in `count` parts, in the folder of their stage: what is missing is told from it."""
    listed = [[os.path.relpath(path, folder) for path in shard.files] for shard in shards]
    manifest = {"parts": count, "shards": listed}
    path = folder / MANIFESTS / f"{name}.json"
    if not path.exists() or files.read_json(path) != manifest:
        _write(path, manifest)


def missing(folder: Path) -> list[Open]:
    """What is left open in a stage's folder of the shards that were last asked for, by title."""
    found = []
    for path in sorted((folder / MANIFESTS).glob("*.json")):
        manifest = files.read_json(path)
        shards, parts = manifest["shards"], manifest["parts"]
        notes = [_failed(folder, path.stem, number, parts) for number in range(parts)]
        failed = {number for note in notes if note.exists() for number in files.read_json(note)}
        left = [
            number
            for number, names in enumerate(shards)
            if number in failed or not all((folder / name).exists() for name in names)
        ]
        if left:
            first = [folder / shards[number][0] for number in left]
            found.append(Open(path.stem, left, len(shards), parts, first))
    return found


def _failed(folder: Path, name: str, number: int, count: int) -> Path:
    """Where a part lists its shards that are there and not whole."""
    return folder / MANIFESTS / f"{name}.{number}-of-{count}.failed"


def _write(path: Path, listed: Any) -> None:
    with writing(path) as part:
        files.write_json(part, listed)
