"""A mixture to train on: out of a run folder, a local folder or file, or the Hub."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hf_qads.errors import SourceError, TrainingError
from hf_qads.repositories.folders import is_repository
from hf_qads.repositories.front_matter import read_front_matter
from hf_qads.repositories.loading import load_rows
from hf_qads.repositories.places import local

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

TOLD = ("name", "seed", "select", "ratio", "subsets")  # of the configuration in a mixture's qads.yaml


def load_mixture(
    name: str, *, subset: str | None = None, split: str = "train", revision: str | None = None
) -> "Dataset":
    """Load the rows of a mixture.

    A folder's rows are those that it holds now, whatever `datasets` has in its cache of another folder of
    this name, and as many as its qads.yaml and card say.

    Args:
        name: anything that `load_rows` takes: a dataset folder, a file of any known format, a place that
            holds one of these, or a Hub id.
        subset: a configuration of it, such as `10pct`; None is its default one.
        split: which split.
        revision: of a Hub dataset.

    Raises:
        TrainingError: there is no such dataset, subset or split, it is empty, or it holds another number of
            rows than its record says.
    """
    asked = None if split == "train" else split
    try:
        path = local(name)
        if path.is_file() and split.partition("[")[0] != "train":
            raise TrainingError(f"{name} is a file and holds the split train only. Leave out split={split}.")
        loaded = load_rows(name, config=subset, split=asked, revision=revision)
    except SourceError as error:
        raise TrainingError(
            f"The dataset {name} (subset {subset or 'default'}, split {split}) cannot be loaded: {error}"
        ) from error
    for note in loaded.notes:
        logger.warning("%s: %s", name, note)
    if not len(loaded.data):
        raise TrainingError(f"The split {split} of {name} holds no rows. Name another split or subset.")
    if path.is_dir() and is_repository(path):
        _check_rows(path, loaded.data, split.partition("[")[0])
    return loaded.data


def _check_rows(folder: Path, data: "Dataset", split: str) -> None:
    """Compare a whole split with what the folder's qads.yaml and card say that it holds."""
    held = (data.info.splits or {}).get(split)
    config = str(data.info.config_name)
    for file, rows in told_rows(folder, config, split).items():
        if held is not None and held.num_examples != rows:
            raise TrainingError(
                f"{folder} holds {held.num_examples:,} rows in {config}, but its {file} says {rows:,}. Its "
                "files are of different mixtures, or some are missing: make the mixture again, or fetch it "
                "again as a whole."
            )


def told_rows(folder: Path, config: str, split: str = "train") -> dict[str, int]:
    """Rows of a configuration by what a mixture's folder says of itself.

    Returns:
        file name -> rows, of qads.yaml and README.md, as far as they are there and say so.
    """
    told: dict[str, Any] = {}
    if split == "train":
        recorded = _yaml(folder / "qads.yaml")
        subsets = recorded.get("subsets")
        known = {**(subsets if isinstance(subsets, Mapping) else {}), "default": recorded.get("rows")}
        told["qads.yaml"] = known.get(config)
    info = read_front_matter(folder).get("dataset_info")
    for entry in info if isinstance(info, list) else [info]:
        if isinstance(entry, Mapping) and str(entry.get("config_name", "default")) == config:
            for one in entry.get("splits") or ():
                if one.get("name") == split:
                    told["README.md"] = one.get("num_examples")
    return {file: rows for file, rows in told.items() if isinstance(rows, int)}


def _yaml(path: Path) -> Mapping[str, Any]:
    """What a YAML file holds; empty where there is none that can be read."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return found if isinstance(found, Mapping) else {}


def mixture_facts(name: str, **chosen: Any) -> dict[str, Any]:
    """What a model card should say about where its rows came from, without a local path.

    Args:
        name: as for `load_mixture`.
        chosen: what was chosen of it: subset, split, revision, strategy, fraction; None values are left out.
    """
    path = local(name)
    facts: dict[str, Any] = {"dataset": path.name if path.exists() else name}
    config = _yaml(path / "qads.yaml").get("config")
    if isinstance(config, Mapping):
        facts["mixture"] = {key: config[key] for key in TOLD if key in config}
    return facts | {key: value for key, value in chosen.items() if value is not None}
