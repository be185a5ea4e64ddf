"""What a repository on the Hub holds, and how a staged folder differs from it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hf_qads.publishing.cards.sections import merge
from hf_qads.runtime.files import file_hash
from hf_qads.runtime.retrying import missing, retry

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CARD: Final = "README.md"
OURS: Final = ("data/", "figures/", ".eval_results/")  # folders in which what is not staged any more goes


@dataclass(frozen=True)
class Remote:
    """A repository's head: its commit, hash of each file, and its card."""

    head: str
    files: Mapping[str, str]
    card: str | None


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
    card = None
    if CARD in hashes:
        path = retry(
            lambda: api.hf_hub_download(repo_id, CARD, repo_type=kind, revision=head), f"reading {repo_id}"
        )
        card = Path(path).read_text(encoding="utf-8", errors="replace")
    return Remote(head, hashes, card)


def content(folder: Path, remote: Remote) -> dict[str, Path | bytes]:
    """What a repository shall hold: the files of `folder`, the card with the owner's part of the old one."""
    wanted: dict[str, Path | bytes] = {
        path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    if remote.card is not None and CARD in wanted:
        ours = (folder / CARD).read_text(encoding="utf-8")
        wanted[CARD] = merge(remote.card, ours).encode()
    return wanted


def changes(wanted: Mapping[str, Path | bytes], remote: Remote) -> tuple[list[str], list[str]]:
    """Files to add or replace, and files of ours to remove, so that a repository holds what is wanted."""
    added = [name for name, data in wanted.items() if not _same(data, remote.files.get(name))]
    removed = [name for name in sorted(remote.files) if name.startswith(OURS) and name not in wanted]
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
