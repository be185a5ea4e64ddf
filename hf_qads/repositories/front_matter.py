"""YAML front matter of a card (README.md): read by the Hub client's own pattern, and written."""

from pathlib import Path
from typing import Any

import yaml


def split_card(text: str, *, strict: bool = False) -> tuple[dict[str, Any], str]:
    """Front matter and body of a card.

    Args:
        text: of the card.
        strict: raise for a front matter that is not closed or no YAML mapping; it counts as none otherwise.

    Raises:
        ValueError: with `strict`, the front matter is broken.
    """
    from huggingface_hub.repocard import REGEX_YAML_BLOCK

    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    found = REGEX_YAML_BLOCK.search(text)
    try:
        data = yaml.safe_load(found.group(2)) if found else None
    except yaml.YAMLError:
        data = None
    if strict and not isinstance(data, dict) and text.startswith("---\n"):
        raise ValueError("the card's front matter is not a YAML mapping between two lines of ---")
    return (data if isinstance(data, dict) else {}), (text[found.end() :] if found else text)


def read_front_matter(path: Path) -> dict[str, Any]:
    """Front matter of the card at `path`, or in the folder `path`; empty where there is none."""
    card = path / "README.md" if path.is_dir() else path
    return split_card(card.read_text(encoding="utf-8", errors="replace"))[0] if card.is_file() else {}


def front_matter(data: dict[str, Any]) -> str:
    """`data` as the YAML block that opens a card, keys in the order given."""
    return f"---\n{yaml_text(data)}---\n"


def yaml_text(value: Any) -> str:
    """`value` as YAML, keys in the order given."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
