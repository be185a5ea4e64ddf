"""Cards of what a run publishes. Each is a pure function of facts: the same facts, the same bytes."""

from hf_qads.publishing.cards.common import CardFigure
from hf_qads.publishing.cards.datasets import Extras, mixture_card, scored_card
from hf_qads.publishing.cards.models import ModelFacts, Result, ScorerFacts, model_card, scorer_card
from hf_qads.publishing.cards.others import MetricFacts, metric_card, space_card

__all__ = [
    "CardFigure",
    "Extras",
    "MetricFacts",
    "ModelFacts",
    "Result",
    "ScorerFacts",
    "metric_card",
    "mixture_card",
    "model_card",
    "scored_card",
    "scorer_card",
    "space_card",
]
