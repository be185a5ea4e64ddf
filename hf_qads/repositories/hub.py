"""Datasets from the Hub, and folders that are dataset repositories, through `datasets.load_dataset`."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_qads.errors import SourceError, SourceMissing
from hf_qads.repositories.dataset_cache import CachedFolder, data_files, load_arguments
from hf_qads.repositories.folders import NO_DATA, PassedOver, choose_split, passed_over
from hf_qads.repositories.formats import format_of
from hf_qads.repositories.front_matter import read_front_matter
from hf_qads.runtime import files as hashing

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class Fetched:
    """A prepared dataset: its Arrow files, in row order, and where they came from."""

    files: list[Path]
    facts: dict[str, Any]


def fetch(
    path: str,
    *,
    config: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    files: Sequence[str] = (),
    usual: str = "train",
) -> Fetched:
    """Download and prepare one split; code from a repository never runs.

    Without a revision the newest commit is resolved, loaded and recorded. What was prepared before is reused
    from the cache of `datasets`, also without a network, if it is the commit asked for.

    Args:
        path: Hub id, or a local folder with a card that names its configurations.
        config: configuration, where there are several.
        split: split; the `usual` one where None.
        revision: branch, tag or commit.
        files: the files of the repository that are meant, where it has no such configuration.
        usual: the split that is taken where none is asked for; another has to be asked for.

    Raises:
        SourceMissing: no such dataset, no access to it, or out of reach.
        SourceError: no such configuration, split or revision.
    """
    if split and "[" in split:
        raise SourceError(
            f"split={split!r} of {path} is a slice. Name the whole split; rows: N draws a sample."
        )
    dataset, facts = load_split(path, config=config, split=split, revision=revision, files=files, usual=usual)
    here = load_arguments(path)
    if here.cache_dir is not None:
        facts |= _held(here, dataset)
    return Fetched([Path(file["filename"]) for file in dataset.cache_files], facts)


def load_split(
    path: str,
    *,
    config: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    files: Sequence[str] = (),
    usual: str = "train",
) -> "tuple[Dataset, dict[str, Any]]":
    """One split as a dataset, and what is known of it: revision, config, split, licence, citation.

    The arguments and errors are those of `fetch`.
    """
    here = load_arguments(path)
    local = here.cache_dir is not None
    resolved = {} if local else _resolve(path, revision)
    facts = resolved or {}
    commit = facts.get("revision", revision)
    with _offline() if resolved is None else nullcontext():
        dataset = _load(path, here, config, split, None if local else commit, list(files), usual)
    if not local and "revision" not in facts:
        facts["revision"] = _cached_commit(path, revision, dataset)
    facts |= {"config": str(dataset.info.config_name), "split": str(dataset.split)}
    for key, value in (("licence", dataset.info.license), ("citation", dataset.info.citation)):
        if value:
            facts.setdefault(key, value)
    return dataset, facts


def _held(here: CachedFolder, dataset: Any) -> dict[str, Any]:
    """Files of a local folder that a split was read from, and those that are passed over."""
    found = _files(here.path, dataset).get((dataset.info.config_name, str(dataset.split)), [])
    held = [
        {"name": path.name, "bytes": path.stat().st_size, "sha256": hashing.file_hash(path)}
        for path in found
        if path.is_file()
    ]
    others = passed_over(files_beside(here.path, dataset))
    return {"files": held} | ({"passed_over": others} if others else {})


def files_beside(folder: str, dataset: "Dataset") -> list[PassedOver]:
    """Files of a local repository that a split does not read: of other splits of its config, or of no config.

    Files of other configs are no part of what was asked for.
    """
    named = _files(folder, dataset)
    config, split = str(dataset.info.config_name), str(dataset.split)
    of_a_config = {path for files in named.values() for path in files}
    other_splits = {
        path: other
        for (name, other), files in named.items()
        if name == config and other != split
        for path in files
    }
    read = set(named.get((config, split), []))
    return [
        PassedOver(
            path.relative_to(load_arguments(folder).path).as_posix(),
            f"split {other_splits[path]}" if path in other_splits else "named by no config",
            (path,),
        )
        for path in data_files(Path(load_arguments(folder).path))
        if path not in read
        and (path in other_splits or path not in of_a_config)
        and format_of(path)
        and not NO_DATA.fullmatch(path.name)
    ]


def _files(folder: str, dataset: "Dataset") -> dict[tuple[str, str], list[Path]]:
    """Config and split -> their files, of a local repository."""
    from datasets import load_dataset_builder
    from datasets.data_files import DataFilesPatternsDict

    here = load_arguments(folder)
    builder = load_dataset_builder(here.path, dataset.info.config_name, cache_dir=here.cache_dir)
    found: dict[tuple[str, str], list[Path]] = {}
    for name, config in builder.builder_configs.items():
        files = config.data_files or {}
        if isinstance(files, DataFilesPatternsDict):  # of configs that are not loaded
            files = files.resolve(here.path)
        found |= {(name, str(split)): [Path(file) for file in held] for split, held in files.items()}
    return found


def on_hub(path: str, revision: str | None) -> bool:
    """Whether the Hub answers and has a dataset; without a network nobody knows.

    Raises:
        SourceMissing: the Hub says that there is no such dataset, or no access to it.
        SourceError: it has no such revision.
    """
    return bool(_resolve(path, revision))


def _resolve(path: str, revision: str | None) -> dict[str, Any] | None:
    """The commit that a revision stands for, with licence and languages from the card.

    Empty where the Hub fails to answer; None where it cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (  # type: ignore[attr-defined]
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        HTTPError,  # of httpx or httpx2, as the version of huggingface_hub has it
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        info = HfApi().dataset_info(path, revision=revision)
    except GatedRepoError as error:
        raise SourceMissing(
            f"{path} is gated. Accept its terms on the Hub and log in with `hf auth login`."
        ) from error
    except RevisionNotFoundError as error:
        raise SourceError(
            f"{path} has no revision {revision!r}. Name a branch, tag or commit of it."
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise SourceMissing(
            f"no dataset {path!r} on the Hub, or no access to it. Check the name, or log in: `hf auth login`."
        ) from error
    except HfHubHTTPError:
        return {}
    except (OfflineModeIsEnabled, HTTPError):
        return None  # what is in the cache still loads
    card = _card(path, info.sha)
    found = {
        "revision": info.sha,
        "licence": card.get("license"),
        "languages": _as_list(card.get("language")),
    }
    return {key: value for key, value in found.items() if value}


@contextmanager
def _offline() -> Iterator[None]:
    """Load from the cache at once, or fail at once, instead of trying a dead network for minutes."""
    from datasets import config
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, config.HF_HUB_OFFLINE = before


def _card(path: str, commit: str | None) -> dict[str, Any]:
    """The metadata of a dataset's card at a commit; empty where there is no card or it cannot be read."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HTTPError  # type: ignore[attr-defined]

    try:
        file = hf_hub_download(path, "README.md", repo_type="dataset", revision=commit)
    except (EntryNotFoundError, HTTPError):
        return {}
    return read_front_matter(Path(file))


def _load(
    path: str,
    here: CachedFolder,
    config: str | None,
    split: str | None,
    revision: str | None,
    files: list[str],
    usual: str,
) -> Any:
    from datasets import get_dataset_split_names, load_dataset
    from datasets.exceptions import DatasetNotFoundError, DatasetsError
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

    try:
        if files:
            return load_dataset(path, data_files={"train": files}, split="train", revision=revision)
        if split is None:
            names = get_dataset_split_names(here.path, config, revision=revision, cache_dir=here.cache_dir)
            split = choose_split(names, None, path, usual=usual)
        return load_dataset(here.path, config, split=split, revision=revision, cache_dir=here.cache_dir)
    except DatasetNotFoundError as error:
        raise SourceMissing(
            f"no dataset {path!r} on the Hub, in the cache or here: {_first(error)}."
        ) from error
    except ValueError as error:  # an unknown configuration or split; the message lists those there are
        raise SourceError(f"{path}: {_first(error)}. Set config and split to what is there.") from error
    except RuntimeError as error:
        if "script" not in str(error):
            raise
        raise SourceError(
            f"{path} needs its own code to load, which is never run. Name a file of it instead."
        ) from error
    except ConnectionError as error:
        raise SourceMissing(
            f"the Hub cannot be reached, and the cache does not hold {path}. Connect, or give a file."
        ) from error
    except (DatasetsError, HTTPError, OSError) as error:
        raise SourceMissing(
            f"{path} cannot be fetched: {_first(error)}. Try again; what is fetched is kept."
        ) from error


def _cached_commit(path: str, revision: str | None, dataset: Any) -> str | None:
    """The commit that came from the cache; without a network `datasets` gives its newest, whatever was asked.

    Raises:
        SourceError: it is not the one asked for.
    """
    from huggingface_hub import constants

    folder = Path(dataset.cache_files[0]["filename"]).parent.name
    found = folder if re.fullmatch(r"[0-9a-f]{40}", folder) else None
    if revision is not None:
        name = f"datasets--{path.replace('/', '--')}"
        mark = Path(constants.HF_HUB_CACHE) / name / "refs" / revision
        asked = mark.read_text(encoding="utf-8").strip() if mark.is_file() else revision
        if asked != found:
            raise SourceMissing(
                f"{path} at revision {revision!r} needs the Hub, which cannot be reached; the cache holds "
                f"commit {found}. Connect, or ask for what the cache holds."
            )
    return found


def _as_list(value: object) -> list[str]:
    return (
        [str(item) for item in value]
        if isinstance(value, list)
        else [value]
        if isinstance(value, str)
        else []
    )


def _first(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
