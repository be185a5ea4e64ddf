"""Push one split of rows to a dataset repository, merged into the configs and features that it declares."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hf_qads.errors import PublishingError
from hf_qads.publishing.hub.remote import CARD, Remote, look
from hf_qads.repositories.formats import SHARD_ROWS
from hf_qads.repositories.front_matter import front_matter, split_card
from hf_qads.runtime import files
from hf_qads.runtime.retrying import retry

if TYPE_CHECKING:
    from datasets import Dataset, Features

DEFAULT: Final = "default"
FOLDER: Final = "qads"  # of the files that are ours; whatever else the repository holds stays


@dataclass(frozen=True)
class Layout:
    """The config of a repository that rows go to: its name, its splits' data files and its features."""

    config: str
    splits: Mapping[str, list[str]]
    features: "Features | None"


def push_rows(rows: "Dataset", repo_id: str, *, split: str) -> str:
    """Make `rows` one split of a dataset repository, in one commit, and load it as others will.

    The repository's other splits, configs, files and card stay. New columns are added to the features that
    the card declares, so that splits without them load with nulls. The split's former files are no longer
    named, but not removed. If the result cannot be loaded, the card is put back.

    Args:
        rows: with all the columns that the split shall have.
        repo_id: a dataset repository; it is made where there is none.
        split: a name, or a slice such as `train[:100]` where there is no such split yet.

    Returns:
        the id of the commit.

    Raises:
        PublishingError: a column has another type there, a slice would take the place of a whole split, the
            Hub refuses, or what was pushed does not load.

    Cost: the rows once on disk and over the network.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api, name = HfApi(), split.partition("[")[0]
    remote = look(api, repo_id, "dataset")
    if remote is None:
        retry(lambda: api.create_repo(repo_id, repo_type="dataset", exist_ok=True), f"making {repo_id}")
        remote = look(api, repo_id, "dataset")
        if remote is None:
            raise PublishingError(f"{repo_id} is not on the Hub, although it was made. Push again.")
    head = remote.head
    layout = _layout(repo_id, remote)
    if "[" in split and name in layout.splits:
        raise PublishingError(
            f"{repo_id} has a split {name!r}, whose place the slice {split!r} would take. "
            "Push to another name."
        )
    with tempfile.TemporaryDirectory() as temporary:
        shards = _shards(rows, Path(temporary) / FOLDER / layout.config / name)
        paths = {path.relative_to(temporary).as_posix(): path for path in shards}
        card = _card(remote, layout, name, rows, paths)
        former = [path for path in remote.files if path.startswith(f"{FOLDER}/{layout.config}/{name}/")]
        gone = [path for path in former if path not in paths]
        operations: list[Any] = [
            *(CommitOperationDelete(path) for path in gone),
            *(CommitOperationAdd(path, str(file)) for path, file in paths.items()),
            CommitOperationAdd(CARD, card.encode()),
        ]
        commit = retry(
            lambda: api.create_commit(
                repo_id,
                operations,
                commit_message=f"Add {len(rows):,} scored rows as split {name} with hf_qads",
                repo_type="dataset",
                parent_commit=head,
            ),
            f"pushing {repo_id}",
        )
    problem = _problem(repo_id, layout.config, name, len(rows), str(commit.oid), list(layout.splits))
    if problem:
        undo: list[Any] = [CommitOperationDelete(path) for path in paths if path not in remote.files]
        undo.append(
            CommitOperationDelete(CARD)
            if remote.card is None
            else CommitOperationAdd(CARD, remote.card.encode())
        )
        retry(
            lambda: api.create_commit(
                repo_id,
                undo,
                commit_message="Take back what does not load",
                repo_type="dataset",
                parent_commit=commit.oid,
            ),
            f"restoring {repo_id}",
        )
        raise PublishingError(
            f"{repo_id} did not load with the scored rows ({problem}), so its card was put back. "
            "Push to another name."
        )
    return str(commit.oid)


def _layout(repo_id: str, remote: Remote) -> Layout:
    """The config that `load_dataset(repo_id)` takes, as it is now; empty where there is no data yet."""
    import datasets
    from datasets.data_files import EmptyDatasetError
    from datasets.exceptions import DataFilesNotFoundError

    configs = _configs(split_card(remote.card or "")[0])
    names = [str(config.get("config_name", DEFAULT)) for config in configs]
    chosen = next((str(c.get("config_name", DEFAULT)) for c in configs if c.get("default")), None)
    name = chosen or (names[0] if len(names) == 1 else DEFAULT)
    if names and name not in names:
        return Layout(name, {}, None)
    where = {"path": repo_id, "name": name if names else None, "revision": remote.head}
    try:
        builder = datasets.load_dataset_builder(**where)
        found = {str(s): [_inside(url) for url in urls] for s, urls in builder.config.data_files.items()}
        features = builder.info.features
        if features is None:  # declared nowhere: what each split's files hold
            features = datasets.Features()
            for (
                urls
            ) in builder.config.data_files.values():  # `datasets` itself looks at the first split alone
                stream = datasets.load_dataset(
                    builder.info.builder_name, data_files=list(urls), split="train", streaming=True
                )
                features.update((stream if stream.features else stream._resolve_features()).features)
    except (DataFilesNotFoundError, EmptyDatasetError):
        return Layout(name, {}, None)
    except (ValueError, TypeError, OSError, datasets.exceptions.DatasetsError) as error:
        raise PublishingError(
            f"{repo_id} cannot be loaded as it is now ({_told(error)}), so nothing was pushed. "
            "Push to another name."
        ) from error
    return Layout(name, found, features)


def _inside(url: str) -> str:
    """The path inside its repository of a data file's URL: `hf://datasets/me/name@commit/PATH`."""
    return url.partition("@")[2].partition("/")[2] or url


