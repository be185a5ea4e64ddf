"""The mixture of a run, from pool and selection files to shards, without holding the rows in memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.errors import MixingError
from hf_qads.mixing.layout import Layout, Ranked, lay_out
from hf_qads.mixing.writer import MixtureWriter
from hf_qads.rows.keys import HEX_DIGITS, KeyIndex, keys_of
from hf_qads.runtime import progress
from hf_qads.runtime.files import READ_ROWS, atomic_path, remove

BUCKET_BYTES: Final = 96 * 2**20
MOST_BUCKETS: Final = 250  # each is an open file for a while
PLACE: Final = "place"
_PLACE: Final = "__place"
# Where a generated row comes from, and every number that scoring made of a row. Rows of a mixture have a
# score, and so no reason why not.
JOINED: Final = {
    name: column
    for name, column in schema.COLUMNS.items()
    if column.made_by == "augmenting"
    or (schema.is_number(column) and column.made_by not in ("pool", "selection"))
}


@dataclass(frozen=True)
class MixturePart:
    """One source of a mixture, on disk.

    Attributes:
        source: its name.
        kind: `reasoning` or `general`.
        pool: parquet shards with the columns of `schema.ROW_SCHEMA`.
        selection: parquet with `row_id`, `qads_rank` and `qads_gain`; and, where all sources were ranked
            together, `place` in that order, which is the mixture's rank then.
        size: rows that the ratio is a share of: those that selection could choose from.
        columns: parquet files with `row_id` and score columns to join, other sources' rows among them or not.
        own: further columns of numbers in them, by the names that the rows brought them under.
    """

    source: str
    kind: str
    pool: Sequence[Path]
    selection: Path
    size: int
    columns: Sequence[Path] = ()
    own: Sequence[str] = ()


@dataclass(frozen=True)
class PoolMixture:
    """A mixture that is laid out but not written yet; `save` streams it to disk."""

    parts: Mapping[str, MixturePart]
    ranked: Mapping[str, Ranked]
    keys: Mapping[str, np.ndarray]
    layout: Layout

    @property
    def subsets(self) -> dict[str, int]:
        """Rows of each subset, smallest first."""
        return self.layout.subsets

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of the mixture: the row, the scores that are known of any source's rows, rank and gain."""
        known = {
            name
            for part in self.parts.values()
            for path in part.columns
            for name in pq.read_schema(path).names
        }
        joined = [name for name, column in JOINED.items() if column.always or name in known]
        own = [name for part in self.parts.values() for name in part.own if name not in schema.COLUMNS]
        names = [*joined, *dict.fromkeys(own), schema.RANK, schema.GAIN]
        return pa.schema([*schema.ROW_SCHEMA, *((name, _type(name)) for name in names)])

    @property
    def summary(self) -> list[dict[str, Any]]:
        """A line per source, as in `Mixture.summary`."""
        return self.layout.summary

    def save(self, folder: Path | str, *, card: str = "", facts: Mapping[str, Any] | None = None) -> Path:
        """Write the dataset repository; the same bytes as `Mixture.save` gives for the same rows.

        The pool is read once, front to back. Kept rows go to buckets on disk by their place in the mixture,
        and each bucket is put in order in memory.

        Raises:
            MixingError: a selected row is not in the pool, or there is no row to save.

        Cost: about 40 bytes per selected row and a bucket of some 100 MB in memory; on disk, for a while,
        the kept rows uncompressed.
        """
        with atomic_path(Path(folder)) as part:
            buckets = _Buckets(part / ".buckets", self.layout.rows, self._bucket_rows())
            self._fill(buckets)
            with MixtureWriter(part, list(self.subsets), self.schema) as writer:
                for start, table in buckets.in_order():
                    for segment, (first, last) in enumerate(self.layout.segments):
                        low, high = max(first, start), min(last, start + len(table))
                        if low < high:
                            writer.write(segment, table.slice(low - start, high - low))
                remove(part / ".buckets")
                writer.finish(
                    card=card, facts={**(facts or {}), "sources": self.summary}, subsets=self.subsets
                )
        return Path(folder)

    def _bucket_rows(self) -> int:
        rows = size = 0
        for part in self.parts.values():
            for path in part.pool:
                metadata = pq.read_metadata(path)
                rows += metadata.num_rows
                size += sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
        return max(1_000, int(BUCKET_BYTES / max(1.0, size / max(1, rows))))

    def _fill(self, buckets: "_Buckets") -> None:
        places = {source: np.full(len(item.rows), -1, dtype=np.int64) for source, item in self.ranked.items()}
        at = 0
        for source, first, last in self.layout.pieces:
            places[source][first:last] = np.arange(at, at + last - first)
            at += last - first
        with ExitStack() as stack:
            stack.callback(buckets.close)
            bar = stack.enter_context(progress.bar(at, "mixing"))
            for source, part in self.parts.items():
                kept = places[source] >= 0
                found = 0
                for table, place in self._kept_rows(part, places[source]):
                    buckets.add(table, place)
                    found += len(table)
                    bar.update(len(table))
                if found != kept.sum():
                    raise MixingError(
                        f"{kept.sum() - found} selected rows of {source!r} are not in its pool, or are there "
                        "twice. Pool and selection are of different runs: run again."
                    )

    def _kept_rows(self, part: MixturePart, places: np.ndarray) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """Rows of a source that the mixture keeps, in pool order, and their places in it."""
        item = self.ranked[part.source]
        index = KeyIndex(self.keys[part.source])
        joined = [_Join(path, part.source, part.own) for path in part.columns]
        places = np.append(places, -1)  # of a row without a rank, which is -1: a source may have none at all
        for path in part.pool:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=READ_ROWS, columns=schema.ROW_SCHEMA.names):
                    rank = index.find(keys_of(batch.column(batch.schema.get_field_index(schema.ROW_ID))))
                    place = places[rank]
                    take = np.flatnonzero(place >= 0)
                    if len(take):
                        rows = pa.Table.from_batches([batch]).take(take)
                        ranks = rank[take] if item.places is None else item.places[rank[take]]
                        gains = item.gains[rank[take]]
                        yield _complete(rows, joined, ranks, gains, self.schema), place[take]


