"""The same row in two sources: kept once, in the source that comes first, with both named."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from hf_qads import schema
from hf_qads.errors import MixingError
from hf_qads.files import atomic_path
from hf_qads.mixing.bands import alike, band_keys
from hf_qads.mixing.keys import keys_of

READ_ROWS: Final = 5_000
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
class Across:
    """Rows that an earlier source, or the same one, holds already.

    Attributes:
        repeats: a line per repeated row: `row_id`, `source`, the id and source of the row that stays, and
            `method` (`same`, or `near` for near duplicates).
        keep: "first" drops the repeats; "keep" only reports them.
        rows: rows looked at per source.
    """

    repeats: pa.Table
    keep: Literal["first", "keep"]
    rows: Mapping[str, int]

    @cached_property
    def row_ids(self) -> dict[str, set[str]]:
        """Source -> ids of its rows to drop; none where repeats are kept."""
        dropped: dict[str, set[str]] = {source: set() for source in self.rows}
        if self.keep == "first":
            for line in self._lines:
                dropped[line[schema.SOURCE]].add(line[schema.ROW_ID])
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


def find_across(
    pool: Mapping[str, Sequence[Path]],
    *,
    keep: Literal["first", "keep"] = "first",
    near: float | None = None,
) -> Across:
    """Find rows with the same history, question and answer in more than one source.

    Row ids end in the hash of exactly that, so the texts need not be read again.

    Args:
        pool: source -> its parquet shards, in the order in which sources win.
        keep: "first" names the rows of later sources to drop; "keep" reports them only.
        near: also find near duplicates, inside a source too: at least this Jaccard similarity in (0, 1] of
            the runs of three tokens of question and answer, by MinHash, and the same numbers.

    Raises:
        MixingError: an unknown `keep`, `near` out of range, or row ids that were not made by
            `schema.row_id`.

    Cost: some 60 bytes and 1.5 microseconds a row. With `near` some 250 bytes, and 0.7 milliseconds on one
        core for a row of 1,500 characters.
    """
    if keep not in ("first", "keep"):
        raise MixingError(f"across must be first or keep, got {keep!r}.")
    if near is not None and not 0 < near <= 1:
        raise MixingError(f"across near must be in (0, 1], got {near}. 0.8 is usual.")
    sources = list(pool)
    keys = [np.concatenate([*_keys(pool[source]), np.empty(0, dtype="S16")]) for source in sources]
    owners = np.repeat(np.arange(len(sources), dtype=np.uint16), [len(part) for part in keys])
    joined = np.concatenate([*keys, np.empty(0, dtype="S16")])
    rows = {source: len(part) for source, part in zip(sources, keys, strict=True)}
    del keys
    later, first = _same(joined)
    method = np.zeros(len(later), dtype=np.uint8)
    if near is not None:
        gone = np.zeros(len(joined), dtype=bool)
        gone[later] = True
        more = _near(pool, gone, near)
        later, first = (np.concatenate(pair) for pair in zip((later, first), more, strict=True))
        method = np.concatenate([method, np.ones(len(more[0]), dtype=np.uint8)])
    order = np.argsort(later, kind="stable")
    later, first, method = later[order], first[order], method[order]
    columns = [_ids(joined, owners, later, sources), _names(owners[later], sources)]
    columns += [_ids(joined, owners, first, sources), _names(owners[first], sources)]
    columns.append(_names(method, ["same", "near"]))
    return Across(pa.table(columns, schema=REPEATS), keep, rows)


def _same(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows that repeat an earlier key, the first row with that key)."""
    order = np.argsort(keys, kind="stable")
    new = np.ones(len(keys), dtype=bool)
    new[1:] = keys[order][1:] != keys[order][:-1]
    heads = np.flatnonzero(new)
    first = order[heads[np.cumsum(new) - 1]] if len(keys) else order
    repeats = ~new
    return order[repeats], first[repeats]


def _near(pool: Mapping[str, Sequence[Path]], gone: np.ndarray, near: float) -> tuple[np.ndarray, np.ndarray]:
    """Near duplicates among the rows that are not gone, each with the earlier row that stays for it."""
    bands = band_keys((text for _, text in _texts(pool, None)), len(gone), near)
    pairs = _candidates(bands, gone)
    wanted = np.unique(pairs)
    there = np.zeros(len(gone), dtype=bool)
    there[wanted] = True
    texts = dict(_texts(pool, there))
    later, first = [], []
    dropped: set[int] = set()
    for early, late in pairs.tolist():
        if late not in dropped and early not in dropped and alike(texts[early], texts[late], near):
            dropped.add(late)
            later.append(late)
            first.append(early)
    return np.array(later, dtype=np.int64), np.array(first, dtype=np.int64)


def _candidates(bands: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """(p, 2) pairs of rows that share a band, each row with the first that has it; sorted, no repeats."""
    found = []
    for band in bands:
        there = np.flatnonzero(~gone & (band != 0))
        later, first = _same(band[there])
        found.append(np.stack([there[first], there[later]], axis=1))
    return np.unique(np.concatenate(found), axis=0) if found else np.empty((0, 2), dtype=np.int64)


def _texts(pool: Mapping[str, Sequence[Path]], there: np.ndarray | None) -> Iterator[tuple[int, str]]:
    """(number of the row in the whole pool, question and answer), for all rows or those that are there."""
    at = 0
    count = sum(pq.read_metadata(path).num_rows for shards in pool.values() for path in shards)
    with tqdm(total=count, desc="near duplicates", unit="row", disable=None) as bar:
        for path in (path for shards in pool.values() for path in shards):
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(
                    batch_size=READ_ROWS, columns=[schema.QUESTION, schema.ANSWER]
                ):
                    rows = np.arange(len(batch))
                    rows = rows if there is None else rows[there[at : at + len(batch)]]
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
