"""Pushing staged repositories to the Hub: one commit each, or none where nothing changed."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tqdm import tqdm

from hf_qads.errors import PublishingError
from hf_qads.publishing.artefacts import RepoKind
from hf_qads.publishing.cards.escaping import one_line
from hf_qads.publishing.cards.licences import combine_licences
from hf_qads.publishing.cards.templating import listing, plural, size
from hf_qads.publishing.facts.facts import run_facts
from hf_qads.publishing.hub.remote import Remote, changes, clashes, content, look
from hf_qads.publishing.hub.staging import Staged, stage_all
from hf_qads.runfolder import RunFolder
from hf_qads.runtime.retrying import conflict, retry

if TYPE_CHECKING:
    from huggingface_hub import HfApi

State = Literal["planned", "created", "updated", "unchanged"]


@dataclass(frozen=True)
class Published:
    """What became of one repository.

    Attributes:
        repo_id: with its namespace.
        kind: `dataset`, `model` or `space`.
        state: `planned` in a dry run.
        url: its page on the Hub.
        files: number of files that it has.
        bytes: size of its files.
        changed: number of files that the commit added, changed or removed.
        commit: id of the commit, or of the head that was there where nothing changed.
    """

    repo_id: str
    kind: RepoKind
    state: State
    url: str
    files: int
    bytes: int
    changed: int = 0
    commit: str | None = None

    @property
    def line(self) -> str:
        """One line for a person."""
        what = f"{self.kind:<8} {self.url}  {plural(self.files, 'file')}, {size(self.bytes)}"
        return f"{self.state:<9} {what}" + (f", {self.changed} changed" if self.changed else "")


def publish(
    run: RunFolder | Path | str,
    namespace: str,
    *,
    private: bool = False,
    dry_run: bool = False,
    token: str | None = None,
    accept_licences: bool = False,
    replace: bool = False,
    out: Path | str | None = None,
) -> list[Published]:
    """Stage a run's repositories, check them, and push each in one commit.

    What is not ours stays: files, configs, values and text of the card (see `sections.merge`), told by the
    mark that a push leaves. A push that failed midway is repeated by calling again: a repository is either
    wholly new or as it was. Requests that may be retried are.

    Args:
        run: a run folder with a finished mixture.
        namespace: user or organisation on the Hub.
        private: make new repositories private; one that is there keeps its visibility.
        dry_run: stop before the network, and tell what would go where.
        token: of the Hub; None takes the Hub client's own login.
        accept_licences: push although a source's licence is unknown or forbids some uses.
        replace: put ours in the place of configs and files of the same name that are not ours.
        out: folder for the staged repositories; None is `publish/` of the run.

    Returns:
        What became of each repository, in order of pushing.

    Raises:
        PublishingError: nothing to publish, a licence to be accepted, something of the owner's that has the
            name of something of ours, no or an expired token, a commit by someone else in between, or a Hub
            that does not answer.
    """
    run = run if isinstance(run, RunFolder) else RunFolder.open(run)
    _check_namespace(namespace)
    if not accept_licences:
        check_licences(run, dry_run=dry_run)
    folder = run.folder("publish") if out is None else Path(out)
    if dry_run:
        return [_planned(one, namespace) for one in stage_all(run, folder, namespace=namespace)]
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    retry(api.whoami, "asking the Hub who you are")  # before the work of staging
    staged = stage_all(run, folder, namespace=namespace)
    if not replace:
        for one in staged:  # before the first is pushed
            _check_clashes(one, f"{namespace}/{one.name}", look(api, f"{namespace}/{one.name}", one.kind))
    shown = tqdm(staged, desc="publishing", unit="repository", disable=None, leave=False)
    return [push(api, one, f"{namespace}/{one.name}", private=private, replace=replace) for one in shown]


def push(
    api: "HfApi", staged: Staged, repo_id: str, *, private: bool = False, replace: bool = False
) -> Published:
    """Bring one staged repository to the Hub in one commit.

    Raises:
        PublishingError: as in `publish`.
    """
    sdk = "gradio" if staged.kind == "space" else None
    before = look(api, repo_id, staged.kind)
    if before is None:
        retry(
            lambda: api.create_repo(
                repo_id, repo_type=staged.kind, private=private, exist_ok=True, space_sdk=sdk
            ),
            f"making {repo_id}",
        )
    elif not replace:
        _check_clashes(staged, repo_id, before)
    remote = before or _there(api, repo_id, staged.kind)
    wanted = content(staged.folder, remote, fresh=before is None)
    added, removed = changes(wanted, remote)
    if not added and not removed:
        return _published(api, staged, repo_id, "unchanged", 0, remote.head)
    commit = _commit(api, staged, repo_id, remote, wanted)
    state: State = "created" if before is None else "updated"
    return _published(api, staged, repo_id, state, len(added) + len(removed), commit)


def _check_clashes(staged: Staged, repo_id: str, remote: Remote | None) -> None:
    found = [] if remote is None else clashes(staged.folder, remote, staged.kind)
    if found:
        raise PublishingError(
            f"{repo_id} holds {listing(found[:5])}, not written by hf_qads, where ours would go. Nothing was "
            "pushed. Publish under another `name`, or repeat with --replace to put ours in their place."
        )


def _commit(
    api: "HfApi", staged: Staged, repo_id: str, remote: Remote, wanted: Mapping[str, Path | bytes]
) -> str:
    """Id of the commit that makes the repository hold what is wanted."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    added, removed = changes(wanted, remote)

    def data(path: str) -> str | bytes:
        value = wanted[path]
        return value if isinstance(value, bytes) else str(value)

    def send() -> str:
        operations: list[Any] = [CommitOperationDelete(path) for path in removed]
        operations += [CommitOperationAdd(path, data(path)) for path in added]
        try:
            done = api.create_commit(
                repo_id,
                operations,
                commit_message=f"Publish with hf_qads: {plural(len(added) + len(removed), 'file')}",
                repo_type=staged.kind,
                parent_commit=remote.head,
            )
        except Exception as error:
            if not conflict(error):
                raise
            now = _there(api, repo_id, staged.kind)
            if now.head != remote.head and changes(wanted, now) == ([], []):
                return now.head  # the answer was lost, not the commit
            raise PublishingError(
                f"someone else committed to {repo_id} in between, and nothing was overwritten. Look at "
                f"{_url(api, staged.kind, repo_id)}/commits/main, then publish again."
            ) from error
        return str(done.oid)

    return retry(send, f"pushing {repo_id}")


