"""Diff and merge with a repository on the Hub: what it holds, what of it is ours, what clashes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hf_qads.publishing.cards.sections import OURS, config_name, config_names, merge
from hf_qads.repositories.front_matter import read_front_matter, split_card
from hf_qads.runtime.files import file_hash, write_json
from hf_qads.runtime.retrying import missing, retry

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CARD: Final = "README.md"
MARK: Final = ".hf_qads.json"  # tells what of a repository we wrote: files, and the card's front matter
DATA: Final = (".parquet", ".jsonl", ".csv", ".tsv", ".arrow")  # `datasets` finds these without a config
UNTOLD: Final = (CARD, MARK, ".gitattributes")


@dataclass(frozen=True)
class Remote:
    """A repository's head: its commit, hash of each file, its card, and our mark of what we wrote last."""

    head: str
    files: Mapping[str, str]
    card: str | None
    mark: Mapping[str, Any] | None = None

    @property
    def ours(self) -> frozenset[str]:
        """Files that we wrote."""
        return frozenset(self.mark["files"]) if self.mark else frozenset()


def look(api: "HfApi", repo_id: str, kind: str) -> Remote | None:
    """The state of a repository, or None where there is none (or none that the token may see).

    Raises:
        PublishingError: the Hub does not answer, or refuses the token.
    """
    from huggingface_hub.hf_api import RepoFile

    try:
        info = retry(lambda: api.repo_info(repo_id, repo_type=kind), f"looking at {repo_id}", pass_on=missing)
    except Exception as error:
        if missing(error):
            return None
        raise
    head = str(info.sha)
    tree = retry(
        lambda: list(api.list_repo_tree(repo_id, recursive=True, revision=head, repo_type=kind)),
        f"listing {repo_id}",
    )
    hashes = {entry.path: _hash(entry) for entry in tree if isinstance(entry, RepoFile)}

    def text(name: str) -> str | None:
        if name not in hashes:
            return None
        path = retry(
            lambda: api.hf_hub_download(repo_id, name, repo_type=kind, revision=head), f"reading {repo_id}"
        )
        return Path(path).read_text(encoding="utf-8", errors="replace")

    return Remote(head, hashes, text(CARD), _read_mark(text(MARK)))


def write_mark(folder: Path) -> None:
    """Write down in a staged repository what of it is ours."""
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    told = {"files": [name for name in names if name not in UNTOLD], "card": read_front_matter(folder)}
    write_json(folder / MARK, told)


def _read_mark(text: str | None) -> Mapping[str, Any] | None:
    try:
        mark = json.loads(text or "null")
    except json.JSONDecodeError:
        return None
    if not isinstance(mark, dict):
        return None
    return mark if isinstance(mark.get("files"), list) and isinstance(mark.get("card"), dict) else None


def clashes(folder: Path, remote: Remote, kind: str) -> list[str]:
    """What of a staged repository would take the place of something that is not ours, a phrase each."""
    if remote.mark is None and OURS in (remote.card or ""):
        return []  # an upload of ours by hand, without the mark
    foreign = set(remote.files) - {*UNTOLD, *remote.ours}
    wanted = {name: data for name, data in content(folder, remote).items() if name in foreign}
    found = [f"the file {name}" for name, data in wanted.items() if not _same(data, remote.files[name])]
    if kind != "dataset":
        return found
    old, new = split_card(remote.card or "")[0], read_front_matter(folder)
    ours = config_names(new)
    theirs = config_names(old) - config_names(remote.mark["card"] if remote.mark else {})
    found += [f"the config {name}" for name in sorted(ours & theirs)]
    if not old.get("configs"):
        found += [f"data without a config ({name})" for name in sorted(foreign) if name.endswith(DATA)][:1]
    elif any(entry.get("default") for entry in old["configs"] if config_name(entry) in theirs - ours):
        found.append("a default config")
    return found


def content(folder: Path, remote: Remote, *, fresh: bool = False) -> dict[str, Path | bytes]:
    """What a repository shall hold: the files of `folder`, the card with the owner's part of the old one.

    In a `fresh` repository, which we made just now, the card that is there is nobody's.
    """
    wanted: dict[str, Path | bytes] = {
        path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    if remote.card is not None and CARD in wanted:
        ours = (folder / CARD).read_text(encoding="utf-8")
        base = split_card(remote.card)[0] if fresh else remote.mark["card"] if remote.mark else None
        wanted[CARD] = merge(remote.card, ours, base=base).encode()
    return wanted


def changes(wanted: Mapping[str, Path | bytes], remote: Remote) -> tuple[list[str], list[str]]:
    """Files to add or replace, and files of ours to remove, so that a repository holds what is wanted.

    Whatever does not stand in our mark is the owner's and stays.
    """
    added = [name for name, data in wanted.items() if not _same(data, remote.files.get(name))]
    removed = [name for name in sorted(remote.ours) if name in remote.files and name not in wanted]
    return added, removed


def _same(wanted: Path | bytes, known: str | None) -> bool:
    """Whether a file has the known hash: SHA-256 of large files, git's blob id of the others."""
    if known is None:
        return False
    if len(known) == 64:
        found = hashlib.sha256(wanted).hexdigest() if isinstance(wanted, bytes) else file_hash(wanted)
        return found == known
    data = wanted if isinstance(wanted, bytes) else wanted.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == known


def _hash(entry: Any) -> str:
    return str(entry.lfs.sha256 if entry.lfs else entry.blob_id)
