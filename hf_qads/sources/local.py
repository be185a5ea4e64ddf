"""Local files and folders: which files, which split, cut into units of work."""

import glob
import json
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads.errors import SourceError
from hf_qads.sources.chunks import FORMATS, Segment

UNIT_BYTES: Final = 64 * 2**20  # bytes of one unit of work: what a kill loses at most
UNIT_ROWS: Final = 200_000
SPLITS: Final = {
    "train": "train",
    "training": "train",
    "test": "test",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "eval": "test",
}
WILDCARDS: Final = frozenset("*?[")

Unit = tuple[Segment, ...]


def looks_local(text: str) -> bool:
    """Whether `text` can only mean a file or folder: it exists, is a pattern, or is written like a path."""
    if WILDCARDS & set(text) or text.startswith(("/", "./", "../", "~")):
        return True
    return Path(text).suffix.lower() in FORMATS or ("/" in text and Path(text).exists())


def is_repository(folder: Path) -> bool:
    """Whether a folder is a dataset repository, whose card says which files make which config and split."""
    card = folder / "README.md"
    if not card.is_file():
        return False
    head = re.match(r"---\n(.*?)\n---", card.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    return head is not None and re.search(r"^configs:", head.group(1), re.MULTILINE) is not None


def find_files(text: str, split: str | None = None) -> tuple[list[Path], str | None]:
    """Files that a path, folder or pattern names, in an order that is the same everywhere, and their split.

    A folder's files are those of known formats, at any depth; where file or folder names tell splits apart,
    only one split is taken: the one asked for, else `train`.

    Raises:
        SourceError: there is nothing, nothing of a known format, more than one format, or no such split.
    """
    path = Path(text).expanduser()
    if WILDCARDS & set(text) and not path.exists():
        found = [Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file()]
        if not found:
            raise SourceError(f"no file matches {text}. Check the pattern; it is read from {Path.cwd()}.")
        return _of_one_format(sorted(found), text), split
    if path.is_file():
        if path.suffix.lower() not in FORMATS:
            raise SourceError(
                f"{text} has the unknown format {path.suffix!r}. Known are {', '.join(FORMATS)}."
            )
        return [path], split
    if not path.is_dir():
        raise SourceError(f"{text} is not there. Check the path; it is read from {Path.cwd()}.")
    if (saved := _saved_dataset(path, split)) is not None:
        return saved
    inside = sorted(p for p in path.rglob("*") if p.is_file() and not _hidden(p.relative_to(path)))
    known = [p for p in inside if p.suffix.lower() in FORMATS]
    if not known:
        raise SourceError(f"the folder {text} holds no file of a known format ({', '.join(FORMATS)}).")
    chosen, taken = _of_one_split(known, path, split)
    return _of_one_format(chosen, text), taken


def cut(files: Sequence[Path]) -> list[Unit]:
    """Cut files into units of about `UNIT_BYTES` or `UNIT_ROWS`, small files together, in order.

    Raises:
        SourceError: a parquet file has no readable footer.
    """
    units: list[Unit] = []
    gathered: list[Segment] = []
    for path in files:
        for segment in _segments(path):
            if gathered and sum(s.size for s in gathered) + segment.size > UNIT_BYTES:
                units.append(tuple(gathered))
                gathered = []
            gathered.append(segment)
    return [*units, tuple(gathered)] if gathered else units


def _segments(path: Path) -> list[Segment]:
    kind, size = FORMATS[path.suffix.lower()], path.stat().st_size
    if kind == "jsonl" and size > UNIT_BYTES:
        pieces = -(-size // UNIT_BYTES)
        edges = [size * i // pieces for i in range(pieces + 1)]
        return [Segment(str(path), kind, a, b, b - a) for a, b in pairwise(edges)]
    if kind == "parquet":
        return _row_groups(path, size)
    return [Segment(str(path), kind, size=size)]


def _row_groups(path: Path, size: int) -> list[Segment]:
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(
            f"{path} is not a whole parquet file ({str(error).splitlines()[0]}). Fetch or write it again."
        ) from error
    rows = max(1, metadata.num_rows)
    segments, start, held = [], 0, 0
    for group in range(metadata.num_row_groups):
        held += metadata.row_group(group).num_rows
        if held >= UNIT_ROWS or held * size // rows >= UNIT_BYTES or group == metadata.num_row_groups - 1:
            segments.append(Segment(str(path), "parquet", start, group + 1, held * size // rows))
            start, held = group + 1, 0
    return segments


def _saved_dataset(folder: Path, split: str | None) -> tuple[list[Path], str | None] | None:
    """The Arrow files of a folder that `save_to_disk` wrote, or None for another folder."""
    splits = folder / "dataset_dict.json"
    if splits.is_file():
        names = json.loads(splits.read_text(encoding="utf-8"))["splits"]
        taken = _choose_split(names, split, str(folder))
        return _saved_dataset(folder / taken, taken)
    state = folder / "state.json"
    if not state.is_file():
        return None
    try:
        files = [
            folder / item["filename"] for item in json.loads(state.read_text(encoding="utf-8"))["_data_files"]
        ]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise SourceError(f"{state} is damaged. Save the dataset again with save_to_disk.") from error
    if missing := [file.name for file in files if not file.is_file()]:
        raise SourceError(f"{folder} lacks {missing}, which its state.json names. Save the dataset again.")
    return files, split


def _choose_split(names: Sequence[str], split: str | None, where: str) -> str:
    if split is not None and split in names:
        return split
    if split is None and len(names) == 1:
        return names[0]
    if split is None and "train" in names:
        return "train"
    raise SourceError(
        f"{where} has the splits {sorted(names)}, split={split!r} was asked for. Name one of them."
    )


def _of_one_split(files: list[Path], folder: Path, split: str | None) -> tuple[list[Path], str | None]:
    by_split: dict[str, list[Path]] = {}
    for path in files:
        by_split.setdefault(_split_of(path.relative_to(folder)), []).append(path)
    named = [name for name in by_split if name]
    if split is None and not named:
        return files, None
    taken = _choose_split(named, split, str(folder))
    return by_split[taken], taken


def _split_of(path: Path) -> str:
    """The split that a file's name or its folders' names tell, or the empty string."""
    for part in (path.stem, *reversed(path.parts[:-1])):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in SPLITS:
                return SPLITS[word]
    return ""


def _of_one_format(files: list[Path], text: str) -> list[Path]:
    formats = {FORMATS.get(path.suffix.lower(), path.suffix) for path in files}
    if len(formats) > 1 or not formats <= set(FORMATS.values()):
        raise SourceError(
            f"{text} names files of several or unknown formats: {sorted(formats)}. "
            "Name those of one, as in *.jsonl."
        )
    return files


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
