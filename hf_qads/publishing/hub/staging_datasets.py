"""Dataset repositories: the mixture, and the pool with its scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads.publishing.cards.datasets import (
    Extras,
    mixture_card,
    mixture_snippet,
    scored_card,
    scored_snippet,
)
from hf_qads.publishing.cards.snippets import printed
from hf_qads.publishing.facts.facts import Subset
from hf_qads.publishing.facts.gathering import Gathered, place
from hf_qads.repositories.formats import GROUP_ROWS, SHARD_ROWS
from hf_qads.repositories.front_matter import read_front_matter
from hf_qads.runtime import files

MIXTURE_FIGURES: Final = ("scores_by_source", "picked_scores", "real_predicted", "coverage", "map")
SCORED_FIGURES: Final = ("scores_by_source", "distributions", "real_predicted", "score_length", "map")


def mixture(gathered: Gathered, folder: Path, name: str, part: str = "") -> None:
    """The run's mixture as it is, with its figures and the card that shows all that was measured."""
    made = gathered.run.path / "mixture"
    for path in sorted(made.rglob("*")):
        if path.is_file() and path.name != "README.md" and not path.name.startswith("."):
            place(path, folder / path.relative_to(made))
    configs = _configs(made / "README.md") or {"default": sorted(_parquet(made))}
    subsets = [_subset(folder, config, patterns) for config, patterns in configs.items()]
    facts = replace(gathered.facts, subsets=tuple(subsets))

    def card(extras: Extras) -> str:
        return mixture_card(facts, extras=extras)

    _write_card(gathered, folder, name, card, mixture_snippet(facts, name), subsets, MIXTURE_FIGURES)


def scored(gathered: Gathered, folder: Path, name: str, part: str = "") -> None:
    """Every row of the pool with its scores and ranks: a config for all, and one per source."""
    written = {s: _write(gathered.run.table(s), folder / "data" / s) for s in gathered.run.sources()}
    patterns = {source: f"data/{source}/{name}" for source, name in written.items() if name}
    configs = [_subset(folder, "default", list(patterns.values()))]
    if len(patterns) > 1:
        configs += [_subset(folder, s, [pattern]) for s, pattern in patterns.items() if s != "default"]

    def card(extras: Extras) -> str:
        return scored_card(gathered.facts, extras=extras, configs=configs)

    _write_card(gathered, folder, name, card, scored_snippet(gathered.facts, name), configs, SCORED_FIGURES)


def _write_card(
    gathered: Gathered,
    folder: Path,
    name: str,
    card: Callable[[Extras], str],
    snippet: str,
    configs: Sequence[Subset],
    figures: Sequence[str],
) -> None:
    """Write a card that opens the repository as it is, and once more with what its snippet then prints."""
    schema = pq.read_schema(next(folder.rglob("*.parquet")))
    extras = Extras(
        repo=name,
        columns=schema.names,
        evidence=gathered.measured.evidence,
        figures=gathered.figures(figures, folder),
        info=[dataset_info(folder, config, schema) for config in configs],
    )
    files.write_text(folder / "README.md", card(extras))
    output = printed(snippet, name, folder)
    files.write_text(folder / "README.md", card(replace(extras, repo=gathered.repo(name), output=output)))


def dataset_info(folder: Path, config: Subset, schema: pa.Schema) -> dict[str, Any]:
    """`dataset_info` of one config, in the words of a card's front matter."""
    paths = _matching(folder, config.data_files)
    size = sum(pq.read_metadata(path).row_group(g).total_byte_size for path in paths for g in _groups(path))
    return {
        "config_name": config.name,
        "features": [{"name": field.name} | _feature(field.type) for field in schema],
        "splits": [{"name": "train", "num_bytes": size, "num_examples": config.rows}],
        "download_size": sum(path.stat().st_size for path in paths),
        "dataset_size": size,
    }


def _write(table: pa.Table, folder: Path) -> str:
    """Rows of one source as parquet shards, and what they are called; the same rows, the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, low in enumerate(range(0, len(table), SHARD_ROWS)):
        part = table.slice(low, SHARD_ROWS).replace_schema_metadata(None)
        path = folder / f"part-{number:05d}.parquet"
        pq.write_table(part, path, compression="zstd", row_group_size=GROUP_ROWS)
        paths.append(path)
    return files.named_by_content(paths)[0].name.rpartition("-")[0] + "-*.parquet" if paths else ""


def _configs(card: Path) -> dict[str, list[str]]:
    """Config name -> data files, as the mixture's own card lists them."""
    data = read_front_matter(card)
    found: dict[str, list[str]] = {}
    for config in data.get("configs") or ():
        listed = config.get("data_files") or ()
        found[str(config["config_name"])] = [path for entry in listed for path in _listed(entry)]
    return found


def _listed(entry: Mapping[str, Any] | str) -> Sequence[str]:
    paths = entry if isinstance(entry, str) else entry.get("path") or ()
    return [paths] if isinstance(paths, str) else list(paths)


def _subset(folder: Path, name: str, patterns: Sequence[str]) -> Subset:
    rows = sum(pq.read_metadata(path).num_rows for path in _matching(folder, patterns))
    return Subset(name, rows, tuple(patterns))


def _matching(folder: Path, patterns: Sequence[str]) -> list[Path]:
    return list(dict.fromkeys(path for pattern in patterns for path in sorted(folder.glob(pattern))))


def _parquet(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")]


def _groups(path: Path) -> range:
    return range(pq.read_metadata(path).num_row_groups)


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        inner = kind.value_type
        if pa.types.is_struct(inner):
            return {"list": [{"name": field.name} | _feature(field.type) for field in inner]}
        return {"list": str(inner)}
    return {"dtype": {"float": "float32", "double": "float64"}.get(str(kind), str(kind))}
