"""Remote files behind fsspec URLs (s3://, gs://, hf://, https://): listed with checksums, fetched to a cache.

A place stands wherever a path to rows may: it is fetched once, file by file, and read as what lies on a disk.
Credentials and options are those that the library of its protocol finds in the environment.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from hf_qads.errors import SourceError
from hf_qads.runtime import files
from hf_qads.runtime.progress import bar

PLACE: Final = re.compile(r"(?!(file|local):)([a-z0-9]+::)*[A-Za-z][A-Za-z0-9+.-]+://")
PUBLIC: Final = re.compile(r"(https?|hf)://[^?@]*")  # what names no bucket and holds no key
OWN_DISK: Final = re.compile(r"(file|local)://")
AT_ONCE: Final = 8  # transfers, where a protocol's library can do several
MARK: Final = ".hf_qads_place.json"  # what a mixture that was published to a place consists of; written first
DONE: Final = "_SUCCESS"  # written last
# What tells the content of a file, by the words of the libraries; the first that is there is taken.
CHECKSUMS: Final = (
    "ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "Digest", "xet_hash", "blob_id", "crc32c",
    "generation", "version_id", "mtime", "LastModified", "last_modified", "Last-Modified", "updated",
    "modified", "created",
)  # fmt: skip


class PlacedFile(NamedTuple):
    """A file of a place.

    Attributes:
        path: in its file system.
        name: below the place's folder.
        size: bytes; None where the server does not say.
        mark: checksum, or else the time of change; empty where the server tells neither.
    """

    path: str
    name: str
    size: int | None
    mark: str


class Listing(NamedTuple):
    """What there is at a place: the last part of its folder's name, what is meant below it, and its files."""

    folder: str
    meant: str
    files: list[PlacedFile]


def is_place(text: str) -> bool:
    """Whether a text is the URL of something that has to be fetched."""
    return PLACE.match(text) is not None


def is_private(text: str) -> bool:
    """Whether a text is a place whose address is nobody else's business, or holds a key."""
    return is_place(text) and PUBLIC.fullmatch(text) is None


def local(text: str) -> Path:
    """The path on this disk of what a text names; a place is fetched first, as far as it changed.

    Args:
        text: a path or pattern, or a file, folder (with all that lies in it) or pattern at a place.

    Raises:
        SourceError: the place's protocol is unknown or its library not installed, nothing is there, it
            cannot be reached, or it is being written to.

    Cost: the files once over the network and on disk, in the cache of `datasets`.
    """
    if not is_place(text):
        return Path(OWN_DISK.sub("", text)).expanduser()
    import datasets

    found = listing(text)
    cache = Path(datasets.config.HF_DATASETS_CACHE) / "hf_qads" / "places"
    tree = cache / files.value_hash([text, found.files], 24)
    with files.locked(cache / f".{tree.name}.lock"):
        if not tree.exists():
            kept = {
                cache / "files" / files.value_hash([text.partition(":")[0], one], 24): one
                for one in found.files
            }
            _fetch(text, {path: one for path, one in kept.items() if not path.exists()})
            with files.atomic_path(tree) as temporary:
                for path, one in kept.items():
                    target = temporary / found.folder / one.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.link(path, target)
    return tree / found.folder / found.meant


def listing(text: str) -> Listing:
    """The files of a place, hidden ones left out, by name: one file, a folder at any depth, or a pattern.

    Raises:
        SourceError: as in `local`.
    """
    system, path = connect(text)
    root, pattern = path.rstrip("/"), _is_pattern(text)
    meant = ""
    with reaching(text):
        system.invalidate_cache()
        if pattern:
            root = re.split(r"[*\[]", path, maxsplit=1)[0].rpartition("/")[0]
            infos, meant = system.glob(path, detail=True), path[len(root) :].lstrip("/")
        elif not path.endswith("/") and (info := system.info(path))["type"] == "file":
            root, _, meant = path.rpartition("/")
            infos, meant = {path: info}, _plain(text, meant)
        else:
            infos = system.find(path, detail=True)
        inside = {at: info for at, info in infos.items() if at.startswith(f"{root}/") and _is_file(info)}
        sized = {at: info if info.get("size") is not None else system.info(at) for at, info in inside.items()}
    found = [
        PlacedFile(at, _plain(text, at[len(root) + 1 :]), info.get("size"), _checksum(info))
        for at, info in sorted(sized.items())
    ]
    names = {one.name for one in found}
    if MARK in names and DONE not in names:
        raise SourceError(f"{text} is not whole: publishing to it goes on or was stopped. Publish again.")
    shown = [one for one in found if not re.search(r"(^|/)\.", one.name)]
    if not shown:
        raise SourceError(
            f"{'no file matches' if pattern else 'there is nothing at'} {text}. Check the address."
        )
    return Listing(root.rpartition("/")[2] or "files", meant, shown)


