"""Drop rows that repeat a test question or another row from a source's pool, shard by shard."""

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.repositories.formats import GROUP_ROWS
from hf_qads.rows.keys import KeyIndex, keys_of
from hf_qads.runtime.files import atomic_path


def drop_rows(
    shards: Sequence[Path],
    out: Path,
    *,
    drop: Mapping[str, Set[str]],
    also_in: Mapping[str, Sequence[str]] | None = None,
) -> tuple[int, dict[str, int]]:
    """Write a source's shards again, without some rows and with `also_in` filled in.

    Args:
        shards: parquet shards with the columns of `schema.ROW_SCHEMA`.
        out: folder for the new shards, of the same names. One that is there is passed over, since it
            appeared whole: a run that was killed goes on where it stopped.
        drop: reason -> ids of rows to leave out; a row with several counts for the first.
        also_in: row id -> other sources that hold the row.

    Returns:
        rows kept, and rows left out by reason.

    Raises:
        MixingError: row ids that were not made by `schema.row_id`.

    Cost: a row group in memory.
    """
    ids = [row_id for dropped in drop.values() for row_id in dropped]
    reasons = np.repeat(np.arange(len(drop)), [len(dropped) for dropped in drop.values()])
    keys = keys_of(pa.array(ids, type=pa.string()))
    _, first = np.unique(keys, return_index=True)
    index, reasons = KeyIndex(keys[first]), reasons[first]
    names = keys_of(pa.array(list(also_in or ()), type=pa.string()))
    named = KeyIndex(names)
    others = pa.array(list((also_in or {}).values()), type=schema.ROW_SCHEMA.field(schema.ALSO_IN).type)
    counts, kept = np.zeros(len(drop), dtype=np.int64), 0
    for path in shards:
        target = out / path.name
        with pq.ParquetFile(path) as file, _writer(target) as writer:
            for batch in file.iter_batches(batch_size=GROUP_ROWS, columns=schema.ROW_SCHEMA.names):
                rows = pa.Table.from_batches([batch]).replace_schema_metadata(None)
                place = index.find(keys_of(rows[schema.ROW_ID]))
                counts += np.bincount(reasons[place[place >= 0]], minlength=len(drop))
                rows = rows.filter(pa.array(place < 0))
                kept += len(rows)
                if writer is None:
                    continue
                where = named.find(keys_of(rows[schema.ROW_ID]))
                if (where >= 0).any():
                    column = rows.column_names.index(schema.ALSO_IN)
                    rows = rows.set_column(
                        column, schema.ALSO_IN, others.take(pa.array(where, mask=where < 0))
                    )
                writer.write_table(rows.cast(schema.ROW_SCHEMA))
    return kept, {reason: int(count) for reason, count in zip(drop, counts, strict=True) if count}


@contextmanager
def _writer(target: Path) -> Iterator[pq.ParquetWriter | None]:
    """A writer to a shard that appears whole, or None where it is there already."""
    if target.exists():
        yield None
        return
    with (
        atomic_path(target) as part,
        pq.ParquetWriter(part, schema.ROW_SCHEMA, compression="zstd", compression_level=3) as writer,
    ):
        yield writer
