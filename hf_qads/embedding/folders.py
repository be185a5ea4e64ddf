"""Parquet rows to a folder of vectors, shard by shard: resumed after a kill, shared by ranks."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from hf_qads.embedding.encoder import DTYPES, Encoder
from hf_qads.embedding.vectors import ARRAY, FACTS, ID_SCHEMA, IDS, Vectors, facts
from hf_qads.errors import EmbeddingError
from hf_qads.runtime import distributed, files
from hf_qads.runtime.batching import BATCH_TOKENS
from hf_qads.runtime.sharding import SHARD_ROWS, RowShard, ShardReader, merge, row_shards, work_through
from hf_qads.schema import ANSWER, HISTORY, QUESTION, ROW_ID

logger = logging.getLogger(__name__)

PLAN = "plan.json"


def embed_folder(
    model: Any,
    tokenizer: Any,
    rows: Path | str,
    folder: Path | str,
    *,
    pooling: str = "mean",
    template: str = "plain",
    dtype: str = "float16",
    device: Any = None,
    batch_tokens: int = BATCH_TOKENS,
    shard_rows: int = SHARD_ROWS,
    key: str = "",
) -> Vectors:
    """Embed the rows of a folder of parquet files into a folder of vectors.

    Each shard's vectors go to their place in one array file, which gets its name when all are there. A kill
    at any moment loses at most the shard in work; the next start does the rest and gives the same bytes.
    Under torchrun or accelerate every rank calls this, and they share the shards.

    Args:
        model: a model of transformers.
        tokenizer: its fast tokenizer.
        rows: a folder of parquet files with the columns of `schema.ROW_SCHEMA`, taken in name order.
        folder: where the vectors go; finished vectors with the same key are kept as they are.
        pooling: as for `embed`.
        template: as for `embed`.
        dtype: `float16` or `float32`.
        device: where to move the model first; None leaves it where it is.
        batch_tokens: most tokens of a batch, padding included.
        shard_rows: most rows of a shard.
        key: whatever tells apart what vectors are made from, such as a hash of model and rows.

    Returns:
        the finished vectors, in the order of the rows.

    Raises:
        EmbeddingError: `dtype` is none of those above.
        RunError: there are no rows to read.

    Cost: bounded memory (a shard's rows and vectors), whatever the number of rows; n x d numbers on disk.

    Source: section 3.3.
    """
    encoder = Encoder(
        model, tokenizer, template=template, device=device, batch_tokens=batch_tokens, pooling=pooling
    )
    return encode_folder(encoder, rows, folder, dtype=dtype, shard_rows=shard_rows, key=key)


class RowEncoder(Protocol):
    """What makes an array row of each row: `Encoder` vectors, `GradientMaker` gradients."""

    size: int

    def encode(self, rows: Sequence[Mapping[str, Any]], out: np.ndarray) -> dict[int, str]:
        """Write an array row (size,) for each row to `out`; index of a row -> why it has none."""
        ...


def encode_folder(
    encoder: RowEncoder,
    rows: Path | str,
    folder: Path | str,
    *,
    dtype: str = "float16",
    shard_rows: int = SHARD_ROWS,
    key: str = "",
    what: str = "embedding",
) -> Vectors:
    """As `embed_folder`, by any encoder of rows; `what` is the title of the progress bar."""
    if dtype not in DTYPES:
        raise EmbeddingError(f"dtype={dtype!r} is none of {', '.join(DTYPES)}. Choose one of them.")
    rows, folder = Path(rows), Path(folder)
    shards = row_shards(rows, shard_rows)
    shape = (sum(shard.rows for shard in shards), encoder.size)
    plan = facts(shape, dtype, key=key, shard_rows=shard_rows)
    building = folder / "building"
    leads = distributed.rank() == 0
    if leads:
        _begin(folder, building, plan)
    distributed.barrier()
    if not _finished(folder, plan):
        reader = ShardReader((ROW_ID, QUESTION, ANSWER, HISTORY))

        def work(shard: RowShard) -> pa.Table:
            table = reader.table(shard)
            vectors = np.empty((shard.rows, encoder.size), dtype=dtype)
            reasons = encoder.encode(table.to_pylist(), vectors)
            _write(_array(folder, building), shard.offset, vectors)
            texts = [reasons.get(i) for i in range(shard.rows)]
            return pa.table([table[ROW_ID], pa.array(texts, pa.string())], schema=ID_SCHEMA)

        work_through(shards, building, work, what=what)
        if leads:
            merge(building, shards, folder / IDS, ID_SCHEMA)
            if (building / ARRAY).exists():
                os.replace(building / ARRAY, folder / ARRAY)
            files.write_json(folder / FACTS, plan)
    elif leads:
        logger.info("%s of %s: done before.", what, rows.name)
    if leads:
        files.remove(building)
    distributed.barrier()
    return Vectors.open(folder)


def _finished(folder: Path, plan: dict[str, Any]) -> bool:
    return bool(_told(folder / FACTS) == plan)


def _begin(folder: Path, building: Path, plan: dict[str, Any]) -> None:
    """Make `building` hold an array file of the right size and the plan; work for another plan is removed."""
    if _finished(folder, plan) or _told(building / PLAN) == plan:
        return
    for path in (building, folder / FACTS, folder / ARRAY, folder / IDS):
        files.remove(path)
    building.mkdir(parents=True)
    shape = (plan["rows"], plan["size"])
    empty = np.lib.format.open_memmap(building / ARRAY, mode="w+", dtype=plan["dtype"], shape=shape)
    empty.flush()
    files.write_json(building / PLAN, plan)


def _array(folder: Path, building: Path) -> Path:
    """The array file: it has its last name already where a kill came after it got it."""
    return building / ARRAY if (building / ARRAY).exists() else folder / ARRAY


def _write(path: Path, offset: int, vectors: np.ndarray) -> None:
    """Write a shard's vectors to their place, and to the disk before the shard counts as finished."""
    with path.open("r+b") as stream:
        np.lib.format.read_magic(stream)
        np.lib.format.read_array_header_1_0(stream)
        stream.seek(stream.tell() + offset * vectors.shape[1] * vectors.itemsize)
        stream.write(np.ascontiguousarray(vectors).data)
        stream.flush()
        os.fsync(stream.fileno())


def _told(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
