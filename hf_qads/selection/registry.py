"""Registry of selection strategies: those of this package, and entry points of other packages."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from typing import Any, NamedTuple

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.selection.needs import Needs
from hf_qads.selection.pool import Picks, Pool, Strategy
from hf_qads.selection.strategies.balanced_random import balanced_random
from hf_qads.selection.strategies.bm25 import bm25
from hf_qads.selection.strategies.d4 import d4
from hf_qads.selection.strategies.deita import deita
from hf_qads.selection.strategies.dsir import dsir
from hf_qads.selection.strategies.gist import gist
from hf_qads.selection.strategies.ifd import ifd
from hf_qads.selection.strategies.instag import instag
from hf_qads.selection.strategies.kcenter import kcenter
from hf_qads.selection.strategies.less import less
from hf_qads.selection.strategies.longest import longest
from hf_qads.selection.strategies.perplexity_mid import perplexity_mid
from hf_qads.selection.strategies.perplexity_top import perplexity_top
from hf_qads.selection.strategies.qads import qads
from hf_qads.selection.strategies.quality import quality
from hf_qads.selection.strategies.random_ import random
from hf_qads.selection.strategies.rds import rds
from hf_qads.selection.strategies.semdedup import semdedup
from hf_qads.selection.strategies.ssl_prototype import ssl_prototype
from hf_qads.selection.strategies.wici import wici

STRATEGIES: dict[str, Strategy] = {
    "balanced_random": balanced_random,
    "bm25": bm25,
    "d4": d4,
    "deita": deita,
    "dsir": dsir,
    "gist": gist,
    "ifd": ifd,
    "instag": instag,
    "kcenter": kcenter,
    "less": less,
    "longest": longest,
    "perplexity_mid": perplexity_mid,
    "perplexity_top": perplexity_top,
    "qads": qads,
    "quality": quality,
    "random": random,
    "rds": rds,
    "semdedup": semdedup,
    "ssl_prototype": ssl_prototype,
    "wici": wici,
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


def listing() -> str:
    """What `hf-qads strategies` prints."""
    return "\n".join(described())


def described() -> list[str]:
    """Lines on all strategies: name and what each does, its needs, its options, and where it is from."""
    lines = []
    for name, function in sorted(strategies().items()):
        first = (inspect.getdoc(function) or "").partition("\n")[0]
        lines += [f"{name:16} {first}", f"{'':16} needs {needs_of(function)}"]
        options = ", ".join(f"{key}={default!r}" for key, default in option_defaults(function).items())
        lines += [f"{'':16} options {options}"] if options else []
        lines += [f"{'':16} {cited}" for cited in sources_of(about(function).citation)]
    return lines


def sources_of(citation: str) -> list[str]:
    """First author, year and title of each entry of BibTeX."""
    found = []
    for entry in re.split(r"^@", " ".join(citation.split()).replace("} @", "}\n@"), flags=re.MULTILINE):
        fields = dict(re.findall(r"(\w+) *= *\{(.*?)\}(?=, \w+ *=| *,? *\})", entry))
        if "title" in fields:
            author = fields.get("author", "").split(",")[0]
            title = re.sub(r"[{}\\]", "", fields["title"])
            found.append(" ".join(part for part in (author, fields.get("year", ""), f'"{title}"') if part))
    return found


def needs_of(strategy: str | Strategy, options: Mapping[str, Any] | None = None) -> Needs:
    """What a strategy reads with these options, the options' values in the places of their names.

    A strategy that declares nothing may look at the start pool, and needs nothing else.
    """
    module = inspect.getmodule(find_strategy(strategy))
    declared: Needs = getattr(module, "NEEDS", Needs(start=True))
    chosen = {**option_defaults(find_strategy(strategy)), **(options or {})}

    def named(names: tuple[str, ...]) -> tuple[str, ...]:
        found = [str(chosen.get(name, name)) for name in names]
        return tuple(dict.fromkeys(name for name in found if name))

    return replace(
        declared,
        scores=declared.scores and not chosen.get("score"),
        columns=named(declared.columns),
        features=tuple(name for name in named(declared.features) if name != "vectors"),
        targets=named(declared.targets),
        vectors=declared.vectors or "vectors" in named(declared.features),
    )


def option_defaults(strategy: Strategy) -> dict[str, Any]:
    """The options of a strategy: its keyword-only parameters and their defaults."""
    return {
        parameter.name: parameter.default
        for parameter in inspect.signature(strategy).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


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
    takes = option_defaults(strategy)
    for option, value in given.items():
        if option not in takes:
            have = ", ".join(sorted(takes)) or "none"
            raise SelectionError(f"strategy={name!r} takes no option {option!r}. Its options: {have}.")
        default = takes[option]
        if isinstance(default, tuple) and isinstance(value, list):  # YAML has no tuples
            given[option] = value = tuple(value)
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
