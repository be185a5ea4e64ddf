"""Parquet rows to a folder of vectors, shard by shard: resumed after a kill, shared by workers."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads.embedding.encoder import DTYPES, Encoder, RowEncoder
from hf_qads.embedding.vectors import ARRAY, FACTS, ID_SCHEMA, IDS, Vectors, facts
from hf_qads.errors import EmbeddingError
from hf_qads.runtime import executors, files
from hf_qads.runtime.batching import BATCH_TOKENS
from hf_qads.runtime.sharding import (
    SHARD_ROWS,
    RowShard,
    ShardReader,
    merge,
    row_shards,
    shard_file,
    work_through,
)
from hf_qads.schema import ANSWER, HISTORY, QUESTION, ROW_ID

logger = logging.getLogger(__name__)

VECTOR = "vector"


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

    Each shard's vectors are a file of their own until all are there. A kill at any moment loses at most the
    shards in work; the next start does the rest and gives the same bytes. Under torchrun or accelerate every
    rank calls this, and they share the shards.

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

    Cost: bounded memory (a shard's rows and vectors), whatever the number of rows; n x d numbers on disk, and
    as much again until they stand in one file.

    Source: section 3.3.
    """
    encoder = Encoder(
        model, tokenizer, template=template, device=device, batch_tokens=batch_tokens, pooling=pooling
    )
    return encode_folder(encoder, rows, folder, dtype=dtype, shard_rows=shard_rows, key=key)


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
    work = FolderEncoding(
        rows, folder, dtype=dtype, shard_rows=shard_rows, key=key, what=what, size=encoder.size
    )
    work.run(lambda: encoder)
    executors.current().gather()
    return work.finish()


class FolderEncoding:
    """The vectors of a folder of rows in two steps, `run` and, when all its shards are there, `finish`.

    Args:
        rows: as for `embed_folder`; so are `folder`, `dtype`, `shard_rows` and `key`.
        what: title of the progress bar.
        size: of a vector; None where the encoder is not known yet.

    Raises:
        EmbeddingError: `dtype` is none of those known.
        RunError: there are no rows to read.
    """

    def __init__(
        self,
        rows: Path | str,
        folder: Path | str,
        *,
        dtype: str = "float16",
        shard_rows: int = SHARD_ROWS,
        key: str = "",
        what: str = "embedding",
        size: int | None = None,
    ) -> None:
        if dtype not in DTYPES:
            raise EmbeddingError(f"dtype={dtype!r} is none of {', '.join(DTYPES)}. Choose one of them.")
        self.rows, self.folder, self._what, self._size = Path(rows), Path(folder), what, size
        self._shards = row_shards(self.rows, shard_rows)
        count = sum(shard.rows for shard in self._shards)
        self._plan = facts((count, size or 0), dtype, key=key, shard_rows=shard_rows)
        digest = files.value_hash(self._plan, 12)
        self._building = self.folder / f".{digest}.building"

    def run(self, make: Callable[[], RowEncoder]) -> None:
        """Have the shards made by the executor in force; `make` gives the encoder to who does one."""
        if self._finished():
            if executors.current().leads:
                logger.info("%s of %s: done before.", self._what, self.rows.name)
            return
        if not self._shards and self._size is None:
            self._size = make().size
        reader = ShardReader((ROW_ID, QUESTION, ANSWER, HISTORY))

        def work(shard: RowShard) -> pa.Table:
            encoder, table = make(), reader.table(shard)
            vectors = np.empty((shard.rows, encoder.size), dtype=self._plan["dtype"])
            reasons = encoder.encode(table.to_pylist(), vectors)
            width, buffer = encoder.size * vectors.itemsize, pa.py_buffer(vectors.tobytes())
            raw = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(vectors), [None, buffer])
            texts = pa.array([reasons.get(i) for i in range(shard.rows)], pa.string())
            return pa.table([table[ROW_ID], texts, raw], names=[*ID_SCHEMA.names, VECTOR])

        work_through(self._shards, self._building, work, what=self._what)

    def finish(self) -> Vectors:
        """Put the shards together, where this process leads, and open the vectors."""
        executor = executors.current()
        if executor.leads and not self._finished():
            paths = [shard_file(self._building, shard) for shard in self._shards]
            width = max((pq.read_schema(path).field(VECTOR).type.byte_width for path in paths), default=0)
            size = width // np.dtype(self._plan["dtype"]).itemsize or self._size or 0
            self._write_array((self._plan["rows"], size), paths)
            merge(self._building, self._shards, self.folder / IDS, ID_SCHEMA)
            files.write_json(self.folder / FACTS, {**self._plan, "size": size})
        if executor.leads:
            for path in self.folder.glob(".*.building"):
                files.remove(path)
        executor.gather()
        return Vectors.open(self.folder)

    def _finished(self) -> bool:
        path = self.folder / FACTS
        if not path.is_file():
            return False
        known = files.read_json(path)
        return bool(known == {**self._plan, "size": known["size"] if self._size is None else self._size})

    def _write_array(self, shape: tuple[int, int], paths: list[Path]) -> None:
        files.remove(self.folder / FACTS)  # of vectors that these take the place of
        with files.atomic_path(self.folder / ARRAY) as temporary, temporary.open("wb") as stream:
            header = {"descr": np.dtype(self._plan["dtype"]).str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            for path in paths:
                for chunk in pq.read_table(path, columns=[VECTOR], partitioning=None)[VECTOR].chunks:
                    width = chunk.type.byte_width
                    start, stop = chunk.offset * width, (chunk.offset + len(chunk)) * width
                    stream.write(memoryview(chunk.buffers()[1])[start:stop])
