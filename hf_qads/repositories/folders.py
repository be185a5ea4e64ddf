"""Files of a local dataset: which of a folder are read, by format and split, and which are passed over.

A word in a file's name tells a split (`train`, `test`, `validation`, `dev`, ...) only where it begins or ends
the name, or names the folder; and it decides only where all files of the folder follow that convention.
"""

import glob
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from hf_qads.errors import SourceError
from hf_qads.repositories.chunks import count_rows
from hf_qads.repositories.formats import KNOWN, format_of, stem_of, suffix_of
from hf_qads.repositories.front_matter import read_front_matter
from hf_qads.repositories.places import is_place, local

SPLITS: Final = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "eval": "test",
}
ALL: Final = "all"  # the split that takes every file
NUMBERING: Final = re.compile(r"(v|part|shard|chunk|of|split)?\d*")  # words that only number a file
WILDCARDS: Final = frozenset("*?[")
NO_DATA: Final = re.compile(
    r"(readme|licen[cs]e|citation|changelog|notice)\b.*|.*\.(md|rst|py|ya?ml)|dataset_infos?\.json",
    re.IGNORECASE,
)
CACHE: Final = re.compile(r"cache-[0-9a-f]+.*\.arrow")  # what `Dataset.map` keeps beside a saved dataset


class PassedOver(NamedTuple):
    """A file or split that is not read, and why."""

    name: str
    why: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Found:
    """What is read of a path.

    Attributes:
        files: in an order that is the same everywhere.
        split: the split that they are, where names tell splits apart.
        passed_over: what else lies there and is not read.
    """

    files: list[Path]
    split: str | None = None
    passed_over: list[PassedOver] = field(default_factory=list)


def looks_local(text: str) -> bool:
    """Whether `text` can only mean files: they exist, or it is a pattern, a place, or written like a path."""
    if WILDCARDS & set(text) or text.startswith(("/", "./", "../", "~", "file:", "local:")) or is_place(text):
        return True
    return format_of(text) is not None or ("/" in text and Path(text).exists())


def is_repository(folder: Path) -> bool:
    """Whether a folder is a dataset repository, whose card says which files make which config and split."""
    return bool(read_front_matter(folder).get("configs"))


def find_files(text: str, split: str | None = None, *, usual: str = "train") -> Found:
    """Files that a path, folder or pattern names, here or at a place (see `places.local`).

    A folder's files are those of known formats, at any depth, hidden ones left out. Where all their names (or
    their folders') tell splits apart, one split is taken: the one asked for, else the `usual` one. Where only
    some do, all are read, unless one of them is named like a held-out split: then `split` has to say what
    is meant.

    Args:
        text: a file, a folder, a pattern, or a folder that `save_to_disk` wrote.
        split: the split to read; `all` takes every file.
        usual: the split that is taken where none is asked for.

    Raises:
        SourceError: there is nothing, nothing of a known format, more than one format, no such split, or a
            split that has to be asked for.
    """
    path = local(text)
    if WILDCARDS & set(text) and not path.exists():
        matching = [Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file()]
        if not matching:
            raise SourceError(f"no file matches {text}. Check the pattern; it is read from {Path.cwd()}.")
        return Found(_of_one_format(sorted(matching), text), split)
    if path.is_file():
        if format_of(path) is None:
            raise SourceError(f"{text} has the unknown format {suffix_of(path)!r}. Known are {KNOWN}.")
        return Found([path], split)
    if not path.is_dir():
        raise SourceError(f"{text} is not there. Check the path; it is read from {Path.cwd()}.")
    if (saved := _saved_dataset(path, split, usual)) is not None:
        return saved
    inside = sorted(p for p in path.rglob("*") if p.is_file() and not _hidden(p.relative_to(path)))
    caches = [p for p in inside if CACHE.fullmatch(p.name)]
    known = [p for p in inside if format_of(p) and not NO_DATA.fullmatch(p.name) and p not in caches]
    if not known:
        raise SourceError(f"the folder {text} holds no file of a known format ({KNOWN}).")
    chosen, taken = _of_one_split(known, path, split, usual)
    passed_over = [
        *((p, "cache of datasets") for p in caches),
        *((p, "unknown format") for p in inside if not format_of(p) and not NO_DATA.fullmatch(p.name)),
        *((p, _split_said(p.relative_to(path))) for p in known if p not in chosen),
    ]
    return Found(
        _of_one_format(chosen, text),
        taken,
        [PassedOver(p.relative_to(path).as_posix(), why, (p,)) for p, why in sorted(passed_over)],
    )


