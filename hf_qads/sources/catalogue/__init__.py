"""Datasets by name: the paper's sources and test sets, embedded pools, entries of other packages."""

import difflib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Final

from hf_qads.errors import SourceError
from hf_qads.sources.catalogue.entry import Entry

GROUP: Final = "hf_qads.sources"
EMBEDDED: Final = "embedded_"

CATALOGUE: Final[dict[str, Entry]] = {}
BENCHMARKS: Final[dict[str, Entry]] = {}


def find(name: str) -> Entry | None:
    """The entry of that name, or None."""
    entry = CATALOGUE.get(name) or BENCHMARKS.get(name)
    if entry is None and name.startswith(EMBEDDED):
        entry = _embedded().get(name)
    return entry or _from_packages().get(name)


def lookup(name: str) -> Entry:
    """The entry of that name.

    Raises:
        SourceError: there is none; close names are given.
    """
    entry = find(name)
    if entry is None:
        close = difflib.get_close_matches(name, names(), n=3)
        hint = f" Did you mean {' or '.join(close)}?" if close else " `hf-qads sources` lists them."
        raise SourceError(f"the catalogue holds no {name!r}.{hint}")
    return entry


def names() -> list[str]:
    """All names that `lookup` knows: sources, benchmarks, embedded pools, entries of other packages."""
    return [*CATALOGUE, *BENCHMARKS, *_embedded(), *_from_packages()]


def _embedded() -> Mapping[str, Entry]:
    try:
        from hf_qads.embedded import pool
    except ImportError:
        return {}
    return {
        name: Entry(
            name=name,
            title=name,
            kind=kind,
            sizes={},
            answers="a generator",
            licence="apache-2.0",
            citation="",
            home="",
            examples=(),
            notes=("Made by a generator that ships with this package, with planted quality.",),
            redistributable=True,
        )
        for name, kind in pool.SOURCES.items()
    }


def _from_packages() -> dict[str, Entry]:
    found = {}
    for point in entry_points(group=GROUP):
        loaded = point.load()
        for entry in [loaded] if isinstance(loaded, Entry) else loaded:
            if not isinstance(entry, Entry):
                raise SourceError(f"entry point {point.name} of {GROUP} gives {entry!r}, not an Entry.")
            found[entry.name] = entry
    return found