def _there(api: "HfApi", repo_id: str, kind: RepoKind) -> Remote:
    found = look(api, repo_id, kind)
    if found is None:
        raise PublishingError(f"{repo_id} is not on the Hub, although it was made. Publish again.")
    return found


def _published(
    api: "HfApi", staged: Staged, repo_id: str, state: State, changed: int, commit: str | None
) -> Published:
    url = _url(api, staged.kind, repo_id)
    return Published(repo_id, staged.kind, state, url, _count(staged), staged.bytes, changed, commit)


def _planned(staged: Staged, namespace: str) -> Published:
    from huggingface_hub import constants

    repo_id = f"{namespace}/{staged.name}"
    url = _page(constants.ENDPOINT, staged.kind, repo_id)
    return Published(repo_id, staged.kind, "planned", url, _count(staged), staged.bytes)


def _url(api: "HfApi", kind: RepoKind, repo_id: str) -> str:
    return _page(api.endpoint, kind, repo_id)


def _page(endpoint: str, kind: RepoKind, repo_id: str) -> str:
    return f"{endpoint}/{'' if kind == 'model' else kind + 's/'}{repo_id}"


def _count(staged: Staged) -> int:
    return sum(path.is_file() for path in staged.folder.rglob("*"))


def check_licences(run: RunFolder, *, dry_run: bool) -> None:
    """Ask for a decision on licences that need one; in a dry run they are only named.

    Raises:
        PublishingError: there are such.
    """
    flagged = combine_licences(run_facts(run).sources).flagged
    if not flagged:
        return
    told = "; ".join(f"{one_line(name, 60)}: {why}" for name, why in flagged)
    if dry_run:
        tqdm.write(f"a push will need --accept-licences: {told}", file=sys.stderr)
        return
    raise PublishingError(
        f"licences need your decision before a push: {told}. If you may publish these rows, repeat with "
        "--accept-licences; what files of your own are under is said by `licence:` on their source."
    )


def _check_namespace(namespace: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9](-?[A-Za-z0-9])*", namespace) or len(namespace) > 96:
        raise PublishingError(
            f"{one_line(namespace, 60)!r} is no user or organisation on the Hub. Give its name alone, as in "
            "--to my-name."
        )
