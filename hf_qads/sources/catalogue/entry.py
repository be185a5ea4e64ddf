"""What the catalogue knows of one dataset."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hf_qads import pairs
from hf_qads.pairs import Pair


@dataclass(frozen=True)
class Entry:
    """One dataset: where it lives, how its raw rows read, and what a card says about it.

    Attributes:
        name: the name a config uses.
        title: the name in the paper.
        kind: `reasoning` or `general`.
        sizes: the paper's rows by setting: `s_base`, `s_large`, or `test` for a benchmark.
        answers: who wrote the answers, as the paper's Table 1 says or the dataset's card.
        languages: ISO 639-1 codes.
        licence: identifier as the Hub writes it, or None where none is stated.
        citation: BibTeX.
        hub: dataset id, or None where there is no public copy.
        config: configuration on the Hub.
        split: split on the Hub.
        where: the raw rows that belong to it, where several datasets share a repository.
        columns: raw columns of question and answer, where naming them is enough to read a row.
        reader: reads one raw row, where it is not; raises `pairs.RowError` for a row of no use.
        reads: raw columns that the reader needs.
        examples: a few raw rows in the dataset's shape, written by hand.
        home: where its authors describe it.
        notes: known oddities; one that starts with "unverified" was not seen at its source.
        redistributable: whether the licence lets rows be published again; None where unclear.
    """

    name: str
    title: str
    kind: str
    sizes: Mapping[str, int]
    answers: str
    licence: str | None
    citation: str
    home: str
    examples: Sequence[Mapping[str, Any]]
    languages: Sequence[str] = ("en",)
    hub: str | None = None
    config: str | None = None
    split: str = "train"
    where: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] | None = None
    reader: Callable[[Mapping[str, Any]], Sequence[Pair]] | None = None
    reads: Sequence[str] = ()
    notes: Sequence[str] = ()
    redistributable: bool | None = None

    @property
    def raw_columns(self) -> list[str]:
        """The raw columns without which this entry's reader cannot work."""
        return [*(self.columns or {}).values(), *self.reads, *self.where]

    def to_rows(self, raw: Mapping[str, Any]) -> list[Pair]:
        """The pairs that one raw row holds; a pure function.

        Raises:
            RowError: the row holds no usable question and answer.
        """
        if self.reader is not None:
            return list(self.reader(raw))
        return [pairs.to_pair(raw, self.columns)]
