"""Load a dataset from a file, a folder, a pattern or the Hub: one loader for every command.

Local files are read by the same code as the sources of a run and kept as Arrow in the cache of `datasets`, so
that a column means the same whoever reads it: text stays text, and numbers stay exact.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from hf_qads.errors import SourceError
from hf_qads.repositories import hub, tables
from hf_qads.repositories.chunks import Segment, chunks
from hf_qads.repositories.dataset_cache import cache_of
from hf_qads.repositories.folders import find_files, is_repository, looks_local, passed_over, sentence
from hf_qads.repositories.formats import format_of
from hf_qads.repositories.places import local
from hf_qads.runtime import files

if TYPE_CHECKING:
    from datasets import Dataset

EMPTY = "{} is empty: it holds no row. Check the file, split and config."
ROWS, FACTS = "rows.arrow", "facts.json"
VERSION = 1  # raise it when the same files would give other rows


@dataclass(frozen=True)
class Loaded:
    """A dataset and what of its files is not in it.

    Attributes:
        data: its rows.
        left_out: reason -> rows that cannot be read.
        passed_over: files or splits beside it: `name`, `why`, and `rows` where they are known.
    """

    data: "Dataset"
    left_out: dict[str, int] = field(default_factory=dict)
    passed_over: list[dict[str, Any]] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """A line for every reason and every file that is passed over."""
        return [
            *(f"{rows:,} rows left out: {reason}" for reason, rows in self.left_out.items()),
            *(f"passed over: {sentence(one)}" for one in self.passed_over),
        ]


def load_rows(
    name: str, *, config: str | None = None, split: str | None = None, revision: str | None = None
) -> Loaded:
    """Load one split of a dataset.

    Args:
        name: a file of any known format, a folder, a pattern, a folder that `save_to_disk` wrote, a dataset
            repository in a folder, any of these at a place such as `s3://...`, or a Hub id.
        config: configuration, of a repository that has several.
        split: which split, also a slice such as `train[:100]`; the train split where None. See
            `folders.find_files` for what a folder's files are.
        revision: branch, tag or commit of a Hub dataset.

    Raises:
        SourceError: there is no such dataset, split or config, it cannot be read, or it holds no row.

    Cost: local files are converted once and kept, until one of them changes; a chunk of rows in memory.
    """
    whole = None if split is None else split.partition("[")[0]
    if not is_local(name):
        data, _ = hub.load_split(name, config=config, split=whole, revision=revision)
        return Loaded(_part(_some(data, name), split))
    path = local(name)
    if path.is_dir() and is_repository(path):
        data, _ = hub.load_split(str(path), config=config, split=whole)
        beside = passed_over(hub.files_beside(str(path), data))
        return Loaded(_part(_some(data, name), split), passed_over=beside)
    found = find_files(name, whole)
    if config is not None:
        raise SourceError(f"{name} has no config {config!r}: it is no dataset repository. Leave config out.")
    data, left_out = _converted(found.files, name)
    return Loaded(_part(data, split), left_out, passed_over(found.passed_over))


def read_rows(name: Path | str) -> list[dict[str, Any]]:
    """All rows of local files as they are written, for a test set: no row may be missing.

    Raises:
        SourceError: the file is missing, damaged or of another format, or one of its rows cannot be read.
    """
    rows = [row for chunk in _chunks(find_files(str(name), usual="test").files) for row in _listed(chunk)]
    bad = [(place, row) for place, row in enumerate(rows) if isinstance(row, str)]
    if bad:
        place, why = bad[0]
        raise SourceError(
            f"{len(bad)} rows of {name} cannot be read (the first is row {place}: {why}). Mend the file."
        )
    return [row for row in rows if isinstance(row, dict)]


def is_local(name: str) -> bool:
    """Whether a name means a file or folder, there or not, and no dataset of the Hub."""
    return looks_local(name) or Path(name).exists() or name.count("/") > 1


def _some(data: "Dataset", name: str) -> "Dataset":
    if not len(data):
        raise SourceError(EMPTY.format(name))
    return data


def _part(data: "Dataset", split: str | None) -> "Dataset":
    """The slice of a split that was asked for."""
    if split is None or "[" not in split:
        return data
    from datasets import ReadInstruction

    try:
        parts = ReadInstruction.from_spec(split).to_absolute({split.partition("[")[0]: len(data)})
    except (AssertionError, ValueError) as error:
        raise SourceError(f"split={split!r} is no slice of {len(data):,} rows: {error}") from error
    return data.select([row for part in parts for row in range(part.from_, part.to)])


def _converted(paths: Sequence[Path], name: str) -> "tuple[Dataset, dict[str, int]]":
    """Files as one Arrow file in the cache, converted by the first of those who ask at a time."""
    from datasets import Dataset

    folder = cache_of(paths, VERSION)
    if not (folder / FACTS).exists():
        with files.locked(folder.with_name(f".{folder.name}.lock")):
            if not (folder / FACTS).exists():
                with files.atomic_path(folder) as temporary:
                    temporary.mkdir(parents=True)
                    left_out = _convert(paths, temporary / ROWS, name)
                    files.write_json(temporary / FACTS, {"left_out": left_out})
    return Dataset.from_file(str(folder / ROWS)), files.read_json(folder / FACTS)["left_out"]


def _convert(paths: Sequence[Path], target: Path, name: str) -> dict[str, int]:
    types = tables.common_types(paths, _chunks)
    left_out = Counter[str]()
    rows = 0
    with pa.OSFile(str(target), "wb") as stream, pa.ipc.new_stream(stream, types) as writer:
        for chunk in _chunks(paths):
            if isinstance(chunk, list):
                left_out.update(row for row in chunk if isinstance(row, str))
            table = tables.to_table(chunk, types)
            writer.write_table(table)
            rows += len(table)
    if not rows:
        why = f" ({', '.join(f'{n:,}: {reason}' for reason, n in left_out.items())})" if left_out else ""
        raise SourceError(f"{name} holds no readable row{why}." if why else EMPTY.format(name))
    return dict(left_out)


def _chunks(paths: Sequence[Path]) -> Iterator[Any]:
    for path in paths:
        yield from chunks(Segment(str(path), format_of(path) or "arrow"))


def _listed(chunk: Any) -> list[Any]:
    rows: list[Any] = chunk if isinstance(chunk, list) else chunk.to_pylist()
    return rows
