"""Quality-aware Diverse Selection (QaDS) of fine-tuning data for the Hugging Face ecosystem.

Names are loaded at first use, so that `import hf_qads` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hf_qads.embedding.encoder import embed
    from hf_qads.mixing.mixture import mix
    from hf_qads.publishing.hub.push import publish
    from hf_qads.publishing.hub.staging import stage
    from hf_qads.scoring.influence.influence import Influence, influence
    from hf_qads.scoring.scorer.scorer import QaDSScorer, qads_score
    from hf_qads.selection import QaDSSampler, Selection
    from hf_qads.selection.select import select

__version__ = "0.1.0"
__all__ = [
    "Influence",
    "QaDSSampler",
    "QaDSScorer",
    "Selection",
    "embed",
    "influence",
    "mix",
    "publish",
    "qads_score",
    "select",
    "stage",
]

_HOMES = {
    "Influence": "scoring.influence.influence",
    "QaDSSampler": "selection",
    "QaDSScorer": "scoring.scorer.scorer",
    "Selection": "selection",
    "embed": "embedding.encoder",
    "influence": "scoring.influence.influence",
    "mix": "mixing.mixture",
    "publish": "publishing.hub.push",
    "qads_score": "scoring.scorer.scorer",
    "select": "selection",
    "stage": "publishing.hub.staging",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
