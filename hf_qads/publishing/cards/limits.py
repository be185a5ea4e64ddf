"""Limits section of cards: what a reader must know before trusting the numbers."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from hf_qads import schema
from hf_qads.publishing.cards.escaping import markdown
from hf_qads.publishing.cards.templating import listing, number
from hf_qads.publishing.facts.facts import Facts
from hf_qads.statistics.correlation import Correlations

WEAK: Final = 0.5  # below this correlation a predicted score says little about a single row
FEW: Final = 10  # rows below which a correlation, of whatever size, may be chance


def limits(facts: Facts) -> list[str]:
    """Sentences in Markdown, the gravest first."""
    said = []
    if facts.demonstration:
        said.append(
            "The language model and scorer that chose these rows are the small ones inside `hf_qads`, a "
            "demonstration on generated problems: use the result to learn the way, not to train a model that "
            "matters."
        )
    said += _anchors(facts)
    if facts.score_column == schema.SCORE:
        said.append(
            "`qads_score` is predicted, from 1 to 5. It stands for the share of anchors whose answers become "
            f"more probable with this row as an example under {_model(facts)}; it does not say that an "
            "answer is right."
        )
    elif facts.score_column == schema.INFLUENCE:
        said.append(
            "`qads_influence` is the share of anchors whose answers become more probable with this row as an "
            f"example under {_model(facts)}; it does not say that an answer is right."
        )
    for why, sentence in _AGREEMENT.items():
        doubted = {group: found for group, found in facts.agreements.items() if doubt(found) == why}
        if doubted:
            named = [
                f"{markdown(group)} (Pearson {number(found.pearson)}, n = {found.n:,})"
                for group, found in doubted.items()
            ]
            said.append(sentence.format(listing(named)))
    unscored = sum(s.rows - s.scored for s in facts.sources) if facts.score_column == schema.SCORE else 0
    if unscored:
        said.append(
            f"{unscored:,} rows of the pool have no score (the reason is in `qads_reason`) and could not be "
            "picked."
        )
    if facts.missing:
        said.append(
            f"Asked for, and not in the pool because it was not available: "
            f"{listing([markdown(name) for name in facts.missing])}."
        )
    if facts.compared:
        said.append(facts.compared.sentence(markdown))
    unusable = [s.name for s in facts.sources if not s.rows]
    if unusable:
        said.append(f"No row of {listing([markdown(name) for name in unusable])} was usable.")
    return said


_AGREEMENT: Final = {
    "against": "Predicted and real scores do not agree for {}: do not use the predicted ones.",
    "weak": "Predicted and real scores agree weakly for {}: do not read single scores there.",
    "few": "Whether predicted and real scores agree is not known for {}: too few rows were held out.",
}


def doubt(found: Correlations) -> Literal["few", "against", "weak"] | None:
    """What there is to be said against predictions that correlate so with real scores."""
    if found.n < FEW or found.pearson is None:
        return "few"
    if found.pearson < 0:
        return "against"
    return "weak" if found.pearson < WEAK else None


def _model(facts: Facts) -> str:
    return (
        f"the model {markdown(facts.model)}" if facts.model and not facts.demonstration else "the model used"
    )


def _anchors(facts: Facts) -> list[str]:
    anchors = facts.config.get("anchors")
    if not isinstance(anchors, Mapping):
        return []
    asked = [_name(source) for source in anchors.get("sources") or ()]
    names = [markdown(name) for name in asked if name not in facts.missing_anchors]
    said = []
    if anchors.get("allow_benchmark"):
        said.append(
            f"Anchors were allowed to come from a benchmark's test split ({listing(names)}). Rows were "
            "chosen for that benchmark, so accuracy on it is no evidence."
        )
    elif names:
        said.append(
            f"Rows were chosen for what helps on {listing(names)}: for another task, another choice is "
            "better."
        )
    if facts.missing_anchors:
        gone = listing([markdown(name) for name in facts.missing_anchors])
        said.append(f"Asked for as anchors, and not used because they were not available: {gone}.")
    return said


def _name(source: Any) -> str:
    return str(source.get("name") or source.get("path")) if isinstance(source, Mapping) else str(source)
