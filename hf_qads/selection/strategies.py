"""The strategies there are: those of this package, and those that other packages register."""

import inspect
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from hf_qads.errors import SelectionError
from hf_qads.selection.deita import deita
from hf_qads.selection.ifd import ifd
from hf_qads.selection.kcenter import kcenter
from hf_qads.selection.pool import Strategy
from hf_qads.selection.qads import qads
from hf_qads.selection.quality import quality
from hf_qads.selection.random_ import random
from hf_qads.selection.ssl_prototype import ssl_prototype

STRATEGIES: dict[str, Strategy] = {
    "deita": deita,
    "ifd": ifd,
    "kcenter": kcenter,
    "qads": qads,
    "quality": quality,
    "random": random,
    "ssl_prototype": ssl_prototype,
}

GROUP = "hf_qads.strategies"


@cache
def strategies() -> dict[str, Strategy]:
    """All strategies by name; entry points of the group `hf_qads.strategies` add to those of this package."""
    added = {point.name: point.load() for point in entry_points(group=GROUP)}
    return {**added, **STRATEGIES}


def find_strategy(name: str) -> Strategy:
    """The strategy of that name.

    Raises:
        SelectionError: there is none.
    """
    known = strategies()
    if name not in known:
        raise SelectionError(f"strategy={name!r} is not known. There are: {', '.join(sorted(known))}.")
    return known[name]


def checked_options(name: str, strategy: Strategy, options: Mapping[str, Any] | None) -> dict[str, Any]:
    """`options` as keyword arguments of `strategy`: its keyword-only parameters.

    Raises:
        SelectionError: an option that the strategy does not take, or a type other than its default's.
    """
    takes = {
        parameter.name: parameter.default
        for parameter in inspect.signature(strategy).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for option, value in (options or {}).items():
        if option not in takes:
            have = ", ".join(sorted(takes)) or "none"
            raise SelectionError(f"strategy={name!r} takes no option {option!r}. Its options: {have}.")
        default = takes[option]
        numeric = isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool)
        if default is not inspect.Parameter.empty and not isinstance(value, type(default)) and not numeric:
            raise SelectionError(
                f"option {option!r} of strategy={name!r} must be {type(default).__name__}, got {value!r}."
            )
    return dict(options or {})
