"""Card of a Space."""

from typing import Any, Final

from hf_qads.publishing.cards.citations import citations
from hf_qads.publishing.cards.common import card
from hf_qads.publishing.cards.escaping import markdown, one_line
from hf_qads.publishing.cards.licences import combine_licences
from hf_qads.publishing.cards.limits import limits
from hf_qads.publishing.cards.templating import plural
from hf_qads.publishing.facts.facts import Facts

GRADIO: Final = "6.31.0"  # what the explorer is tested with


def space_card(facts: Facts, *, name: str, dataset: str) -> str:
    """Card of the Space that shows a scored pool.

    Args:
        facts: of the run.
        name: of the Space, without namespace.
        dataset: the scored dataset that it shows.
    """
    data: dict[str, Any] = {
        "title": one_line(f"{facts.name} explorer", 60),
        "emoji": "🔎",
        "colorFrom": "blue",
        "colorTo": "gray",
        "sdk": "gradio",
        "sdk_version": GRADIO,
        "app_file": "app.py",
        "pinned": False,
        "license": combine_licences(facts.sources).identifier,
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
        "licences": combine_licences(facts.sources),
        "citations": citations(facts),
    }
    return card("space.md.jinja", data, values)
