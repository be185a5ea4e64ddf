"""What all cards share: figures, columns, commands, names, and the marks that say which parts are ours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hf_qads import schema
from hf_qads.publishing.cards.metadata import front_matter
from hf_qads.publishing.cards.sections import marked
from hf_qads.publishing.cards.templating import render
from hf_qads.publishing.facts.facts import Facts

COLUMNS: Final[Mapping[str, str]] = {
    schema.ROW_ID: "id of the row, the same in every run",
    schema.QUESTION: "what is asked",
    schema.ANSWER: "the answer to learn from",
    schema.HISTORY: "earlier turns of the conversation, or null",
    schema.SOURCE: "the dataset that the row comes from",
    schema.KIND: "`reasoning` or `general`",
    schema.FINAL_ANSWER: "the final answer, where the source gives it",
    schema.ALSO_IN: "other sources that hold the same row",
    schema.INFLUENCE: "measured quality score: share of anchors that the row improves, from 0 to 1",
    schema.PAIRS: "number of anchors it was measured on",
    schema.LOW: "lower end of the 95 % interval of the measured score",
    schema.HIGH: "upper end of the 95 % interval of the measured score",
    schema.SCORE: "predicted quality score, from 1 to 5",
    schema.REASON: "why there is no score, or null",
    schema.RANK: "place in the order in which the source's rows were picked, from 0",
    schema.GAIN: "quality score times distance to the rows picked before, at the pick",
}


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
    return [(name, COLUMNS[name]) for name in (columns or tuple(COLUMNS)) if name in COLUMNS]


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
