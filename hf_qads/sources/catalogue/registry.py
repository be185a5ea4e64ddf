"""Looking up what the catalogue holds."""

import difflib
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Final

from hf_qads.errors import SourceError
from hf_qads.sources.catalogue import benchmarks, further, general, mathinstruct, maths
from hf_qads.sources.catalogue.entry import Entry

GROUP: Final = "hf_qads.sources"
EMBEDDED: Final = "embedded_"

CATALOGUE: Final[dict[str, Entry]] = {
    entry.name: entry for entry in (*mathinstruct.PARTS, mathinstruct.WHOLE, *maths.ENTRIES, *general.ENTRIES)
}
FURTHER: Final[dict[str, Entry]] = {entry.name: entry for entry in further.ENTRIES}
BENCHMARKS: Final[dict[str, Entry]] = {entry.name: entry for entry in benchmarks.ENTRIES}


def find(name: str) -> Entry | None:
    """The entry of that name, or None."""
    entry = CATALOGUE.get(name) or BENCHMARKS.get(name) or FURTHER.get(name)
    if entry is None and name.startswith(EMBEDDED):
        entry = embedded().get(name)
    return entry or from_packages().get(name)


def lookup(name: str) -> Entry:
    """The entry of that name.

    Raises:
        SourceError: there is none; close names are given.
    """
    entry = find(name)
    if entry is None:
        raise SourceError(f"the catalogue holds no {name!r}. {hint(name)}")
    return entry


def hint(name: str) -> str:
    """What may be meant by a name that the catalogue does not hold: names that are written nearly so."""
    close = difflib.get_close_matches(re.sub(r"\W+", "_", name.lower()), names(), n=3)
    return f"Did you mean {' or '.join(close)}?" if close else "`hf-qads sources` lists what there is."


def names() -> list[str]:
    """All names that `lookup` knows, those of the embedded pools and of other packages too."""
    return [*CATALOGUE, *BENCHMARKS, *FURTHER, *embedded(), *from_packages()]


@cache
def embedded() -> Mapping[str, Entry]:
    """The pools that ship inside the package."""
    pool = import_module("hf_qads.embedded.pool")
    return {
        name: Entry(
            name=name,
            title=name.removeprefix(EMBEDDED).replace("_", " "),
            kind=kind,
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


@cache
def from_packages() -> Mapping[str, Entry]:
    """Entries that installed packages add by the entry-point group `hf_qads.sources`.

    An entry point names an `Entry`, or a list of them.

    Raises:
        SourceError: an entry point gives something else.
    """
    found: dict[str, Entry] = {}
    for point in entry_points(group=GROUP):
        loaded = point.load()
        for entry in [loaded] if isinstance(loaded, Entry) else loaded:
            if not isinstance(entry, Entry):
                raise SourceError(f"entry point {point.name} of {GROUP} gives {entry!r}, not an Entry.")
            found[entry.name] = entry
    return found
