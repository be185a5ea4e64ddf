"""Where a scorer's files are: a folder, or a repository on the Hub."""

import os
import re
import warnings
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple

from hf_qads.errors import ScoringError

ENVIRONMENT = "HF_QADS_SCORER"
GROUP = "hf_qads.scorers"
PATTERNS = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]


class Location(NamedTuple):
    """A scorer whose files are at hand.

    Attributes:
        name: the Hub id or folder that was asked for.
        revision: the commit of a Hub repository; None for a folder.
        folder: where the files are.
    """

    name: str
    revision: str | None
    folder: Path


def default_scorer(how: str = f"QaDSScorer(FOLDER or HUB ID), or the variable {ENVIRONMENT}") -> str:
    """The scorer that `HF_QADS_SCORER` names, else the embedded one, with a warning that it is a demo.

    Args:
        how: how whoever reads the warning names another one.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        return named
    from hf_qads.embedded import scorer_path

    warnings.warn(
        "This is the embedded scorer, for demonstration. It knows the generated problems of this package, "
        "with small numbers, answered in full as sentences, a numbered list or `Step 1: ...` that end in "
        "`The answer is 18.` or `#### 18`; almost any other row gets about 1, however good it is. Train a "
        f"scorer on your own rows, and name it with {how}.",
        UserWarning,
        stacklevel=2,
    )
    return str(scorer_path())


def locate(name: str, revision: str | None = None) -> Location:
    """Find a scorer's files; those of a Hub repository are downloaded where they are not in the cache.

    A name that an installed package registers in the entry-point group `hf_qads.scorers` stands for the
    folder or Hub id that the entry point is, or returns when it is called.

    Raises:
        ScoringError: there is no such folder or repository, or it holds no model.
    """
    registered = next((point.load() for point in entry_points(group=GROUP, name=name)), None)
    if registered is not None:
        name = str(registered() if callable(registered) else registered)
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ScoringError(f"the folder {name!r} has no config.json. Name a scorer's folder.")
        return Location(name, None, path)
    if path.exists() or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ScoringError(f"{name!r} is no folder. Name a scorer's folder, or a Hub id such as org/scorer.")
    folder = _download(name, revision)
    return Location(name, folder.name, folder)


def _download(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    if revision and re.fullmatch(r"[0-9a-f]{40}", revision):
        # A commit never changes: what is in the cache needs no look at the Hub.
        try:
            return Path(snapshot_download(name, revision=revision, local_files_only=True))
        except LocalEntryNotFoundError:
            pass
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=PATTERNS))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        at = f" at revision {revision!r}" if revision else ""
        raise ScoringError(
            f"the scorer {name!r}{at} is neither a folder nor on the Hub: {reason}. Check its name, and "
            "that you are logged in if it is private."
        ) from error