def pool_mixture(
    parts: Sequence[MixturePart],
    *,
    ratios: Mapping[str, float],
    subsets: Sequence[float] = (),
    by: Literal["source", "global"] = "source",
) -> PoolMixture:
    """Lay a run's mixture out: counts and subsets are known before any row is read.

    Args:
        parts: the sources in the mixture's order.
        ratios: source -> share of `MixturePart.size`.
        subsets: fractions in (0, 1].
        by: "source" or "global", as in `mix`.

    Raises:
        MixingError: as `mix`; also where a selection names a row twice.
    """
    ranked, keys = {}, {}
    for part in parts:
        known = [schema.ROW_ID, schema.RANK, schema.GAIN, PLACE]
        names = [name for name in known if name in pq.read_schema(part.selection).names]
        table = pq.read_table(part.selection, columns=names, partitioning=None)
        item = Ranked.of(part.source, table[schema.RANK], table[schema.GAIN], size=part.size, kind=part.kind)
        if PLACE in names:
            item = replace(item, places=table[PLACE].to_numpy().astype(np.int64)[item.rows])
        keys[part.source] = keys_of(table[schema.ROW_ID])[item.rows]
        twice = KeyIndex(keys[part.source]).first_repeated()
        if twice is not None:
            raise MixingError(
                f"the selection of {part.source!r} names row {schema.row_id(part.source, twice)} twice."
            )
        ranked[part.source] = item
    layout = lay_out(ranked, ratios=ratios, subsets=subsets, by=by)
    return PoolMixture({part.source: part for part in parts}, ranked, keys, layout)


def _complete(
    rows: pa.Table, joined: Sequence["_Join"], ranks: np.ndarray, gains: np.ndarray, wanted: pa.Schema
) -> pa.Table:
    """The rows with every column of the mixture, in its order."""
    rows = rows.replace_schema_metadata(None)
    columns = {name: rows[name].cast(schema.ROW_SCHEMA.field(name).type) for name in schema.ROW_SCHEMA.names}
    keys = keys_of(columns[schema.ROW_ID])
    for name in (name for name in wanted.names if name not in (*columns, schema.RANK, schema.GAIN)):
        source = next((join for join in joined if name in join.values), None)
        kind = _type(name)
        columns[name] = pa.nulls(len(rows), kind) if source is None else source.column(name, keys)
    columns[schema.RANK] = pa.array(ranks, type=pa.int32())
    columns[schema.GAIN] = pa.array(gains, type=pa.float32(), from_pandas=True)
    return pa.table([columns[name] for name in wanted.names], schema=wanted)


def _type(name: str) -> pa.DataType:
    """The type of a column that joins the rows: a known one's, else a number."""
    return schema.COLUMNS[name].type if name in schema.COLUMNS else pa.float32()


class _Join:
    """Score columns of one source in one file, looked up by content key."""

    def __init__(self, path: Path, source: str, own: Sequence[str]) -> None:
        there = pq.read_schema(path).names
        names = [name for name in dict.fromkeys([*JOINED, *own]) if name in there]
        table = pq.read_table(path, columns=[schema.ROW_ID, *names], partitioning=None)
        ids = table[schema.ROW_ID]
        own = pc.and_(
            pc.starts_with(ids, f"{source}-"), pc.equal(pc.utf8_length(ids), len(source) + 1 + HEX_DIGITS)
        )
        table = table.filter(own)
        self._index = KeyIndex(keys_of(table[schema.ROW_ID]))
        self.values = {name: table[name].cast(_type(name)) for name in names}

    def column(self, name: str, keys: np.ndarray) -> pa.Array:
        """The column's values for some rows, null where the file does not hold a row."""
        places = self._index.find(keys)
        taken = self.values[name].take(pa.array(places, mask=places < 0))
        return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken


class _Buckets:
    """Rows on disk, by ranges of their place in the mixture."""

    def __init__(self, folder: Path, rows: int, bucket_rows: int) -> None:
        folder.mkdir(parents=True)
        self._folder, self._rows = folder, max(bucket_rows, -(-rows // MOST_BUCKETS))
        self._writers: dict[int, pa.RecordBatchStreamWriter] = {}

    def add(self, table: pa.Table, places: np.ndarray) -> None:
        table = table.append_column(_PLACE, pa.array(places))
        buckets = places // self._rows
        for bucket in np.unique(buckets):
            if int(bucket) not in self._writers:
                path = self._folder / f"{int(bucket):06d}.arrow"
                self._writers[int(bucket)] = pa.ipc.new_stream(path, table.schema)
            self._writers[int(bucket)].write_table(table.take(np.flatnonzero(buckets == bucket)))

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def in_order(self) -> Iterator[tuple[int, pa.Table]]:
        """(place of the first row, rows in order), bucket after bucket."""
        for bucket in sorted(self._writers):
            path = self._folder / f"{bucket:06d}.arrow"
            with pa.memory_map(str(path)) as stream:
                table = pa.ipc.open_stream(stream).read_all()
                yield bucket * self._rows, table.sort_by(_PLACE).drop_columns([_PLACE])
                del table
            remove(path)
