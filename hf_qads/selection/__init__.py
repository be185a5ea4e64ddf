"""Choosing rows: the greedy engine, one file per strategy, the sampler.

Adding a strategy: one file with a function of a `Pool` and a size, whose keyword-only parameters are its
options, and one line in `registry.STRATEGIES`; or, from another package, an entry point of
the group `hf_qads.strategies`.
"""

from typing import TYPE_CHECKING, Any

from hf_qads.selection.anchors import choose_anchors
from hf_qads.selection.explaining import Explanation
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool
from hf_qads.selection.registry import STRATEGIES
from hf_qads.selection.result import Selection
from hf_qads.selection.select import select

if TYPE_CHECKING:
    from hf_qads.selection.sampler import QaDSSampler

__all__ = [
    "STRATEGIES",
    "Explanation",
    "Needs",
    "Picks",
    "Pool",
    "QaDSSampler",
    "Selection",
    "choose_anchors",
    "select",
]


def __getattr__(name: str) -> Any:
    """`QaDSSampler` needs torch, which is imported when it is asked for."""
    if name == "QaDSSampler":
        from hf_qads.selection.sampler import QaDSSampler

        return QaDSSampler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
