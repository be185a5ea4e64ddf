"""Local dataset folders, each state of their files with a cache of its own.

`datasets` finds what it once prepared from a local folder by the folder's last name and its card, not by path
or content: two folders called `mixture` with the same card give the rows of the first one, and so does one
folder before and after a change. Whoever reads a folder here loads it by `load_arguments`.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from hf_qads.runtime import files


class CachedFolder(NamedTuple):
    """What `load_dataset` is given: `path`, and `cache_dir`, None for what `datasets` tells apart itself."""

    path: str
    cache_dir: str | None


def load_arguments(dataset: str) -> CachedFolder:
    """Where to load a dataset from, and where to prepare it.

    Args:
        dataset: a folder, or anything else, such as a Hub id, which is returned as it is.

    Returns:
        for a folder its absolute path, and a cache inside that of `datasets` which belongs to the names,
        sizes and times of the files in it now. It stays valid until one of them changes.

    Cost: a look at each file's size and times; nothing is read.
    """
    folder = Path(dataset).expanduser()
    if not folder.is_dir():
        return CachedFolder(dataset, None)
    folder = folder.resolve()
    return CachedFolder(str(folder), str(cache_of(data_files(folder), str(folder))))


def cache_of(paths: Iterable[Path], *beside: object) -> Path:
    """The folder in the cache of `datasets` that belongs to some files as they are now.

    Args:
        paths: the files.
        beside: what else it depends on, as JSON can hold it.
    """
    import datasets

    seen = list(beside)
    for path in paths:
        stat = path.stat()
        # a copy may bring its old time of change, but never its old time of status and place on the disk
        seen.append([str(path.absolute()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino])
    mark = files.value_hash(seen, 16)
    return Path(datasets.config.HF_DATASETS_CACHE) / "hf_qads" / mark


def data_files(folder: Path) -> Iterator[Path]:
    """The files of a folder at any depth, hidden ones left out, in an order that is the same everywhere."""
    entered = set[str]()
    for at, folders, names in os.walk(folder, followlinks=True):
        entered.add(os.path.realpath(at))
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(os.path.join(at, name)) not in entered
        )
        yield from (
            path for name in sorted(names) if not name.startswith(".") and (path := Path(at, name)).is_file()
        )
