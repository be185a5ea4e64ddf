"""Validate a repository folder (`hf-qads check`): complete, loadable, without secrets or pickles."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads.errors import PublishingError
from hf_qads.publishing.cards.snippets import own_cache
from hf_qads.publishing.hub.privacy import leaks
from hf_qads.repositories.front_matter import split_card

CONTENT: Final = ("pretty_name", "license", "task_categories", "size_categories", "tags", "configs")
PICKLES: Final = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
LOADED: Final = 200_000  # rows of a config that are loaded whole; a larger one is streamed from its start


def check(folder: Path | str) -> list[str]:
    """Look for what is missing or wrong in a repository folder, or in each one inside a folder of them.

    The largest and the smallest config of a dataset are opened by `load_dataset` as others will do it, the
    others by their files' metadata, models by their tokenizer, config and weights'
    headers; cards must have their front matter, and no file may tell of this machine. Nothing that the folder
    brings is executed, and nothing is fetched.

    Args:
        folder: one repository, or a folder of repositories.

    Returns:
        What is wrong, a line each; empty where all is well.

    Raises:
        PublishingError: there is no repository to check.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise PublishingError(
            f"{folder} is not a folder. Name a staged repository, or the folder of several."
        )
    if (folder / "README.md").is_file() or _kind(folder):
        return list(_problems(folder))
    inside = [path for path in sorted(folder.iterdir()) if path.is_dir() and _kind(path)]
    if not inside:
        raise PublishingError(
            f"{folder} holds no repository: no README.md, data or model. Stage the run first."
        )
    return [f"{path.name}: {problem}" for path in inside for problem in _problems(path)]


def _kind(folder: Path) -> str:
    if (folder / "app.py").is_file():
        return "space"
    models = ("config.json", "adapter_config.json", "probe.json")
    if any((folder / name).is_file() for name in models):
        return "model"
    shards = [*folder.glob("*.parquet"), *(folder / "data").rglob("*.parquet")]
    return "dataset" if shards else ""


def _problems(folder: Path) -> Iterator[str]:
    kind = _kind(folder)
    if not kind:
        yield "it holds neither data, nor a model, nor an app"
    card = folder / "README.md"
    data: dict[str, Any] = {}
    if not card.is_file():
        yield "README.md is missing"
    else:
        text = card.read_text(encoding="utf-8")
        data, body = split_card(text)
        if not data:
            yield "README.md has no YAML front matter"
        if "More information needed" in body:
            yield "README.md has an empty section"
        yield from _figures(folder, body)
    yield from (
        f"{path.relative_to(folder)} is a pickle" for path in _files(folder) if path.suffix in PICKLES
    )
    yield from (f"{path.relative_to(folder)} is empty" for path in _files(folder) if not path.stat().st_size)
    yield from leaks(folder)
    if kind == "dataset":
        yield from _dataset(folder, data)
    elif kind == "model":
        yield from _model(folder)
    elif kind == "space" and data and data.get("sdk") != "gradio":
        yield "README.md does not say sdk: gradio"


def _dataset(folder: Path, data: dict[str, Any]) -> Iterator[str]:
    yield from (f"README.md lacks {key}" for key in CONTENT if data and not data.get(key))
    damaged = [path for path in _files(folder) if path.suffix == ".parquet" and not _readable(path)]
    yield from (f"{path.relative_to(folder)} is damaged" for path in damaged)
    if damaged or not isinstance(data.get("configs"), list):
        return
    told = {str(info.get("config_name")): info for info in data.get("dataset_info") or ()}
    sizes: list[tuple[int, str]] = []
    for config in data["configs"]:
        name = str(config.get("config_name"))
        paths = [path for entry in config.get("data_files") or () for path in _matching(folder, entry)]
        rows = sum(int(pq.read_metadata(path).num_rows) for path in paths)
        if not paths:
            yield f"config {name} names no file that is there"
            continue
        splits = (told.get(name) or {}).get("splits") or [{"num_examples": rows}]
        if splits[0]["num_examples"] != rows:
            yield f"config {name} has {rows} rows, its card says {splits[0]['num_examples']}"
        else:
            sizes.append((rows, name))
    yield from (
        problem
        for rows, name in sorted({min(sizes), max(sizes)} if sizes else ())
        for problem in _loads(folder, name, rows)
    )


def _loads(folder: Path, name: str, rows: int) -> Iterator[str]:
    """Open one config as a user will."""
    import datasets

    path = str(folder.resolve())  # load_dataset(".") finds no name for the dataset
    with own_cache():
        try:
            if rows > LOADED:
                stream = datasets.load_dataset(path, name, split="train", streaming=True)
                found = rows if next(iter(stream), None) is not None else 0
            else:
                found = len(datasets.load_dataset(path, name, split="train"))
        except (
            ValueError,
            OSError,
            TypeError,
            datasets.exceptions.DatasetsError,
            pa.ArrowException,
        ) as error:
            yield f"config {name} does not load: {' '.join(str(error).split())[:200]}"
            return
    if found != rows:
        yield f"config {name} loads {found} of its {rows} rows"


def _model(folder: Path) -> Iterator[str]:
    from safetensors import SafetensorError, safe_open

    weights = [path for path in _files(folder) if path.suffix == ".safetensors"]
    if not weights:
        yield "there are no weights (*.safetensors)"
    for path in weights:
        try:
            with safe_open(path, framework="np") as stream:
                if not list(stream.keys()):
                    yield f"{path.name} holds no weights"
        except (SafetensorError, OSError) as error:
            yield f"{path.name} is damaged: {' '.join(str(error).split())[:120]}"
    if (folder / "config.json").is_file():
        yield from _transformers(folder)


def _transformers(folder: Path) -> Iterator[str]:
    from transformers import AutoConfig, AutoTokenizer

    for what, loader in (("config", AutoConfig), ("tokenizer", AutoTokenizer)):
        try:
            loader.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        except (ValueError, OSError, KeyError, ImportError) as error:
            yield f"the {what} does not load: {' '.join(str(error).split())[:160]}"


def _figures(folder: Path, body: str) -> Iterator[str]:
    named = re.findall(r"^!\[.*\]\((figures/[\w.-]+)\)$", body, re.MULTILINE)
    yield from (
        f"README.md shows {path}, which is missing" for path in named if not (folder / path).is_file()
    )


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _readable(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return False
    return True


def _matching(folder: Path, entry: Any) -> Sequence[Path]:
    listed = entry if isinstance(entry, str) else entry.get("path") or ()
    patterns = [listed] if isinstance(listed, str) else listed
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]
