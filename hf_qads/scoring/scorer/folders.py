"""Scores of a whole pool: parquet rows in, one parquet file of scores out."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hf_qads.runtime import distributed, files
from hf_qads.runtime.sharding import SHARD_ROWS, RowShard, ShardReader, merge, row_shards, work_through
from hf_qads.schema import ANSWER, HISTORY, QUESTION, REASON, ROW_ID, SCORE
from hf_qads.scoring.scorer.scorer import QaDSScorer

SCHEMA = pa.schema([(ROW_ID, pa.string()), (SCORE, pa.float32()), (REASON, pa.string())])
NO_VECTOR = "the row has no vector"


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
    out = Path(out)
    shards = row_shards(Path(rows), shard_rows)
    building = out.with_name(f".{out.name}.building")
    if distributed.rank() == 0:
        _begin(building, {"scorer": scorer.identity(), "shard_rows": shard_rows, "rows": _rows(shards)})
    distributed.barrier()
    reader = ShardReader((ROW_ID, QUESTION, ANSWER, HISTORY))

    def work(shard: RowShard) -> pa.Table:
        table = reader.table(shard)
        scores, reasons = scorer.predict(table.to_pylist())
        return _table(table[ROW_ID], scores, [reasons.get(i) for i in range(shard.rows)])

    work_through(shards, building, work, what="scoring")
    if distributed.rank() == 0:
        merge(building, shards, out, SCHEMA)
        files.remove(building)
    distributed.barrier()
    return reasons_of(out)


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


def _begin(building: Path, plan: Mapping[str, Any]) -> None:
    """Keep the finished shards of the same plan, and no others."""
    import json

    path = building / "plan.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    if known != json.loads(json.dumps(plan)):
        files.remove(building)
        building.mkdir(parents=True)
        files.write_json(path, plan)
