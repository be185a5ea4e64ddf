"""Publish a run to the Hub or its mixture to a bucket, check what is staged: `hf-qads publish`, `check`."""

from collections.abc import Callable
from pathlib import Path

from hf_qads.errors import PublishingError
from hf_qads.publishing.hub import checking, push
from hf_qads.publishing.placing import put
from hf_qads.repositories.places import OWN_DISK, is_place
from hf_qads.runtime.progress import quiet


def publish(
    *,
    run: Path,
    to: str,
    private: bool,
    dry_run: bool,
    accept_licences: bool,
    out: Path | None,
    replace: bool,
) -> str:
    """Put a finished run on the Hub, or its mixture to a place; a line for each repository.

    Args:
        run: a run folder.
        to: a namespace of the Hub, or the address of a folder, such as `s3://bucket/mixtures/mine`.
        private: make new repositories private.
        dry_run: send nothing.
        accept_licences: go on in spite of licence flags.
        out: folder to stage in; None is `RUN/publish`.
        replace: put ours in the place of what is not ours.

    Raises:
        PublishingError: as in `push.publish` and `placing.put`.
    """
    quiet()
    if is_place(to) or OWN_DISK.match(to):
        if private or out is not None:
            raise PublishingError(
                f"--private and --out are for the Hub, and {to} is a place. Leave them out."
            )
        done = [put(run, to, dry_run=dry_run, accept_licences=accept_licences, replace=replace)]
        return "\n".join([done[0].line, *(["Nothing was sent."] if dry_run else [])])
    done = push.publish(
        run,
        to,
        private=private,
        dry_run=dry_run,
        accept_licences=accept_licences,
        out=out,
        replace=replace,
    )
    lines = [repository.line for repository in done]
    if dry_run:
        staged = out or run / "publish"
        lines += [
            f"Nothing was sent. What would go lies in {staged}: read the README.md of each repository there,",
            f"and check them with: hf-qads check {staged}",
        ]
    return "\n".join(lines)


def check(*, folder: Path, say: Callable[[str], None] = print) -> str:
    """Check a staged folder or a mixture.

    Args:
        folder: a repository, or a folder of repositories.
        say: is told what is wrong, a line each.

    Raises:
        PublishingError: something is wrong.
    """
    problems = checking.check(folder)
    for problem in problems:
        say(problem)
    if problems:
        raise PublishingError(f"{folder} is not complete: {len(problems)} problems, listed above.")
    return f"{folder} is complete and loads."
