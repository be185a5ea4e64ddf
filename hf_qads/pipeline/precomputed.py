"""Import precomputed vectors and scores, which came with the rows, into a run folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.errors import EmbeddingError, ScoringError
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import files

BLOCK = 4096


def vectors(run: RunFolder, source: str, folder: Path) -> dict[str, int]:
    """Write the `qads_embedding` column of a source as a folder of vectors, in the order of the pool.

    Returns:
        reason -> rows without a vector.

    Raises:
        EmbeddingError: vectors of unequal length, or none at all.

    Cost: the vectors once on disk; 40 bytes a row and one block in memory.
    """
    from hf_qads.embedding.vectors import ARRAY, FACTS, ID_SCHEMA, IDS, facts

    ids = run.pool(source, [schema.ROW_ID])[schema.ROW_ID]
    array: np.memmap[Any, Any] | None = None
    there = np.zeros(len(ids), dtype=bool)
    with files.atomic_path(folder) as temporary:
        temporary.mkdir(parents=True)
        for place, column in _given(run, source, schema.EMBEDDING):
            kept = column.combine_chunks().filter(pa.array(place >= 0))
            place = place[place >= 0]
            known = np.asarray(kept.is_valid())
            block = kept.drop_null()
            if not len(block):
                continue
            lengths = set(block.value_lengths().to_pylist())
            size = min(lengths) if array is None else array.shape[1]
            if lengths != {size}:
                raise EmbeddingError(
                    f"source {source!r} brings vectors of {sorted(lengths | {size})} numbers. Pick one."
                )
            if array is None:
                array = np.lib.format.open_memmap(
                    temporary / ARRAY, mode="w+", dtype=np.float32, shape=(len(ids), size)
                )
            array[place[known]] = block.flatten().to_numpy(zero_copy_only=False).reshape(-1, size)
            there[place[known]] = True
        if array is None:
            raise EmbeddingError(f"column {schema.EMBEDDING} of source {source!r} is empty. Fill it.")
        for row in np.flatnonzero(~there):
            array[row] = np.nan
        array.flush()
        reasons = pa.array(["no precomputed vector"] * len(ids), pa.string(), mask=there)
        pq.write_table(pa.table([ids, reasons], schema=ID_SCHEMA), temporary / IDS)
        files.write_json(temporary / FACTS, facts(array.shape, "float32", key="precomputed"))
    return {"no precomputed vector": int((~there).sum())} if not there.all() else {}


def scores(run: RunFolder, source: str, out: Path) -> dict[str, int]:
    """Write the `qads_score` column of a source as a file of scores, in the order of the pool.

    Returns:
        reason -> rows without a score.

    Raises:
        ScoringError: a score outside [1, 5].
    """
    from hf_qads.scoring.scorer.folders import SCHEMA

    ids = run.pool(source, [schema.ROW_ID])[schema.ROW_ID]
    values = np.full(len(ids), np.nan, dtype=np.float32)
    for place, column in _given(run, source, schema.SCORE):
        values[place[place >= 0]] = column.to_numpy()[place >= 0]
    known = np.isfinite(values)
    outside = known & ((values < 1) | (values > 5))
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise ScoringError(
            f"{outside.sum()} precomputed scores of source {source!r} are outside [1, 5], "
            f"first {values[row]}. Rescale them."
        )
    reasons = pa.array(["no precomputed score"] * len(ids), pa.string(), mask=known)
    with files.atomic_path(out) as temporary:
        pq.write_table(pa.table([ids, pa.array(values), reasons], schema=SCHEMA), temporary)
    return {"no precomputed score": int((~known).sum())} if not known.all() else {}


def columns(run: RunFolder, source: str, names: Sequence[str]) -> pa.Table:
    """`row_id` and columns that rows brought, in the order of the pool; null where there is none."""
    ids = run.pool(source, [schema.ROW_ID])[schema.ROW_ID]
    found: dict[str, Any] = {schema.ROW_ID: ids}
    for name in names:
        order = np.full(len(ids), -1, dtype=np.int64)
        parts, read = [], 0
        for place, column in _given(run, source, name):
            order[place[place >= 0]] = read + np.flatnonzero(place >= 0)
            parts += column.chunks
            read += len(column)
        values = pa.chunked_array(parts)
        found[name] = values.take(pa.array(order, mask=order < 0))
    return pa.table(found)


def _given(run: RunFolder, source: str, column: str) -> Iterator[tuple[np.ndarray, pa.ChunkedArray]]:
    """A block of a precomputed column at a time, with each value's place in the pool.

    The place is -1 where the row is not in the pool, or came before: the first of duplicates counts.
    """
    from hf_qads.rows.keys import KeyIndex, keys_of

    keys = keys_of(run.pool(source, [schema.ROW_ID])[schema.ROW_ID])
    index, seen = KeyIndex(keys), np.zeros(len(keys) + 1, dtype=bool)
    for path in sorted((run.path / "pool" / source).glob("precomputed-*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BLOCK, columns=[schema.ROW_ID, column]):
                table = pa.Table.from_batches([batch])
                place = index.find(keys_of(table[schema.ROW_ID]))
                again = np.ones(len(place), dtype=bool)
                again[np.unique(place, return_index=True)[1]] = False
                place[again | seen[place]] = -1
                seen[place[place >= 0]] = True
                yield place, table[column]
