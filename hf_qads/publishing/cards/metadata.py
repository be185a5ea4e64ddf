"""YAML front matter of cards, in the Hub's words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hf_qads.publishing.cards.escaping import one_line
from hf_qads.publishing.cards.licences import combine_licences
from hf_qads.publishing.facts.facts import Facts, Subset

SIZES: Final = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"),
)  # fmt: skip
TAGS: Final = ("hf_qads", "data-selection", "instruction-tuning")


def size_category(rows: int) -> str:
    """The Hub's size category of a dataset with `rows` rows."""
    return next((name for limit, name in SIZES if rows < limit), "n>1T" if rows >= 10**12 else "1B<n<10B")


def dataset_metadata(
    facts: Facts,
    *,
    name: str,
    rows: int,
    configs: Sequence[Subset],
    info: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Front matter of a dataset card.

    Args:
        facts: of the run.
        name: to show.
        rows: rows of the largest config.
        configs: what can be loaded by name; the first is the default.
        info: `dataset_info` of each config, where it was measured.
    """
    languages = sorted({code for source in facts.sources if source.kept != 0 for code in source.languages})
    used = [source for source in facts.sources if source.kept != 0 and not source.own_file]
    links = dict.fromkeys(source.link for source in used if source.link)
    hub = [link.removeprefix("https://huggingface.co/datasets/") for link in links if "co/datasets/" in link]
    data: dict[str, Any] = {"pretty_name": one_line(name, 120)}
    data["license"] = combine_licences(facts.sources).identifier
    if languages:
        data["language"] = languages
    data["task_categories"] = ["text-generation", "question-answering"]
    data["size_categories"] = [size_category(rows)]
    data["tags"] = [*TAGS, *(["math"] if "reasoning" in facts.kinds else [])]
    data["source_datasets"] = hub or ["original" if facts.demonstration else "extended"]
    files = [subset for subset in configs if subset.data_files]
    if files:
        data["configs"] = [_config(subset, default=number == 0) for number, subset in enumerate(files)]
    if info:
        data["dataset_info"] = [dict(entry) for entry in info]
    return data


def _config(subset: Subset, *, default: bool) -> dict[str, Any]:
    config: dict[str, Any] = {"config_name": subset.name}
    if default:
        config["default"] = True
    return config | {"data_files": [{"split": "train", "path": list(subset.data_files)}]}
