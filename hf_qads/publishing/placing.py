"""Publish a finished mixture to a place, such as a bucket: a list of its files first, a done file last.

Objects are put one by one and nothing is renamed, which object stores cannot. A reader that waits for the
done file sees a whole mixture, and a place without it is refused as a source.
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from hf_qads.errors import PublishingError
from hf_qads.publishing.cards.templating import plural
from hf_qads.publishing.hub.push import Published, State, check_licences
from hf_qads.repositories.places import DONE, MARK, connect, reaching, transfer
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import files


class _Place(NamedTuple):
    """A folder at a place, and what it held: sizes by name, and our list of it, None where it is not ours."""

    system: Any
    root: str
    sizes: Mapping[str, int]
    ours: Mapping[str, Any] | None
    done: str | None

    def at(self, name: str) -> str:
        """The path of a file in the file system."""
        return f"{self.root}/{name}"


def put(
    run: RunFolder | Path | str,
    place: str,
    *,
    dry_run: bool = False,
    accept_licences: bool = False,
    replace: bool = False,
) -> Published:
    """Put a run's mixture to a place: card, qads.yaml and data, as they lie in `RUN/mixture`.

    First goes a list of the files with their hashes, then what is not there with these hashes, last
    `_SUCCESS`, which holds the hash of the list. A call that was stopped is repeated. Where `_SUCCESS` says
    that the same mixture is there, nothing is sent. Files that an earlier mixture left at this place are
    removed, and those of others stay.

    Args:
        run: a run folder with a finished mixture.
        place: a folder by its address, such as `s3://bucket/mixtures/mine`.
        dry_run: look, and send nothing.
        accept_licences: go on although a source's licence is unknown or forbids some uses.
        replace: go on where other files lie, and replace those that have the name of one of ours.

    Raises:
        PublishingError: no finished mixture, a licence to be accepted, other files at the place, an unknown
            protocol, or a place that cannot be reached or written to.
    """
    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    wanted = _wanted(run)
    if not accept_licences:
        check_licences(run, dry_run=dry_run)
    mark = {"files": wanted}
    whole = files.value_hash(mark, 64)
    there = _look(place)
    if not replace:
        _check_foreign(place, there, wanted)
    sizes = {name: told["bytes"] for name, told in wanted.items()}

    def result(state: State, changed: int = 0) -> Published:
        return Published(place, "dataset", state, place, len(wanted), sum(sizes.values()), changed)

    if there.done == whole and sizes.items() <= there.sizes.items():
        return result("unchanged")
    old = {} if there.ours is None else there.ours["files"]
    todo = [name for name in wanted if not _is_there(name, wanted, old, there.sizes)]
    gone = [name for name in old if name in there.sizes and name not in wanted]
    if dry_run:
        return result("planned", len(todo) + len(gone))
    with reaching(place, PublishingError):
        for name in (DONE, *gone):
            if name in there.sizes:
                there.system.rm_file(there.at(name))
        _write(there, MARK, json.dumps(mark, indent=2, sort_keys=True) + "\n")
    _send(run.folder("mixture"), place, there, {name: sizes[name] for name in todo})
    now = _look(place)
    if not sizes.items() <= now.sizes.items():
        lost = [name for name, size in sizes.items() if now.sizes.get(name) != size]
        raise PublishingError(f"{place} does not hold {lost[0]} as it was sent. Publish again.")
    with reaching(place, PublishingError):
        _write(there, DONE, whole + "\n")
    return result("created" if there.ours is None else "updated", len(todo) + len(gone))


def _wanted(run: RunFolder) -> dict[str, dict[str, Any]]:
    """Size and hash of each file of the mixture.

    Raises:
        PublishingError: it is not finished, or damaged.
    """
    folder = run.folder("mixture")
    if run.line("mixture") is None or (damaged := run.damaged("mixture")):
        why = f" ({damaged[0]} is missing or damaged)" if run.line("mixture") else ""
        raise PublishingError(
            f"{run.path} has no finished mixture to publish{why}. Let the run finish: hf-qads run."
        )
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    return {
        name: {"bytes": path.stat().st_size, "sha256": files.file_hash(path)}
        for name, path in found.items()
        if path.is_file() and not path.name.startswith(".")
    }


def _look(place: str) -> _Place:
    system, path = connect(place, PublishingError)
    root = path.rstrip("/")
    with reaching(place, PublishingError):
        system.invalidate_cache()
        infos = system.find(root, detail=True)
        inside = {name: info for name, info in infos.items() if name.startswith(f"{root}/")}
        sizes = {name[len(root) + 1 :]: info["size"] for name, info in inside.items()}
        text = {name: system.cat_file(f"{root}/{name}").decode() for name in (MARK, DONE) if name in sizes}
    try:
        ours = json.loads(text.get(MARK, "null"))
    except json.JSONDecodeError:
        ours = {"files": {}}  # written in half, so nothing else was
    return _Place(system, root, sizes, ours, text[DONE].strip() if DONE in text else None)


def _check_foreign(place: str, there: _Place, wanted: Mapping[str, Any]) -> None:
    """Raise a PublishingError where files of others lie in the way."""
    known = {MARK, DONE} if there.ours is None else {MARK, DONE, *there.ours["files"]}
    foreign = [name for name in there.sizes if name not in known]
    clash = foreign if there.ours is None else [name for name in foreign if name in wanted]
    if clash:
        raise PublishingError(
            f"{place} holds {plural(len(clash), 'file')} that hf_qads did not put there, such as {clash[0]}. "
            "Nothing was sent. Give an empty place, or repeat with --replace to write between them."
        )


def _is_there(name: str, wanted: Mapping[str, Any], old: Mapping[str, Any], sizes: Mapping[str, int]) -> bool:
    """Whether a file need not be sent: of the same name, hash and size, where the name tells the content."""
    return (
        name.endswith(".parquet") and old.get(name) == wanted[name] and sizes.get(name) == old[name]["bytes"]
    )


def _send(folder: Path, place: str, there: _Place, sizes: Mapping[str, int]) -> None:
    def send(name: str, counted: Any) -> None:
        _make_folder(there, name)
        there.system.put_file(str(folder / name), there.at(name), callback=counted)

    transfer(
        there.system,
        [partial(send, name) for name in sizes],
        size=sum(sizes.values()),
        what=f"to {place}",
        place=place,
        error=PublishingError,
    )


def _write(there: _Place, name: str, text: str) -> None:
    _make_folder(there, name)
    there.system.pipe_file(there.at(name), text.encode())


def _make_folder(there: _Place, name: str) -> None:
    """Make a file's folder where folders are made; an object store has none, and would make a bucket."""
    from fsspec.asyn import AsyncFileSystem

    if not isinstance(there.system, AsyncFileSystem):
        there.system.makedirs(there.at(name).rpartition("/")[0], exist_ok=True)
