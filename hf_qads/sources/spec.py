"""Settings of a source (`SourceSpec`) and the result of reading it (`SourceRead`)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hf_qads import schema
from hf_qads.errors import SourceError


@dataclass(frozen=True)
class SourceSpec:
    """One source, as a config names it.

    Attributes:
        path_or_name: a catalogue name, a file, a folder, a glob pattern, or a Hub dataset id.
        name: name of the source; from the catalogue, the file or the repository where None. With a path, the
            name of a catalogue entry takes that entry's reader and facts.
        kind: `reasoning` or `general`; the catalogue's or else `reasoning` where None.
        config: configuration of a Hub dataset.
        split: split to read; `all` reads every file of a folder. Where None, `train` is read, and any other
            split has to be asked for (see `repositories.folders.find_files`).
        revision: branch, tag or commit of a Hub dataset; the resolved commit is recorded.
        columns: the dataset's own column names for `question`, `answer`, `input`, `messages`, `history`,
            `system`, `final_answer`.
        where: keep the rows whose column holds the value, or one of a list of values.
        rows: size of a random sample, drawn with `seed` from the usable rows and kept in their order; a
            source with fewer usable rows is kept whole.
        seed: seed of the sample.
        licence: licence of one's own files, for the card.
        precomputed: columns such as `qads_embedding` that came with the rows; they are kept beside them.
    """

    path_or_name: str
    name: str | None = None
    kind: str | None = None
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    columns: Mapping[str, str] | None = None
    where: Mapping[str, Any] | None = None
    rows: int | None = None
    seed: int = 0
    licence: str | None = None
    precomputed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.path_or_name, str) or not self.path_or_name.strip():
            raise SourceError(
                f"a source needs a path, a Hub id or a catalogue name, got {self.path_or_name!r}."
            )
        if self.kind is not None and self.kind not in schema.KINDS:
            raise SourceError(
                f"kind={self.kind!r} of {self.path_or_name} is not one of {list(schema.KINDS)}."
            )
        if self.rows is not None and (isinstance(self.rows, bool) or self.rows < 1):
            raise SourceError(f"rows={self.rows!r} of {self.path_or_name} must be 1 or more, or left out.")

    def settings(self) -> dict[str, Any]:
        """All settings as plain values, for hashes and records."""
        return asdict(self) | {"columns": dict(self.columns or {}), "where": dict(self.where or {})}


@dataclass(frozen=True)
class SourceRead:
    """A source as it was read.

    Attributes:
        name: its name.
        kind: `reasoning` or `general`.
        folder: where `part-*.parquet`, `left_out.parquet` and `facts.json` lie.
        rows: how many rows the shards hold.
        left_out: how many rows were left out, by reason.
        facts: what the card says about the source; the content of `facts.json`.
    """

    name: str
    kind: str
    folder: Path
    rows: int
    left_out: dict[str, int]
    facts: dict[str, Any]
