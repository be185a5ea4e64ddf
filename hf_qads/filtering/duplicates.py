"""Deduplication: the same row, or a near duplicate, in two sources is kept once, in the first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.errors import FilteringError
from hf_qads.filtering.minhash import near_duplicates
from hf_qads.rows.keys import keys_of
from hf_qads.runtime import progress
from hf_qads.runtime.files import READ_ROWS, atomic_path

METHODS: Final = ("same", "near")
REPEATS: Final = pa.schema(
    [
        (schema.ROW_ID, pa.string()),
        (schema.SOURCE, pa.string()),
        ("first_id", pa.string()),
        ("first_source", pa.string()),
        ("method", pa.string()),
    ]
)


@dataclass(frozen=True)
class Duplicates:
    """Duplicate rows: an earlier source, or the same one, holds them already.

    Attributes:
        repeats: a line per repeated row: `row_id`, `source`, the id and source of the row that stays, and
            `method`: `same` as that row, or `near` to it. A row that is the same as one that went for a near
            duplicate is `near` to the row that stays.
        keep: "first" drops the repeats; "keep" only reports them.
        rows: rows looked at per source.
    """

    repeats: pa.Table
    keep: Literal["first", "keep"]
    rows: Mapping[str, int]

    @cached_property
    def row_ids(self) -> dict[str, dict[str, set[str]]]:
        """Source -> method -> ids of its rows to drop; none where repeats are kept."""
        dropped: dict[str, dict[str, set[str]]] = {
            source: {method: set() for method in METHODS} for source in self.rows
        }
        if self.keep == "first":
            for line in self._lines:
                dropped[line[schema.SOURCE]][line["method"]].add(line[schema.ROW_ID])
        return dropped

    @cached_property
    def also_in(self) -> dict[str, list[str]]:
        """Id of a row that stays -> the other sources that hold it, for the column `also_in`."""
        others: dict[str, list[str]] = {}
        for line in self._lines if self.keep == "first" else ():
            named = others.setdefault(line["first_id"], [])
            if line[schema.SOURCE] not in (line["first_source"], *named):
                named.append(line[schema.SOURCE])
        return {row_id: names for row_id, names in others.items() if names}

    def table(self) -> list[dict[str, object]]:
        """A line per pair of sources: how many rows of `source` repeat one of `first_source`, and how."""
        keys = [schema.SOURCE, "first_source", "method"]
        counted = self.repeats.group_by(keys).aggregate([([], "count_all")]).to_pylist()
        order = {source: i for i, source in enumerate(self.rows)}
        counted.sort(key=lambda line: (order[line["source"]], order[line["first_source"]], line["method"]))
        return [{**{key: line[key] for key in keys}, "rows": line["count_all"]} for line in counted]

    def save(self, path: Path | str) -> None:
        """Write the list of repeats as parquet."""
        with atomic_path(Path(path)) as part:
            pq.write_table(self.repeats, part, compression="zstd")

    @property
    def _lines(self) -> Iterator[dict[str, str]]:
        for batch in self.repeats.to_batches(max_chunksize=READ_ROWS):
            yield from batch.to_pylist()


def find_duplicates(
    pool: Mapping[str, Sequence[Path]],
    *,
    keep: Literal["first", "keep"] = "first",
    near: float | None = None,
) -> Duplicates:
    """Find rows with the same history, question and answer in more than one source.

    Row ids end in the hash of exactly that, so the texts need not be read again.

    Args:
        pool: source -> its parquet shards, in the order in which sources win.
        keep: "first" names the rows of later sources to drop; "keep" reports them only.
        near: also find near duplicates, inside a source too: at least this Jaccard similarity in (0, 1] of
            the runs of three tokens of question and answer, and the same numbers (see `near_duplicates` for
            what is promised).

    Raises:
        FilteringError: an unknown `keep`, `near` out of range, or row ids that were not made by
            `schema.row_id`.

    Cost: some 100 bytes and 1.5 microseconds a row, and 350 bytes a repeat with `row_ids` and `also_in`. With
        `near`, what `near_duplicates` says: 0.07 milliseconds on one core for a row of 1,900 characters that
        shares no band, 0.4 for one that does, and 1.6 where crowds of rows just below the threshold meet.
    """
    if keep not in ("first", "keep"):
        raise FilteringError(f"keep must be first or keep, got {keep!r}.")
    if near is not None and not 0 < near <= 1:
        raise FilteringError(f"near must be in (0, 1], got {near}. 0.8 is usual.")
    sources = list(pool)
    keys = [np.concatenate([*_keys(pool[source]), np.empty(0, dtype="S16")]) for source in sources]
    owners = np.repeat(np.arange(len(sources), dtype=np.uint16), [len(part) for part in keys])
    joined = np.concatenate([*keys, np.empty(0, dtype="S16")])
    rows = {source: len(part) for source, part in zip(sources, keys, strict=True)}
    del keys
    stays = _first_same(joined)
    nearly = np.zeros(len(joined), dtype=bool)
    if near is not None:
        first = near_duplicates(partial(_texts, pool), stays == np.arange(len(stays)), near)[stays]
        nearly, stays = first != stays, first
    later = np.flatnonzero(stays != np.arange(len(stays)))
    first = stays[later]
    columns = [_ids(joined, owners, later, sources), _names(owners[later], sources)]
    columns += [_ids(joined, owners, first, sources), _names(owners[first], sources)]
    columns.append(_names(nearly[later], METHODS))
    return Duplicates(pa.table(columns, schema=REPEATS), keep, rows)


def _first_same(keys: np.ndarray) -> np.ndarray:
    """The first row with each row's key, (n,)."""
    _, first, places = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(first[places], dtype=np.int64)


def _texts(pool: Mapping[str, Sequence[Path]], there: np.ndarray) -> Iterator[tuple[int, str]]:
    """(number of the row in the whole pool, question and answer) of the rows that are there."""
    at = 0
    with progress.bar(len(there), "near duplicates") as bar:
        for path in (path for shards in pool.values() for path in shards):
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(
                    batch_size=READ_ROWS, columns=[schema.QUESTION, schema.ANSWER]
                ):
                    rows = np.flatnonzero(there[at : at + len(batch)])
                    taken = batch.take(pa.array(rows)).to_pydict()
                    for row, question, answer in zip(
                        rows.tolist(), taken[schema.QUESTION], taken[schema.ANSWER], strict=True
                    ):
                        yield at + row, f"{question}\n{answer}"
                    at += len(batch)
                    bar.update(len(batch))


def _keys(shards: Sequence[Path]) -> Iterator[np.ndarray]:
    for path in shards:
        yield keys_of(pq.read_table(path, columns=[schema.ROW_ID], partitioning=None)[schema.ROW_ID])


def _ids(keys: np.ndarray, owners: np.ndarray, rows: np.ndarray, sources: Sequence[str]) -> pa.Array:
    raw = np.ascontiguousarray(keys[rows]).view(np.uint8).reshape(len(rows), 16)
    return pa.array(
        [schema.row_id(sources[o], k.tobytes()) for o, k in zip(owners[rows], raw, strict=True)],
        type=pa.string(),
    )


def _names(numbers: np.ndarray, names: Sequence[str]) -> pa.Array:
    if not len(numbers):
        return pa.array([], type=pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), pa.array(list(names))).cast(
        pa.string()
    )
