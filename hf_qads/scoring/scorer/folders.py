"""Scores of a whole pool: parquet rows in, one parquet file of scores out."""

from collections import Counter
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hf_qads.runtime import executors, files
from hf_qads.runtime.sharding import SHARD_ROWS, RowShard, ShardReader, merge, row_shards, work_through
from hf_qads.schema import ANSWER, HISTORY, QUESTION, REASON, ROW_ID, SCORE
from hf_qads.scoring.held_out import NO_VECTOR
from hf_qads.scoring.scorer.scorer import QaDSScorer

SCHEMA = pa.schema([(ROW_ID, pa.string()), (SCORE, pa.float32()), (REASON, pa.string())])


class VectorScorer(Protocol):
    """Scores vectors, as a probe does."""

    def predict(self, vectors: NDArray[Any]) -> NDArray[np.float32]:
        """Scores (n,) in [1, 5] of vectors (n, d), NaN where a vector is."""
        ...


def score_folder(
    scorer: QaDSScorer, rows: Path | str, out: Path | str, *, shard_rows: int = SHARD_ROWS
) -> dict[str, int]:
    """Score the rows of a folder of parquet files.

    A kill at any moment loses at most the shard in work; the next start with the same scorer and rows does
    the rest. Under torchrun or accelerate every rank calls this, and they share the shards.

    Args:
        scorer: a scorer.
        rows: a folder of parquet files with the columns of `schema.ROW_SCHEMA`, taken in name order.
        out: the parquet file that gets `row_id`, `qads_score` and `qads_reason`, in the order of the rows.
        shard_rows: most rows of a shard.

    Returns:
        reason -> number of rows whose score is NaN.

    Raises:
        ScoringError: the scorer cannot be loaded.
        RunError: there are no rows to read.

    Cost: bounded memory, whatever the number of rows.
    """
    work = FolderScoring(scorer, rows, out, shard_rows=shard_rows)
    work.run()
    executors.current().gather()
    return work.finish()


class FolderScoring:
    """The scores of a folder of rows in two steps, `run` and, when all its shards are there, `finish`.

    Args: as for `score_folder`.
    """

    def __init__(
        self, scorer: QaDSScorer, rows: Path | str, out: Path | str, *, shard_rows: int = SHARD_ROWS
    ) -> None:
        self._scorer, self.out = scorer, Path(out)
        self._shards = row_shards(Path(rows), shard_rows)
        plan = {"scorer": scorer.identity(), "shard_rows": shard_rows, "rows": _rows(self._shards)}
        digest = files.value_hash(plan, 12)
        self._building = self.out.with_name(f".{self.out.name}.{digest}.building")

    def run(self) -> None:
        """Have the shards made by the executor in force."""
        reader = ShardReader((ROW_ID, QUESTION, ANSWER, HISTORY))

        def work(shard: RowShard) -> pa.Table:
            table = reader.table(shard)
            scores, reasons = self._scorer.predict(table.to_pylist())
            return _table(table[ROW_ID], scores, [reasons.get(i) for i in range(shard.rows)])

        work_through(self._shards, self._building, work, what="scoring")

    def finish(self) -> dict[str, int]:
        """Put the shards together, where this process leads; reason -> rows whose score is NaN."""
        executor = executors.current()
        if executor.leads:
            merge(self._building, self._shards, self.out, SCHEMA)
            for path in self.out.parent.glob(f".{self.out.name}.*.building"):
                files.remove(path)
        executor.gather()
        return reasons_of(self.out)


def score_vectors(
    probe: VectorScorer, vectors: NDArray[Any], row_ids: pa.Table, out: Path | str, *, block: int = 65_536
) -> dict[str, int]:
    """Score rows by the vectors that embedding has made.

    Args:
        probe: a probe.
        vectors: (n, d), a memmap for example.
        row_ids: (n) rows with `row_id` and `qads_reason`, as embedding writes them beside the vectors.
        out: the parquet file that gets `row_id`, `qads_score` and `qads_reason`.
        block: vectors read at once.

    Returns:
        reason -> number of rows whose score is NaN.
    """
    out = Path(out)
    with (
        files.atomic_path(out) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer,
    ):
        for start in range(0, len(vectors), block):
            ids = row_ids.slice(start, block)
            scores = probe.predict(np.asarray(vectors[start : start + block]))
            told = ids[REASON].to_pylist()
            failed = np.isnan(scores)
            reasons = [(why or NO_VECTOR) if gone else None for why, gone in zip(told, failed, strict=True)]
            writer.write_table(_table(ids[ROW_ID], scores, reasons))
    return reasons_of(out)


def reasons_of(path: Path) -> dict[str, int]:
    """Reason -> number of rows, of a file of scores."""
    column = pq.read_table(path, columns=[REASON], partitioning=None)[REASON]
    return dict(Counter(column.filter(pc.is_valid(column)).to_pylist()))


def _table(row_ids: Any, scores: NDArray[np.float32], reasons: list[str | None]) -> pa.Table:
    ids = row_ids.combine_chunks() if isinstance(row_ids, pa.ChunkedArray) else row_ids
    return pa.table([ids, pa.array(scores, pa.float32()), pa.array(reasons, pa.string())], schema=SCHEMA)


def _rows(shards: list[RowShard]) -> list[list[Any]]:
    """What tells apart one set of rows from another, without reading them."""
    sizes = {shard.path: shard.path.stat().st_size for shard in shards}
    return [[path.name, size] for path, size in sizes.items()]
