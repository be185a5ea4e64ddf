"""Registry of selection strategies: those of this package, and entry points of other packages."""

import inspect
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, NamedTuple

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.selection.pool import Picks, Pool, Strategy
from hf_qads.selection.strategies.deita import deita
from hf_qads.selection.strategies.ifd import ifd
from hf_qads.selection.strategies.kcenter import kcenter
from hf_qads.selection.strategies.qads import qads
from hf_qads.selection.strategies.quality import quality
from hf_qads.selection.strategies.random_ import random
from hf_qads.selection.strategies.ssl_prototype import ssl_prototype

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


def find_strategy(strategy: str | Strategy) -> Strategy:
    """The strategy of that name; a function is one already.

    Raises:
        SelectionError: there is none.
    """
    if callable(strategy):
        return strategy
    known = strategies()
    if not isinstance(strategy, str) or strategy not in known:
        raise SelectionError(f"strategy={strategy!r} is not known. There are: {', '.join(sorted(known))}.")
    return known[strategy]


def name_of(strategy: str | Strategy) -> str:
    """A strategy's name; that of a function that is not registered is its module and qualified name."""
    if isinstance(strategy, str):
        return strategy
    for name, function in strategies().items():
        if function is strategy:
            return name
    # an object with __call__ or a partial has only its class's name
    named = strategy if inspect.isroutine(strategy) else type(strategy)
    return f"{named.__module__}.{named.__qualname__}"


class About(NamedTuple):
    """What cards say of a strategy: its name, how it picks in half a sentence, and the BibTeX to cite."""

    name: str
    phrase: str
    citation: str


def about(strategy: str | Strategy) -> About:
    """What the module of a strategy says of it, in the constants `PHRASE` and `CITATION`.

    A strategy of another package says it in the same way. Without them the phrase is its name.

    Raises:
        SelectionError: there is no such strategy.
    """
    name, module = name_of(strategy), inspect.getmodule(find_strategy(strategy))
    return About(
        name, str(getattr(module, "PHRASE", f"the strategy `{name}`")), str(getattr(module, "CITATION", ""))
    )


def checked_options(name: str, strategy: Strategy, options: Mapping[str, Any] | None) -> dict[str, Any]:
    """`options` as keyword arguments of `strategy`: its keyword-only parameters.

    Raises:
        SelectionError: an option that the strategy does not take, or a type other than its default's.
    """
    if options is not None and not isinstance(options, Mapping):
        raise SelectionError(f"options must map names to values, got {options!r}.")
    given = {
        key: value.item() if isinstance(value, np.generic) else value
        for key, value in (options or {}).items()
    }
    takes = {
        parameter.name: parameter.default
        for parameter in inspect.signature(strategy).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    for option, value in given.items():
        if option not in takes:
            have = ", ".join(sorted(takes)) or "none"
            raise SelectionError(f"strategy={name!r} takes no option {option!r}. Its options: {have}.")
        default = takes[option]
        fits = isinstance(value, type(default)) or (isinstance(default, float) and isinstance(value, int))
        if isinstance(value, bool) and not isinstance(default, bool):
            fits = False
        if default is not inspect.Parameter.empty and not fits:
            raise SelectionError(
                f"option {option!r} of strategy={name!r} must be {type(default).__name__}, got {value!r}."
            )
    return given


def checked_picks(name: str, picks: Any, pool: Pool, size: int) -> Picks:
    """What a strategy gave back, if it is `size` different rows that may be picked.

    Raises:
        SelectionError: it is not.
    """
    wrong = f"strategy={name!r} must give back Picks of {size} rows that may be picked (pool.free())"
    if not isinstance(picks, Picks):
        raise SelectionError(f"{wrong}, got {type(picks).__name__}.")
    order, gains = np.asarray(picks.order), np.asarray(picks.gains, dtype=np.float64)
    if order.shape != (size,) or gains.shape != (size,):
        raise SelectionError(f"{wrong}, got an order {order.shape} and gains {gains.shape}.")
    if size and order.dtype.kind not in "iu":
        raise SelectionError(f"{wrong}, got an order of {order.dtype}.")
    if picks.radius is not None and np.shape(picks.radius) != (size,):
        raise SelectionError(f"{wrong}, got a radius {np.shape(picks.radius)}.")
    if len(np.unique(order)) < size or not np.isin(order, pool.free()).all():
        raise SelectionError(f"{wrong}, got rows twice, start rows, or rows that do not take part.")
    return picks._replace(order=order.astype(np.int64), gains=gains)
