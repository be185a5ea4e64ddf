"""What the catalogue knows of one dataset."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hf_qads.rows import columns as pairs
from hf_qads.rows.columns import Pair


@dataclass(frozen=True)
class Entry:
    """One dataset: where it lives, how its raw rows read, and what a card says about it.

    Attributes:
        name: the name a config uses.
        title: the name in the paper.
        kind: `reasoning` or `general`.
        answers: who wrote the answers, as the paper's Table 1 or the dataset's card says.
        licence: identifier as the Hub writes it, or None where none is stated.
        citation: BibTeX; empty where there is nothing to cite.
        home: where its authors describe it.
        examples: raw rows in the dataset's shape, written by hand.
        sizes: the paper's rows by setting (`s_base`, `s_large`), or of a test set (`test`).
        languages: ISO 639-1 codes.
        hub: dataset id, or None where there is no public copy.
        config: configuration on the Hub.
        split: split on the Hub.
        files: the files of the repository that are meant, where it has no such configuration.
        revision: branch to read where the main one cannot be, as in `refs/convert/parquet`.
        where: the raw rows that belong to it, where several datasets share a repository.
        columns: raw columns of question and answer, where naming them is enough to read a row.
        reader: reads one raw row, where it is not; raises `pairs.RowError` for a row of no use.
        reads: raw columns that the reader needs.
        part_licences: further licences that parts of the dataset are under.
        notes: known oddities. The one that starts with `Seen:` says which facts were checked and where; what
            could not be checked is called unverified.
        redistributable: whether rows may be published again; None where that is unclear.
        released: whether anyone but its authors can have it.
    """

    name: str
    title: str
    kind: str
    answers: str
    licence: str | None
    citation: str
    home: str
    examples: Sequence[Mapping[str, Any]]
    sizes: Mapping[str, int] = field(default_factory=dict)
    languages: Sequence[str] = ("en",)
    hub: str | None = None
    config: str | None = None
    split: str = "train"
    files: Sequence[str] = ()
    revision: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] | None = None
    reader: Callable[[Mapping[str, Any]], Sequence[Pair]] | None = None
    reads: Sequence[str] = ()
    part_licences: Sequence[str] = ()
    notes: Sequence[str] = ()
    redistributable: bool | None = None
    released: bool = True

    @property
    def raw_columns(self) -> list[str]:
        """The raw columns without which this entry's rows cannot be read."""
        return [*(self.columns or {}).values(), *self.reads]

    @property
    def licences(self) -> list[str | None]:
        """Every licence that its rows are under."""
        return [self.licence, *self.part_licences]

    def to_rows(self, raw: Mapping[str, Any]) -> list[Pair]:
        """The pairs that one raw row holds; a pure function.

        Raises:
            RowError: the row holds no usable question and answer.
        """
        if self.reader is not None:
            return list(self.reader(raw))
        return [pairs.to_pair(raw, self.columns)]
