"""Cards of a Space and of a metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hf_qads.publishing.cards.citations import citations
from hf_qads.publishing.cards.common import card
from hf_qads.publishing.cards.escaping import markdown, one_line
from hf_qads.publishing.cards.licences import together
from hf_qads.publishing.cards.limits import limits
from hf_qads.publishing.cards.templating import plural
from hf_qads.publishing.facts.facts import Facts

GRADIO: Final = "6.31.0"  # what the explorer is tested with


@dataclass(frozen=True)
class MetricFacts:
    """What is known of a metric.

    Args:
        name: of its repository, without namespace.
        title: what it is called.
        summary: one sentence, Markdown.
        inputs: name of each input and what it is.
        outputs: name of each output and what it is, with its range.
        snippet: Python that runs as it is.
        output: what the snippet prints.
        limits: what to know before trusting it.
        citations: BibTeX.
    """

    name: str
    title: str
    summary: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    snippet: str
    output: str
    limits: Sequence[str] = ()
    citations: Sequence[str] = ()


def space_card(facts: Facts, *, name: str, dataset: str) -> str:
    """Card of the Space that shows a scored pool.

    Args:
        facts: of the run.
        name: of the Space, without namespace.
        dataset: the scored dataset that it shows.
    """
    data = {
        **_space(f"{facts.name} explorer", "🔎"),
        "license": together(facts.sources).identifier,
        "short_description": "Which rows were picked, and why",
        "tags": ["hf_qads", "data-selection"],
    }
    if "/" in dataset:
        data["datasets"] = [dataset]
    values = {
        "facts": facts,
        "name": name,
        "summary": f"Search {plural(facts.rows, 'scored row')} of {markdown(facts.name)}, see why a row was "
        "or was not picked, and compare two budgets.",
        "dataset": dataset,
        "limits": limits(facts),
        "licences": together(facts.sources),
        "citations": citations(facts),
    }
    return card("space.md.jinja", data, values)


def metric_card(metric: MetricFacts) -> str:
    """Card of a metric module of `evaluate`."""
    data = {
        **_space(metric.title, "📏"),
        "license": "apache-2.0",
        "tags": ["evaluate", "metric", "hf_qads"],
    }
    return card("metric.md.jinja", data, {"metric": metric})


def _space(title: str, emoji: str) -> dict[str, Any]:
    """What the front matter of every Space says."""
    return {
        "title": one_line(title, 60),
        "emoji": emoji,
        "colorFrom": "blue",
        "colorTo": "gray",
        "sdk": "gradio",
        "sdk_version": GRADIO,
        "app_file": "app.py",
        "pinned": False,
    }