def connect(place: str, error: type[Exception] = SourceError) -> tuple[Any, str]:
    """The file system of a place, by fsspec, and the path in it.

    Raises:
        error: of the class that is given: an unknown protocol, or its library is not installed.
    """
    from fsspec.core import url_to_fs
    from fsspec.registry import known_implementations

    protocol = place.partition("::")[0].partition(":")[0]
    with reaching(place, error):
        try:
            system, path = url_to_fs(place)
        except ValueError as failed:
            if "not known" not in str(failed):
                raise
            raise error(f"{place}: there is no protocol {protocol!r}. Use s3, gs, hf, https, ...") from None
        except ImportError as failed:
            package = known_implementations.get(protocol, {}).get("class", protocol).partition(".")[0]
            raise error(
                f"{place} needs a library for {protocol}: pip install {package} ({failed})."
            ) from None
    return system, str(path)


@contextmanager
def reaching(place: str, error: type[Exception] = SourceError) -> Iterator[None]:
    """Say of a place that it is not there or cannot be reached, whichever library finds it out.

    Raises:
        error: of the class that is given.
    """
    try:
        yield
    except error:
        raise
    except Exception as failed:  # each protocol's library has its own
        inner = failed.__cause__ or failed
        why = " ".join(f"{type(inner).__name__}: {inner}".split())[:300].rstrip(".")
        if isinstance(failed, FileNotFoundError | NotADirectoryError):
            raise error(f"{place} is not there ({why}). Check the address.") from failed
        raise error(
            f"{place} cannot be reached ({why}). Check the address, the network, and the credentials, which "
            "the library of the protocol takes from the environment."
        ) from failed


def transfer(
    system: Any,
    todo: Sequence[Callable[[Any], object]],
    *,
    size: int,
    what: str,
    place: str,
    error: type[Exception] = SourceError,
) -> None:
    """Do transfers with a bar, several at a time where the protocol's library is made for it.

    Args:
        system: the place's file system.
        todo: each takes the callback of fsspec that counts its bytes.
        size: bytes of all.
        what: stands before the bar.
        place: is named where it cannot be reached.
        error: as in `reaching`.

    Raises:
        error: the place cannot be reached.
    """
    from fsspec.asyn import AsyncFileSystem
    from fsspec.callbacks import Callback

    with (
        bar(size, what, unit="B", shown=bool(todo)) as progress,
        reaching(place, error),
        ThreadPoolExecutor(AT_ONCE if isinstance(system, AsyncFileSystem) else 1) as pool,
    ):

        class Counted(Callback):  # type: ignore[misc]
            def relative_update(self, inc: int = 1) -> None:
                progress.update(inc)

        for future in [pool.submit(do, Counted()) for do in todo]:
            future.result()


def _fetch(text: str, wanted: Mapping[Path, PlacedFile]) -> None:
    system, _ = connect(text)

    def fetch(path: Path, one: PlacedFile, counted: Any) -> None:
        with files.locked(path.with_name(f".{path.name}.lock")):
            if path.exists():
                return
            with files.atomic_path(path) as temporary:
                system.get_file(one.path, str(temporary), callback=counted)
                size = temporary.stat().st_size
                if one.size not in (None, size):
                    raise SourceError(
                        f"{one.name} at {text} has {one.size:,} bytes, and {size:,} came: it was cut, or "
                        "changed meanwhile. Try again."
                    )

    transfer(
        system,
        [partial(fetch, path, one) for path, one in wanted.items()],
        size=sum(one.size or 0 for one in wanted.values()),
        what=f"fetching {text.partition('?')[0]}",
        place=text,
    )


def _is_file(info: Mapping[str, Any]) -> bool:
    return info["type"] == "file" and not str(info["name"]).endswith("/")


def _checksum(info: Mapping[str, Any]) -> str:
    return next((f"{name} {info[name]}" for name in CHECKSUMS if info.get(name)), "")


def _is_pattern(text: str) -> bool:
    """Whether `text` is a pattern; a question mark is a part of many an address."""
    return bool({"*", "["} & set(text))


def _plain(text: str, name: str) -> str:
    """A file's name without what an address on the web has behind it.

    Raises:
        SourceError: it would lie outside of the folder.
    """
    name = name.partition("?")[0] if text.startswith("http") else name
    if ".." in name.split("/"):
        raise SourceError(
            f"{text} holds a file with '..' in its name, {name!r}. Name the files by a pattern."
        )
    return name
