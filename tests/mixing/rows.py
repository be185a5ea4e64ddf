"""Small ranked sources, in memory and on disk."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset

from hf_qads import schema


def row(source: str, number: int, *, also: str | None = None) -> dict[str, object]:
    """A row whose text tells its source and number; rows with the same `also` say the same."""
    question = f"{also or source} question {number}: what is {number} + {number}?"
    answer = f"It is {2 * number}." * (1 + number % 3)
    return {
        schema.ROW_ID: schema.row_id(source, schema.content_key(question, answer)),
        schema.QUESTION: question,
        schema.ANSWER: answer,
        schema.HISTORY: None,
        schema.SOURCE: source,
        schema.KIND: "general" if source.startswith("chat") else "reasoning",
        schema.FINAL_ANSWER: str(2 * number),
        schema.ALSO_IN: None,
    }


def table(source: str, size: int, *, ranked: int | None = None, seed: int = 0) -> pa.Table:
    """`size` rows, `ranked` of them with a rank in a drawn order, and falling gains."""
    rows = pa.Table.from_pylist([row(source, i) for i in range(size)], schema=schema.ROW_SCHEMA)
    drawn = np.random.default_rng(seed).permutation(size)[: size if ranked is None else ranked]
    ranks = np.full(size, -1)
    ranks[drawn] = np.arange(len(drawn))
    gains = np.where(ranks >= 0, np.exp(-np.maximum(ranks, 0) / 10.0) + seed, np.nan)
    for name in (schema.INFLUENCE, schema.PAIRS, schema.LOW, schema.HIGH):
        rows = rows.append_column(name, pa.nulls(size, schema.COLUMNS[name].type))
    rows = rows.append_column(schema.SCORE, pa.array(np.linspace(1, 5, size), pa.float32()))
    rows = rows.append_column(schema.RANK, pa.array(ranks, pa.int32(), mask=ranks < 0))
    return rows.append_column(schema.GAIN, pa.array(gains.astype(np.float32), mask=ranks < 0))


def dataset(source: str, size: int, *, ranked: int | None = None, seed: int = 0) -> Dataset:
    """The same as a Dataset."""
    return Dataset(table(source, size, ranked=ranked, seed=seed))


def write_pool(folder: Path, rows: pa.Table, *, shard: int = 7) -> list[Path]:
    """The rows as pool shards of `shard` rows."""
    folder.mkdir(parents=True)
    paths = []
    for at in range(0, len(rows), shard):
        paths.append(folder / f"part-{len(paths):05d}.parquet")
        pq.write_table(rows.slice(at, shard).select(schema.ROW_SCHEMA.names), paths[-1])
    return paths


def write_selection(path: Path, rows: pa.Table) -> Path:
    """The ranked rows as a selection file, in rank order."""
    kept = rows.filter(pa.compute.is_valid(rows[schema.RANK])).sort_by(schema.RANK)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(kept.select([schema.ROW_ID, schema.RANK, schema.GAIN]), path)
    return path
