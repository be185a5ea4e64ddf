"""What the licences of sources mean for a mixture of them.

This is a reading aid, no legal advice: identifiers are sorted by what they are known to ask for, and a
licence that is missing or not known counts as unknown.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

PERMISSIVE: Final = frozenset(
    {
        "afl-3.0",
        "apache-2.0",
        "bsd",
        "bsd-2-clause",
        "bsd-3-clause",
        "bsl-1.0",
        "cc-by-2.0",
        "cc-by-3.0",
        "cc-by-4.0",
        "cc0-1.0",
        "cdla-permissive-1.0",
        "cdla-permissive-2.0",
        "isc",
        "mit",
        "odc-by",
        "pddl",
        "public-domain",
        "unlicense",
        "wtfpl",
        "zlib",
    }
)
SHARE_ALIKE: Final = frozenset(
    {
        "agpl-3.0",
        "c-uda",
        "cc-by-nc-sa-2.0",
        "cc-by-nc-sa-3.0",
        "cc-by-nc-sa-4.0",
        "cc-by-sa-3.0",
        "cc-by-sa-4.0",
        "cdla-sharing-1.0",
        "gfdl",
        "gpl",
        "gpl-2.0",
        "gpl-3.0",
        "odbl",
    }
)
NON_COMMERCIAL: Final = frozenset(
    {
        "cc-by-nc-2.0",
        "cc-by-nc-3.0",
        "cc-by-nc-4.0",
        "cc-by-nc-nd-3.0",
        "cc-by-nc-nd-4.0",
        "cc-by-nc-sa-2.0",
        "cc-by-nc-sa-3.0",
        "cc-by-nc-sa-4.0",
        "research-only",
    }
)
NO_DERIVATIVES: Final = frozenset({"cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"})
OWN_TERMS: Final = frozenset({"nvidia-license"})  # known texts with conditions of their own
ORDER: Final = (  # the stricter comes first; one is chosen where several bind a whole mixture
    "research-only",
    "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-4.0",
    "cc-by-nc-4.0",
    "cc-by-nd-4.0",
    "agpl-3.0",
    "gpl-3.0",
    "odbl",
    "cc-by-sa-4.0",
)


class Flags(NamedTuple):
    """What a licence, or several together, ask for."""

    share_alike: bool
    non_commercial: bool
    no_derivatives: bool
    own_terms: bool
    unknown: bool

    def in_words(self) -> str:
        """The flags as a phrase; `permissive` where there is none."""
        words = {
            "share alike": self.share_alike,
            "not for commercial use": self.non_commercial,
            "no derivatives": self.no_derivatives,
            "terms of its own": self.own_terms,
            "licence unknown": self.unknown,
        }
        return ", ".join(word for word, holds in words.items() if holds) or "permissive"


def normalise(licence: str | None) -> str | None:
    """A licence's identifier in lower case; None for one that is missing or says nothing."""
    text = (licence or "").strip().lower()
    return None if text in {"", "unknown", "other", "none"} else text


def flags(licences: Iterable[str | None]) -> Flags:
    """What one or more licences ask for together."""
    found = {normalise(licence) for licence in licences}
    known = PERMISSIVE | SHARE_ALIKE | NON_COMMERCIAL | NO_DERIVATIVES | OWN_TERMS
    return Flags(
        share_alike=bool(found & SHARE_ALIKE),
        non_commercial=bool(found & NON_COMMERCIAL),
        no_derivatives=bool(found & NO_DERIVATIVES),
        own_terms=bool(found & OWN_TERMS),
        unknown=not found or None in found or bool({x for x in found if x} - known),
    )


def strictest(licences: Iterable[str | None]) -> str | None:
    """The licence that a mixture of these can be published under, as a starting point.

    One licence for all sources stays; attribution alone gives way to a stricter one. None means that no
    single identifier says it (a source's licence is unknown or has terms of its own, or two of them exclude
    each other): the card then lists the sources' licences, and its licence is `other`.
    """
    found = {normalise(licence) for licence in licences}
    named = {licence for licence in found if licence is not None}
    asked = flags(found)
    if not found or asked.unknown or asked.own_terms:
        return None
    if len(named) == 1:
        return named.pop()
    copyleft = named & SHARE_ALIKE
    if len(copyleft) > 1 or (copyleft and asked.non_commercial and not copyleft & NON_COMMERCIAL):
        return None
    for licence in ORDER:
        if licence in named:
            return licence
    return (
        "cc-by-4.0" if named & {"cc-by-4.0", "odc-by"} else "apache-2.0" if "apache-2.0" in named else "mit"
    )
