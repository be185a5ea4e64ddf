"""Licences: what those of the sources ask for, and what that means for a mixture of them.

This is a reading aid, no legal advice: identifiers are sorted by what they are known to ask for, and a
licence that is missing or not known counts as unknown.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

# origins that the catalogue cannot vouch for
OWN_FILES: Final = ("local files", "dataset repository folder", "files at a place")
# What is asked for, and the identifiers that ask for it; in both, what asks for more stands further down.
# `notice`: keep the licence's text; `changes`: say what was changed; `credit`: name the authors; `sa`: share
# alike; `nc`: no commercial use; `research`: for research only; `nd`: no derivatives; `own`: further terms.
ASKED: Final = {
    "": "public-domain wtfpl unlicense pddl cc0-1.0",
    "notice": """
        zlib isc mit bsl-1.0 postgresql ncsa bsd-2-clause bsd bsd-3-clause bsd-3-clause-clear
        cdla-permissive-2.0
    """,
    "notice changes": "ecl-2.0 apache-2.0",
    "notice changes credit": """
        afl-3.0 openmdw-1.0 openmdw-1.1 cdla-permissive-1.0 etalab-2.0 odc-by
        cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0
    """,
    "notice sa": """
        ms-pl mpl-2.0 epl-1.0 epl-2.0 eupl-1.1 eupl-1.2 osl-3.0 ofl-1.1 cdla-sharing-1.0 odbl
        lgpl-lr lgpl lgpl-2.1 gfdl gpl gpl-2.0
    """,
    "notice changes sa": "lgpl-3.0 gpl-3.0 agpl-3.0",
    "notice changes credit sa": "cc-by-sa-2.0 cc-by-sa-2.5 cc-by-sa-3.0 cc-by-sa-4.0",
    "notice changes credit nc": "cc-by-nc-2.0 cc-by-nc-2.5 cc-by-nc-3.0 cc-by-nc-4.0",
    "notice changes credit nc sa": "cc-by-nc-sa-2.0 cc-by-nc-sa-2.5 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0",
    "notice changes credit nd": "cc-by-nd-2.0 cc-by-nd-2.5 cc-by-nd-3.0 cc-by-nd-4.0",
    "notice changes credit nc nd": "cc-by-nc-nd-2.0 cc-by-nc-nd-2.5 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0",
    "notice changes credit nc research": "research-only",
    "own": """
        artistic-2.0 lppl-1.3c apple-ascl nvidia-license openrail openrail++ creativeml-openrail-m
        bigscience-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
        llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 gemma grok2-community
    """,
    "own sa": "c-uda",
    "own nc": "h-research intel-research apple-amlr deepfloyd-if-license fair-noncommercial-research-license",
}
TERMS: Final = {name: frozenset(asks.split()) for asks, names in ASKED.items() for name in names.split()}
BINDING: Final = frozenset({"sa", "nd", "own"})  # rows stay under the very licence that asks for it
WORDS: Final = {
    "share_alike": "share alike",
    "non_commercial": "not for commercial use",
    "no_derivatives": "no derivatives",
    "own_terms": "terms of its own",
    "unknown": "licence unknown",
}


class Flags(NamedTuple):
    """What a licence, or several together, ask for."""

    share_alike: bool
    non_commercial: bool
    no_derivatives: bool
    own_terms: bool
    unknown: bool

    def in_words(self) -> str:
        """The flags as a phrase; `permissive` where there is none."""
        return ", ".join(word for flag, word in WORDS.items() if getattr(self, flag)) or "permissive"


def normalise(licence: str | None) -> str | None:
    """A licence's identifier in lower case; None for one that is missing or says nothing."""
    text = (licence or "").strip().lower()
    return None if text in {"", "unknown", "other", "none"} else text


def flags(licences: Iterable[str | None]) -> Flags:
    """What one or more licences ask for together."""
    found = {normalise(licence) for licence in licences}
    asked = {word for licence in found for word in TERMS.get(licence or "", ())}
    return Flags(
        share_alike="sa" in asked,
        non_commercial="nc" in asked,
        no_derivatives="nd" in asked,
        own_terms="own" in asked,
        unknown=not found or not found <= TERMS.keys(),
    )


def strictest(licences: Iterable[str | None]) -> str | None:
    """The one of these licences that a mixture can be published under, as a starting point.

    It carries whatever the others ask for. Rows that ask to be shared alike, not to be changed, or to be
    under further terms, stay under their own licence; of Creative Commons, share-alike rows may also go under
    a later version of it. None means that none of the licences does, or that one is not known: the card then
    lists the sources' licences, and its licence is `other`.
    """
    named = list(licences)
    top = _top(named)
    return top[0] if len(top) == 1 and not flags(named).unknown else None


def conflict(licences: Iterable[str | None]) -> str | None:
    """Why none of the known ones among these licences can be named for all; None where one can."""
    *others, last = _top(licences) or [""]
    return f"no one licence carries what {', '.join(others)} and {last} ask for" if others else None


def _top(licences: Iterable[str | None]) -> list[str]:
    """The known licences that no other one of them carries."""
    named = {normalise(licence) for licence in licences}
    top: list[str] = []
    for name in (name for name in TERMS if name in named):
        top = [one for one in top if not _carries(name, one)]
        if not any(_carries(one, name) for one in top):
            top.append(name)
    return top


def _carries(licence: str, other: str) -> bool:
    """Whether rows under `other` can go into a whole under `licence`, with nothing lost that they ask for."""
    if TERMS[other] & BINDING:
        return licence == other or _is_later(licence, other)
    return TERMS[other] <= TERMS[licence]


def _is_later(licence: str, other: str) -> bool:
    """Whether `licence` is a later version of `other`, a share-alike licence that allows it."""
    kind, _, version = licence.rpartition("-")
    other_kind, _, other_version = other.rpartition("-")
    return kind == other_kind and kind in ("cc-by-sa", "cc-by-nc-sa") and version > other_version
