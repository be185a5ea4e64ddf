"""Atomic writes: files that appear whole or not at all; also locks, JSON and hashes of files."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

READ_ROWS: Final = 5_000  # of a parquet file, in memory at once


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` to write a file or folder to; move it into place on success.

    The move is one rename after an fsync, so a kill at any moment leaves either the old `path` or the
    new one. What an earlier kill left behind is removed first. On an error nothing is moved and the
    temporary sibling is removed.

    Raises:
        OSError: the disk is full or the folder not writable.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    remove(temporary)
    try:
        yield temporary
        if temporary.is_dir():
            for file in sorted(temporary.rglob("*")):
                _fsync(file)
            remove(path)
        else:
            _fsync(temporary)
        os.replace(temporary, path)
        _fsync(path.parent)
    except BaseException:
        remove(temporary)
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; another process that asks for it waits. It goes with the process, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys to `path`, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def remove(path: Path) -> None:
    """Remove a file or folder, whether or not it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check_writable(path: Path, error: type[Exception]) -> None:
    """Check, before any work, that a file or folder can be written at `path`; nothing is left of the attempt.

    Raises:
        error: it cannot; of the class that is given.
    """
    made: list[Path] = []
    try:
        for folder in reversed(path.parents):
            if not folder.exists():
                folder.mkdir()
                made.append(folder)
        with tempfile.NamedTemporaryFile(dir=path if path.is_dir() else path.parent, prefix=".writable."):
            pass
    except OSError as failed:
        raise error(
            f"{path} cannot be written: {failed.strerror}. Name a place where you may write."
        ) from failed
    finally:
        for folder in reversed(made):
            with suppress(OSError):  # something else was put there meanwhile
                folder.rmdir()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def value_hash(value: Any, digits: int) -> str:
    """Hash of plain values (numbers, texts, lists, mappings in any order; else their text): hex digits.

    Keys of caches and of what is half done are such hashes, so that these are found again.
    """
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def known_hash(path: Path) -> str:
    """`file_hash`, read once per process as long as the file's size and time of change stay."""
    state = path.stat()
    return _known_hash(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1024)
def _known_hash(path: Path, size: int, changed: int) -> str:
    return file_hash(path)


def named_by_content(paths: Sequence[Path]) -> list[Path]:
    """Put 16 hex digits of what some files hold together into their names, in front of the last dash.

    `part-00000.parquet` becomes `part-0f3a...-00000.parquet`. A card that names the files by these digits
    changes whenever a byte of them does; `datasets` keeps its cache of a local folder by the card, not by
    the files.

    Returns:
        the new paths, in the given order. The same bytes give the same names.
    """
    found = hashlib.sha256("".join(file_hash(path) for path in paths).encode()).hexdigest()[:16]
    renamed = []
    for path in paths:
        stem, _, number = path.name.rpartition("-")
        renamed.append(path.rename(path.with_name(f"{stem}-{found}-{number}")))
    return renamed


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
