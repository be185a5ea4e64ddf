"""A mixture on disk: parquet shards cut at the subset borders, a README that loads them, and qads.yaml.

The bytes depend on the rows alone: row groups and shards are cut at fixed row numbers, and nothing of the
clock, the machine or the way in which the rows arrived goes into them. A file's name tells what its segment
holds: `datasets` takes a folder of the same name and card for the same rows, so the card has to differ.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from hf_qads.errors import MixingError
from hf_qads.repositories.formats import GROUP_ROWS, SHARD_ROWS
from hf_qads.repositories.front_matter import front_matter, split_card
from hf_qads.runtime import files

SPLIT: Final = "train"
DATA: Final = "data"


class ShardWriter:
    """Writes the rows of one segment, given in order, to `data/<label>-<content>-00000.parquet` and so on.

    Attributes:
        written: file name, inside the folder, and rows of each shard; with the content once it is closed.

    Cost: holds up to `GROUP_ROWS` rows and one given table in memory.
    """

    def __init__(self, folder: Path, label: str, schema: pa.Schema) -> None:
        self.written: list[tuple[str, int]] = []
        self._folder, self._label, self._schema = folder, label, schema
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        """Add rows, with the schema's columns in its order."""
        self._waiting.append(table)
        self._waiting_rows += len(table)
        while self._waiting_rows >= GROUP_ROWS:
            self._flush(GROUP_ROWS)

    def close(self) -> None:
        """Write what is left, and name the shards by their content. Without rows there is one empty shard."""
        if self._waiting_rows or not self.written:
            self._flush(self._waiting_rows)
        self.abandon()
        named = files.named_by_content([self._folder / name for name, _ in self.written])
        self.written = [
            (f"{DATA}/{path.name}", rows) for path, (_, rows) in zip(named, self.written, strict=True)
        ]

    def abandon(self) -> None:
        """Close the shard that is being written, whole or not."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    @property
    def pattern(self) -> str:
        """What the files of a closed segment are called."""
        return self.written[0][0].rpartition("-")[0] + "-*.parquet"

    def _flush(self, rows: int) -> None:
        waiting = pa.concat_tables(self._waiting) if self._waiting else self._schema.empty_table()
        group, rest = waiting.slice(0, rows), waiting.slice(rows)
        self._waiting, self._waiting_rows = ([rest] if len(rest) else []), len(rest)
        if self._writer is None:
            name = f"{DATA}/{self._label}-{len(self.written):05d}.parquet"
            self.written.append((name, 0))
            self._writer = _parquet(self._folder / name, self._schema)
        if len(group):
            self._writer.write_table(group.combine_chunks(), row_group_size=GROUP_ROWS)
        name, count = self.written[-1]
        self.written[-1] = (name, count + len(group))
        if count + len(group) >= SHARD_ROWS:
            self.abandon()


class MixtureWriter:
    """Writes a mixture's segments, in order, and the files that make the folder a dataset repository.

    Args:
        folder: where to write; `data/` is made in it.
        names: name of each segment's subset, smallest first; the last segment is the rest of the whole.
        schema: of the rows. Metadata (pandas, Hugging Face) is left off.
    """

    def __init__(self, folder: Path, names: Sequence[str], schema: pa.Schema) -> None:
        self._folder, self._names = folder, list(names)
        self._schema = schema.remove_metadata()
        self._segments: list[ShardWriter] = []
        (folder / DATA).mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "MixtureWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for segment in self._segments[-1:]:
            segment.abandon()

    def write(self, segment: int, table: pa.Table) -> None:
        """Add rows to a segment; segments come in rising order."""
        self._open(segment)
        self._segments[-1].write(table.replace_schema_metadata(None).cast(self._schema))

    def finish(self, *, card: str, facts: Mapping[str, Any], subsets: Mapping[str, int]) -> None:
        """Close the shards and write README.md and qads.yaml.

        A subset without a row is named in qads.yaml, but is no config: `load_dataset` refuses empty ones.

        Raises:
            MixingError: no row was written.
        """
        self._open(len(self._names))
        self._segments[-1].close()
        written = [pair for segment in self._segments for pair in segment.written]
        if not any(rows for _, rows in written):
            raise MixingError("the ratios keep no row at all, so there is no mixture to save. Raise a ratio.")
        listed = [
            {"path": name, "rows": rows, "sha256": files.file_hash(self._folder / name)}
            for name, rows in written
        ]
        patterns = [segment.pattern for segment in self._segments]
        configs = [_config("default", patterns) | {"default": True}]
        configs += [_config(name, patterns[: i + 1]) for i, name in enumerate(self._names) if subsets[name]]
        files.write_text(self._folder / "README.md", with_front_matter(card, {"configs": configs}))
        known = {**facts, "rows": sum(rows for _, rows in written), "subsets": dict(subsets), "files": listed}
        files.write_text(
            self._folder / "qads.yaml",
            yaml.safe_dump(plain(known), sort_keys=True, allow_unicode=True, width=110),
        )

    def _open(self, segment: int) -> None:
        while len(self._segments) <= segment:
            if self._segments:
                self._segments[-1].close()
            label = segment_label(len(self._segments), self._names)
            self._segments.append(ShardWriter(self._folder, label, self._schema))


def segment_label(segment: int, names: Sequence[str]) -> str:
    """File name stem of a segment: `part-1-to-10pct`, and `part-2-rest` for the last."""
    return f"part-{segment + 1}-" + (f"to-{names[segment]}" if segment < len(names) else "rest")


def with_front_matter(card: str, extra: Mapping[str, Any]) -> str:
    """`card` with `extra` set in its YAML front matter, which is made where there is none.

    Raises:
        MixingError: the front matter is not closed or not a YAML mapping.
    """
    try:
        header, body = split_card(card, strict=True)
    except ValueError as error:
        raise MixingError(f"{error}. Correct the card.") from error
    return front_matter({**header, **extra}) + body


def plain(value: Any) -> Any:
    """`value` with numpy numbers, tuples and paths as what YAML holds."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str | bool | int | float) or value is None:
        return value
    if isinstance(value, Path):
        return value.name
    return value.item()


def _config(name: str, patterns: list[str]) -> dict[str, Any]:
    return {"config_name": name, "data_files": [{"split": SPLIT, "path": patterns}]}


def _parquet(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=3,
        version="2.6",
        use_content_defined_chunking=True,
    )
