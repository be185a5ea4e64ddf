"""A mixture to train on: out of a run folder, a local folder or file, or the Hub."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hf_qads.errors import TrainingError

if TYPE_CHECKING:
    from datasets import Dataset

READERS = {".parquet": "parquet", ".json": "json", ".jsonl": "json", ".csv": "csv", ".arrow": "arrow"}
TOLD = ("name", "seed", "select", "ratio", "subsets")  # of the configuration in a mixture's qads.yaml


def load_mixture(
    name: str, *, subset: str | None = None, split: str = "train", revision: str | None = None
) -> "Dataset":
    """Load the rows of a mixture.

    Args:
        name: a dataset folder, a parquet, json, jsonl or csv file, or a Hub id.
        subset: a configuration of it, such as `10pct`; None is its default one.
        split: which split.
        revision: of a Hub dataset.

    Raises:
        TrainingError: there is no such dataset, subset or split, or it is empty.
    """
    from datasets import DatasetDict, load_dataset
    from datasets.exceptions import DatasetsError

    path = Path(name)
    looks_local = (
        path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1 or path.suffix in READERS
    )
    if looks_local and not path.expanduser().exists():
        raise TrainingError(f"There is no dataset at {name}. Name a folder, a file or a Hub id.")
    try:
        if path.is_file():
            if path.suffix not in READERS:
                raise TrainingError(
                    f"{name} is none of {', '.join(READERS)}. Convert it, or name another file."
                )
            if split.partition("[")[0] != "train":
                raise TrainingError(
                    f"{name} is a file and holds the split train only. Leave out split={split}."
                )
            data = load_dataset(READERS[path.suffix], data_files=str(path), split=split)
        else:
            if split.partition("[")[0] != "train":
                raise TrainingError(
                    f"{name} is a file and holds the split train only. Leave out split={split}."
                )
            data = load_dataset(name, subset, split=split, revision=revision)
    except (DatasetsError, FileNotFoundError, ConnectionError, ValueError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TrainingError(
            f"The dataset {name} (subset {subset or 'default'}, split {split}) cannot be loaded: {first}"
        ) from error
    if isinstance(data, DatasetDict) or not len(data):
        raise TrainingError(f"The split {split} of {name} holds no rows. Name another split or subset.")
    return data


def mixture_facts(name: str, **chosen: Any) -> dict[str, Any]:
    """What a model card should say about where its rows came from, without a local path.

    Args:
        name: as for `load_mixture`.
        chosen: what was chosen of it: subset, split, revision, strategy, fraction; None values are left out.
    """
    path = Path(name)
    facts: dict[str, Any] = {"dataset": path.name if path.exists() else name}
    try:
        recorded = yaml.safe_load((path / "qads.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        recorded = None
    config = recorded.get("config") if isinstance(recorded, Mapping) else None
    if isinstance(config, Mapping):
        facts["mixture"] = {key: config[key] for key in TOLD if key in config}
    return facts | {key: value for key, value in chosen.items() if value is not None}
