"""What the licences of several sources mean together. A reading aid, and no legal advice."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hf_qads.publishing.facts import UNKNOWN, Source

# From free to strict. The Hub's identifiers; anything else counts as unknown.
PERMISSIVE: Final = (
    "cc0-1.0", "unlicense", "odc-by", "mit", "isc", "bsd-2-clause", "bsd-3-clause", "apache-2.0", "cc-by-3.0",
    "cc-by-4.0",
)  # fmt: skip
SHARE_ALIKE: Final = ("odbl", "cc-by-sa-3.0", "cc-by-sa-4.0", "gpl-2.0", "gpl-3.0", "agpl-3.0")
NON_COMMERCIAL: Final = ("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0")
NO_DERIVATIVES: Final = ("cc-by-nd-4.0", "cc-by-nc-nd-4.0")
ORDER: Final = (*PERMISSIVE, *SHARE_ALIKE, *NON_COMMERCIAL, *NO_DERIVATIVES)


@dataclass(frozen=True)
class Together:
    """The licences of a mixture: the strictest one, and the sources that ask for a person's decision."""

    strictest: str
    share_alike: tuple[str, ...]
    flagged: tuple[tuple[str, str], ...]  # source, why

    @property
    def identifier(self) -> str:
        """The Hub's `license` value: the strictest licence, `other` where one is unknown."""
        return "other" if self.strictest == UNKNOWN else self.strictest


def identifier(licence: str) -> str:
    """The Hub's identifier of a licence that people write in many ways; `unknown` where none fits."""
    text = re.sub(r"[\s_]+", "-", licence.strip().lower())
    text = re.sub(r"^(the-)?(license:|licence:)-?", "", text)
    text = re.sub(r"-?licen[sc]e$", "", text)
    text = {"apache": "apache-2.0", "apache-2": "apache-2.0", "cc0": "cc0-1.0", "gpl": "gpl-3.0"}.get(
        text, text
    )
    return text if text in ORDER else UNKNOWN


def together(sources: Iterable[Source]) -> Together:
    """Join the licences of the sources whose rows are in a mixture.

    Sources that allow no commercial use, no derivatives, or whose licence is unknown are flagged.
    """
    used = [source for source in sources if source.kept is None or source.kept]
    known = [(source.name, identifier(source.licence)) for source in used]
    flagged = [(name, why) for name, licence in known if (why := _why(licence))]
    found = [licence for _, licence in known]
    strictest = UNKNOWN if UNKNOWN in found or not found else max(found, key=ORDER.index)
    return Together(
        strictest, tuple(name for name, licence in known if licence in SHARE_ALIKE), tuple(flagged)
    )


def _why(licence: str) -> str:
    if licence == UNKNOWN:
        return "its licence is not known"
    if licence in NO_DERIVATIVES:
        return f"{licence} forbids passing on what is changed"
    return f"{licence} forbids commercial use" if licence in NON_COMMERCIAL else ""
