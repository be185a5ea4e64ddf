"""Further scores of a whole pool: parquet rows in, one parquet file of score columns out, shard by shard."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hf_qads.runtime import executors, files
from hf_qads.runtime.batching import BATCH_TOKENS
from hf_qads.runtime.sharding import SHARD_ROWS, RowShard, ShardReader, merge, row_shards, work_through
from hf_qads.schema import ANSWER, HISTORY, QUESTION, ROW_ID
from hf_qads.scoring.scores.given import Neighbourhood
from hf_qads.scoring.scores.registry import Options, about, compute, reason_column

ROW_COLUMNS = (ROW_ID, QUESTION, ANSWER, HISTORY)


class FolderScores:
    """Scores the rows of a folder of parquet files; a kill at any moment loses at most the shard in work."""

    def __init__(
        self,
        scores: Mapping[str, Options | None],
        rows: Path,
        out: Path,
        *,
        model: Any = None,
        tokenizer: Any = None,
        template: str = "plain",
        vectors: NDArray[Any] | None = None,
        device: Any = None,
        batch_tokens: int = BATCH_TOKENS,
        shard_rows: int = SHARD_ROWS,
    ) -> None:
        """Plan the shards.

        Args:
            scores: by name, options.
            rows: a folder of parquet files with the columns of `schema.ROW_SCHEMA`, taken in name order.
            out: the parquet file that gets `row_id` and the scores' columns, in the order of the rows.
            model: a causal language model, for those that read its losses.
            tokenizer: its fast tokenizer.
            template: `plain`, `chat` or a format string.
            vectors: (n, d) of the rows, for those that compare neighbours.
            device: for models that a score loads itself.
            batch_tokens: most tokens of a batch, padding included.
            shard_rows: most rows of a shard.

        Raises:
            RunError: there are no rows to read.
        """
        self.scores, self.out, self.vectors = dict(scores), out, vectors
        self.shards = row_shards(rows, shard_rows)
        plan = {"scores": self.scores, "shards": [shard.rows for shard in self.shards]}
        digest = files.value_hash(plan, 12)
        self.building = out.with_name(f".{out.name}.{digest}.building")
        self.schema = _schema(self.scores)
        self._options = {
            "model": model, "tokenizer": tokenizer, "template": template, "device": device,
            "batch_tokens": batch_tokens,
        }  # fmt: skip
        self._reader = ShardReader(ROW_COLUMNS)

    def run(self) -> None:
        """Have the shards made by the executor in force; those finished before are kept."""
        work_through(self.shards, self.building, self._shard, what=", ".join(self.scores))

    def finish(self) -> dict[str, int]:
        """Put the shards together, where this process leads, once all are there.

        Returns:
            `SCORE: reason` -> number of rows without that score.
        """
        executor = executors.current()
        if executor.leads:
            merge(self.building, self.shards, self.out, self.schema)
            for path in self.out.parent.glob(f".{self.out.name}.*.building"):
                files.remove(path)
        executor.gather()
        return reasons_of(self.out, self.scores)

    def _shard(self, shard: RowShard) -> pa.Table:
        import numpy as np

        table = self._reader.table(shard)
        around = None
        if self.vectors is not None:
            places = np.arange(shard.offset, shard.offset + shard.rows)
            around = Neighbourhood(self.vectors, self._rows, places)
        found = compute(table.to_pylist(), self.scores, neighbourhood=around, **self._options)
        columns = [pa.array(found[name], self.schema.field(name).type) for name in self.schema.names[1:]]
        return pa.table([table[ROW_ID].combine_chunks(), *columns], schema=self.schema)

    def _rows(self, places: NDArray[Any]) -> Sequence[Mapping[str, Any]]:
        """Rows at rising places, from the shards that hold them."""
        import numpy as np

        reader, found = ShardReader(ROW_COLUMNS), []
        for shard in self.shards:
            here = places[(places >= shard.offset) & (places < shard.offset + shard.rows)] - shard.offset
            if len(here):
                found += reader.table(shard).take(pa.array(here.astype(np.int64))).to_pylist()
        return found


def reasons_of(path: Path, scores: Mapping[str, Any]) -> dict[str, int]:
    """`SCORE: reason` -> number of rows, of a file of scores."""
    counts: Counter[str] = Counter()
    for name in scores:
        column = pq.read_table(path, columns=[reason_column(name)], partitioning=None)[reason_column(name)]
        counts.update(f"{name}: {reason}" for reason in column.filter(pc.is_valid(column)).to_pylist())
    return dict(counts)


def _schema(scores: Mapping[str, Options | None]) -> pa.Schema:
    fields = [(ROW_ID, pa.string())]
    for name, options in scores.items():
        fields += [(column, pa.float32()) for column in about(name, options).columns]
        fields.append((reason_column(name), pa.string()))
    return pa.schema(fields)