def choose_split(names: Sequence[str], split: str | None, where: str, *, usual: str = "train") -> str:
    """The split asked for, else the usual one; another one, such as a test split, has to be asked for.

    Raises:
        SourceError: there is no such split, or none was asked for and there is no usual one.
    """
    if split is not None and split in names:
        return split
    if split is None and (usual in names or list(names) == ["train"]):
        return usual if usual in names else "train"
    asked = "none was asked for" if split is None else f"split={split!r} was asked for"
    raise SourceError(f"{where} has the splits {sorted(names)}, {asked}. Name one of them: split: NAME.")


def sentence(one: Mapping[str, Any]) -> str:
    """What is passed over, in words."""
    rows = "" if one["rows"] is None else f"{one['rows']:,} rows, "
    return f"{one['name']} ({rows}{one['why']})"


def passed_over(others: Sequence[PassedOver]) -> list[dict[str, Any]]:
    """What is not read, for records: name, why, and its rows where its format is known.

    Cost: a pass over each file that is no parquet.
    """
    return [
        {
            "name": one.name,
            "why": one.why,
            "rows": sum(map(count_rows, one.paths)) if all(map(format_of, one.paths)) else None,
        }
        for one in others
    ]


def _saved_dataset(folder: Path, split: str | None, usual: str) -> Found | None:
    """The Arrow files of a folder that `save_to_disk` wrote, or None for another folder."""
    splits = folder / "dataset_dict.json"
    if splits.is_file():
        names = json.loads(splits.read_text(encoding="utf-8"))["splits"]
        held = {name: _saved_files(folder / name) or [] for name in names}
        if split == ALL:
            return Found([file for name in names for file in held[name]], ALL)
        taken = choose_split(names, split, str(folder), usual=usual)
        others = [PassedOver(n, f"split {n}", tuple(held[n])) for n in names if n != taken]
        return Found(held[taken], taken, others)
    files = _saved_files(folder)
    return None if files is None else Found(files, split)


def _saved_files(folder: Path) -> list[Path] | None:
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
    return files


def _of_one_split(
    files: list[Path], folder: Path, split: str | None, usual: str
) -> tuple[list[Path], str | None]:
    if split == ALL:
        return files, ALL
    by_split: dict[str, list[Path]] = {}
    for path in files:
        by_split.setdefault(split_of(path.relative_to(folder)), []).append(path)
    named = [name for name in by_split if name]
    if not named and split in (None, "train"):
        return files, split
    if "" not in by_split:
        taken = choose_split(named, split, str(folder), usual=usual)
        return by_split[taken], taken
    if split == "train" and "train" not in named:
        return by_split[""], split
    if split is not None:
        return by_split[choose_split(named, split, str(folder))], split
    if named == ["train"]:
        return files, None
    raise SourceError(_which_is_meant(by_split, folder))


def _which_is_meant(by_split: Mapping[str, Sequence[Path]], folder: Path) -> str:
    def names(paths: Sequence[Path]) -> str:
        first = ", ".join(path.relative_to(folder).as_posix() for path in paths[:3])
        return f"{first}, ... ({len(paths)} files)" if len(paths) > 3 else first

    said = "; ".join(f"{names(paths)} (split {name})" for name, paths in by_split.items() if name)
    if "train" in by_split:
        choice = "split: all reads every file"
    else:
        choice = "split: train reads those that name none, split: all every file"
    return (
        f"{folder} holds files named like a split, {said}, beside files that name none: "
        f"{names(by_split[''])}. Say what is meant: {choice}; or name the files by a path or pattern."
    )


def split_of(path: Path) -> str:
    """The split that a file's name or its folders' names tell, or the empty string.

    Source: the keywords of `datasets`, where they begin or end a name.
    """
    for part in (stem_of(path), *reversed(path.parts[:-1])):
        words = [word for word in re.split(r"[^a-z0-9]+", part.lower()) if not NUMBERING.fullmatch(word)]
        words = [word.rstrip("0123456789") for word in words]
        told = {SPLITS[word] for word in (words[:1] + words[-1:]) if word in SPLITS}
        if len(told) == 1:
            return told.pop()
    return ""


def _split_said(path: Path) -> str:
    return f"split {split_of(path)}" if split_of(path) else "names no split"


def _of_one_format(files: list[Path], text: str) -> list[Path]:
    formats = {format_of(path) or suffix_of(path) for path in files}
    if len(formats) > 1 or not all(format_of(path) for path in files):
        raise SourceError(
            f"{text} names files of several or unknown formats: {sorted(formats)}. "
            "Name those of one, as in *.jsonl."
        )
    return files


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
