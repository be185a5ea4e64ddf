"""Combine licences of the kept sources: what they ask for together, in the words of a card."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hf_qads.publishing.facts.facts import SourceFacts
from hf_qads.repositories import licences

NOT_ON_HUB: Final = frozenset(
    {
        "cc-by-nc-2.5",
        "cc-by-nc-nd-2.0",
        "cc-by-nc-nd-2.5",
        "cc-by-nc-sa-2.5",
        "cc-by-nd-2.0",
        "cc-by-nd-2.5",
        "cc-by-nd-3.0",
        "cc-by-sa-2.0",
        "cc-by-sa-2.5",
        "nvidia-license",
        "public-domain",
        "research-only",
    }
)
TOGETHER: Final = "the sources together"


@dataclass(frozen=True)
class Together:
    """The licences of a mixture.

    Attributes:
        strictest: the one of the sources' licences that carries what all ask for; None where none does.
        why_none: why there is none; empty where there is one.
        share_alike: sources with share-alike terms.
        flagged: sources that ask for a person's decision, and why; also all together, where their licences
            do not go under one.
    """

    strictest: str | None
    why_none: str
    share_alike: tuple[str, ...]
    flagged: tuple[tuple[str, str], ...]

    @property
    def identifier(self) -> str:
        """The Hub's `license` value; `other` where no single one says it."""
        return "other" if self.strictest is None or self.strictest in NOT_ON_HUB else self.strictest


def combine_licences(sources: Iterable[SourceFacts]) -> Together:
    """Join the licences of the sources whose rows are kept.

    Sources that allow no commercial use or no derivatives, have terms of their own, or whose licence is not
    known, are flagged.
    """
    used = [source for source in sources if source.kept is None or source.kept]
    flagged = [(source.name, why) for source in used if (why := _why(source))]
    alike = [source.name for source in used if licences.flags(_named(source)).share_alike]
    named = [licence for source in used for licence in _named(source)]
    reasons = ["a licence is not known"] if licences.flags(named).unknown else []
    if clash := licences.conflict(named):
        flagged.append((TOGETHER, clash))
        reasons.append(clash)
    return Together(licences.strictest(named), "; ".join(reasons), tuple(alike), tuple(flagged))


def _named(source: SourceFacts) -> list[str]:
    return [source.licence, *source.part_licences]


def _why(source: SourceFacts) -> str:
    """Everything about a source's licences that asks for a person's decision."""
    named = list(dict.fromkeys(_named(source)))

    def those(asks: str) -> list[str]:
        return [one for one in named if licences.normalise(one) and getattr(licences.flags([one]), asks)]

    reasons = []
    if any(licences.normalise(one) is None for one in named):
        reasons.append(f"{'its licence' if len(named) == 1 else 'the licence of a part'} is not known")
    if source.licence_assumed:
        reasons.append("a file of one's own stands for it, and its licence was taken from the dataset")
    if source.redistributable is False:
        reasons.append("its rows may not be published again")
    for asks, says in (
        ("unknown", "is not known here"),
        ("no_derivatives", "forbids passing on what is changed"),
        ("non_commercial", "forbids commercial use"),
        ("own_terms", "has terms of its own"),
    ):
        reasons += [f"{one} {says}" for one in those(asks)]
    return "; ".join(reasons)
