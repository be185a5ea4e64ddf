"""How the raw rows of one source become rows: by their columns, or by a catalogue entry's own reader."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hf_qads.errors import SourceError
from hf_qads.rows import columns as pairs
from hf_qads.rows.columns import ColumnMapping, Pair

MEANING: Final = ("question", "answer", "messages")  # parts without which a mapping means nothing

ToRows = Callable[[Mapping[str, Any]], Sequence[Pair]]


@dataclass(frozen=True)
class Recipe:
    """How raw rows of one source become rows: by their columns, or by a catalogue entry's own reader.

    Attributes:
        source: name of the source.
        kind: `reasoning` or `general`.
        mapped: the columns that were named for `question`, `answer`, ...; the others are recognised.
        to_rows: the reader, where there is one.
        where: the rows that are asked for.
        precomputed: columns that are kept beside the rows.
    """

    source: str
    kind: str
    mapped: Mapping[str, str] = field(default_factory=dict)
    to_rows: ToRows | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    precomputed: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str] | None:
        """The raw columns that may be needed; None for all."""
        if self.to_rows is not None:
            return None
        return list(dict.fromkeys([*self.mapped.values(), *self.where, *self.precomputed, *pairs.KNOWN]))

    def mapping(self, names: Iterable[str]) -> ColumnMapping | None:
        """What the columns of one piece of the source mean; None where they hold no question and answer.

        A piece may lack what another has: each file, and each piece of a file, is recognised for itself.
        """
        names = list(names)
        there = {part: column for part, column in self.mapped.items() if column in names}
        if self.to_rows is not None or any(part in self.mapped and part not in there for part in MEANING):
            return None
        try:
            return pairs.recognise(names, there)
        except SourceError:
            return None
