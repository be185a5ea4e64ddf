"""Rendering of all cards: front matter, template, figures, columns, repository names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hf_qads import schema
from hf_qads.publishing.cards.sections import marked
from hf_qads.publishing.cards.templating import render
from hf_qads.publishing.facts.facts import Facts
from hf_qads.repositories.front_matter import front_matter

HERE: Final = "."  # in place of a repository: the folder that the card lies in


@dataclass(frozen=True)
class CardFigure:
    """A figure file of the repository, what it shows for those who cannot see it, and its caption."""

    path: str
    alt: str
    caption: str


def card(template: str, metadata: dict[str, Any], values: dict[str, Any]) -> str:
    """Front matter and a rendered template, with our sections marked."""
    return front_matter(metadata) + "\n" + marked(tidy(render(template, values, autoescape=False)))


def described(columns: Sequence[str]) -> list[tuple[str, str]]:
    """Columns with what they mean; unknown ones (another package's scores) are left to their own card."""
    names = columns or [name for name, column in schema.COLUMNS.items() if column.always]
    return [(name, schema.COLUMNS[name].meaning) for name in names if name in schema.COLUMNS]


def command(facts: Facts) -> str:
    """The command that makes it again."""
    return "hf-qads quickstart" if facts.name == "quickstart" else "hf-qads run config.yaml"


def slug(name: str) -> str:
    """A repository name of letters, digits, `-`, `_` and `.`, at most 80 long."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "mixture"


def tidy(text: str) -> str:
    """One blank line at most between blocks, outside code; one newline at the end."""
    parts = re.split(r"(?ms)(^(`{3,})[^\n]*\n.*?^\2$)", text)
    kept = [
        re.sub(r"\n{3,}", "\n\n", part) if at % 3 == 0 else part
        for at, part in enumerate(parts)
        if at % 3 != 2
    ]
    return "".join(kept).strip() + "\n"