def _card(remote: Remote, layout: Layout, split: str, rows: "Dataset", paths: Mapping[str, Path]) -> str:
    """The repository's card with the split's files and the columns that are new."""
    data, body = split_card(remote.card or "")
    configs = _configs(data)
    mine = next((c for c in configs if str(c.get("config_name", DEFAULT)) == layout.config), None)
    if mine is None:
        mine = {"config_name": layout.config}
        configs.append(mine)
        named: list[dict[str, Any]] = [{"split": s, "path": p} for s, p in layout.splits.items()]
    else:
        named = _by_split(mine, layout)
    entry = {"split": split, "path": list(paths)}
    places = [place for place, known in enumerate(named) if known.get("split") == split]
    named = [known for known in named if known.get("split") != split]
    named.insert(places[0] if places else len(named), entry)
    mine["data_files"] = named
    data["configs"] = configs
    data["dataset_info"] = _infos(data.get("dataset_info"), layout, split, rows, paths)
    return front_matter(data) + (body or f"\n# Rows with quality scores\n\n{len(rows):,} rows.\n")


def _configs(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    listed = data.get("configs")
    return [dict(config) for config in listed if isinstance(config, dict)] if isinstance(listed, list) else []


def _by_split(config: Mapping[str, Any], layout: Layout) -> list[dict[str, Any]]:
    """The data files of a config by split; the files found, where the card does not tell splits."""
    listed = config.get("data_files")
    if isinstance(listed, list) and all(isinstance(entry, dict) and "split" in entry for entry in listed):
        return [dict(entry) for entry in listed]
    return [{"split": split, "path": list(paths)} for split, paths in layout.splits.items()]


def _infos(told: Any, layout: Layout, split: str, rows: "Dataset", paths: Mapping[str, Path]) -> Any:
    """`dataset_info` with the features that all splits of the config have together, and the split's size."""
    infos = [dict(told)] if isinstance(told, dict) else [dict(info) for info in told or ()]
    mine = next((info for info in infos if str(info.get("config_name", DEFAULT)) == layout.config), None)
    if mine is None:
        mine = {"config_name": layout.config}
        infos.append(mine)
    mine["features"] = _feature_list(_merged(layout, rows.features, others=set(layout.splits) - {split}))
    size = {"name": split, "num_bytes": _bytes(paths), "num_examples": len(rows)}
    listed = [dict(known) for known in mine.get("splits") or ()]
    counted = {str(known.get("name")) for known in listed}
    if counted | {split} >= set(layout.splits):  # `datasets` takes a list of splits for the whole
        places = [place for place, known in enumerate(listed) if known.get("name") == split]
        listed = [known for known in listed if known.get("name") != split]
        listed.insert(places[0] if places else len(listed), size)
        mine["splits"] = [known | {"num_bytes": known.get("num_bytes", 0)} for known in listed]
        mine.pop("download_size", None)
        mine["dataset_size"] = sum(int(known["num_bytes"]) for known in mine["splits"])
    else:
        for key in ("splits", "download_size", "dataset_size"):
            mine.pop(key, None)
    return infos if len(infos) > 1 or mine.get("config_name", DEFAULT) != DEFAULT else infos[0]


def _merged(layout: Layout, new: "Features", *, others: set[str]) -> "Features":
    """Features of all splits together: those of the others, and the new ones behind them.

    Raises:
        PublishingError: a column that other splits have too has another type there.
    """
    import datasets

    old = layout.features if layout.features is not None and others else datasets.Features()
    for name, feature in old.items():
        if name in new and new[name] != feature:
            raise PublishingError(
                f"column {name!r} is {new[name]} in these rows and {feature} in the other splits "
                f"({', '.join(sorted(others))}). Push to another name."
            )
    return datasets.Features({**old, **new})


def _feature_list(features: "Features") -> Any:
    """Features in the words of a card's front matter."""
    from datasets import DatasetInfo
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    data = DatasetCardData()
    DatasetInfosDict({DEFAULT: DatasetInfo(features=features)}).to_dataset_card_data(data)
    return vars(data)["dataset_info"]["features"]


def _shards(rows: "Dataset", folder: Path) -> list[Path]:
    """The rows as parquet files that are named by what they hold."""
    folder.mkdir(parents=True)
    paths = []
    for number, start in enumerate(range(0, max(len(rows), 1), SHARD_ROWS)):
        paths.append(folder / f"part-{number:05d}.parquet")
        part = rows.select(range(start, min(start + SHARD_ROWS, len(rows))))
        part.to_parquet(str(paths[-1]))
    return files.named_by_content(paths)


def _bytes(paths: Mapping[str, Path]) -> int:
    return sum(path.stat().st_size for path in paths.values())


def _problem(repo_id: str, config: str, split: str, rows: int, commit: str, others: list[str]) -> str | None:
    """What is wrong with a config on the Hub, as `load_dataset` sees it; None where it loads."""
    import datasets

    from hf_qads.publishing.cards.snippets import own_cache

    with own_cache():
        try:
            loaded = datasets.load_dataset(repo_id, config, split=split, revision=commit)
            for other in others:
                next(
                    iter(datasets.load_dataset(repo_id, config, split=other, revision=commit, streaming=True))
                )
        except (ValueError, TypeError, OSError, StopIteration, datasets.exceptions.DatasetsError) as error:
            return _told(error)
    return None if len(loaded) == rows else f"{len(loaded):,} rows instead of {rows:,}"


def _told(error: BaseException) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {' '.join(str(cause).split())[:200]}"
