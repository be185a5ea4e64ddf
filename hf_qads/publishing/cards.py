"""Cards of what a run publishes. Each is a pure function of facts: the same facts, the same bytes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hf_qads import schema
from hf_qads.publishing.citations import citations
from hf_qads.publishing.escaping import markdown
from hf_qads.publishing.evidence import Evidence
from hf_qads.publishing.facts import Facts
from hf_qads.publishing.licences import together
from hf_qads.publishing.limits import limits
from hf_qads.publishing.metadata import dataset_metadata, front_matter
from hf_qads.publishing.templating import listing, plural, render

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
PICKED_BY: Final[Mapping[str, str]] = {
    "qads": "Quality-aware Diverse Selection (QaDS): each pick has the highest product of quality score and "
    "distance to the rows picked before",
    "kcenter": "K-center Greedy: each pick is the row farthest from the rows picked before, whatever its "
    "quality",
    "quality": "their quality score, the highest first",
    "random": "chance, with the seed below",
}


@dataclass(frozen=True)
class CardFigure:
    """A figure file of the repository, what it shows for those who cannot see it, and its caption."""

    path: str
    alt: str
    caption: str


def mixture_card(
    facts: Facts,
    *,
    repo: str | None = None,
    columns: Sequence[str] = (),
    output: str | None = None,
    evidence: Evidence | None = None,
    figures: Sequence[CardFigure] = (),
    info: Sequence[dict[str, Any]] = (),
) -> str:
    """Card of a mixture: YAML front matter and Markdown.

    Args:
        facts: of the run; `facts.subsets` are the repository's configs, the default one first.
        repo: the name to load it by; None takes the mixture's own name.
        columns: columns of the repository's files; empty leaves the table of columns to the usual ones.
        output: what the snippet really printed.
        evidence: what was measured beside the scorer's agreement.
        figures: files of the repository to show.
        info: `dataset_info` of each config.
    """
    whole = max((subset.rows for subset in facts.subsets), default=facts.kept)
    default = next((s.name for s in facts.subsets if s.rows < whole), None)
    data = dataset_metadata(facts, rows=whole, configs=facts.subsets, info=info)
    body = render(
        "mixture.md.jinja",
        {
            "facts": facts,
            "summary": _mixture_summary(facts),
            "repo": repo or slug(facts.name),
            "default": default,
            "output": output,
            "columns": described(columns),
            "command": command(facts),
            "evidence": evidence,
            "figures": figures,
            "limits": limits(facts),
            "licences": together(facts.sources),
            "citations": citations(facts),
        },
        autoescape=False,
    )
    return front_matter(data) + "\n" + tidy(body)


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


def _mixture_summary(facts: Facts) -> str:
    by_kind = [
        f"{plural(n, 'source')} of {kind} data" if kind == "reasoning" else f"{plural(n, 'general source')}"
        for kind in facts.kinds
        if (n := sum(source.kind == kind for source in facts.sources))
    ]
    strategy = str((facts.config.get("select") or {}).get("strategy", "qads"))
    how = PICKED_BY.get(strategy, f"the strategy `{strategy}`")
    model = "the demonstration model inside `hf_qads`" if facts.demonstration else markdown(facts.model)
    whose = f" Vectors and scores come from {model}." if facts.model else ""
    share = f"**{facts.kept:,} of {facts.rows:,} instruction rows**"
    return f"{share} from {listing(by_kind)}, picked by {how}.{whose}"
