"""Writing a source's rows without those that repeat another source or a benchmark."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hf_qads import files, schema


def write_without(
    read: Path, folder: Path, dropped: Mapping[str, str], also_in: Mapping[str, Sequence[str]]
) -> None:
    """The source's rows without those dropped; rows that other sources hold too name them.

    Shards in which nothing changes are linked, not written again.
    """
    with files.atomic_path(folder) as temporary:
        temporary.mkdir()
        parts = 0
        listed: list[pa.Table] = []
        for path in sorted(read.glob("part-*.parquet")):
            table_ids = pq.read_table(path, columns=[schema.ROW_ID], partitioning=None)[
                schema.ROW_ID
            ].to_pylist()
            gone = np.array([row_id in dropped for row_id in table_ids], dtype=bool)
            if gone.all():
                continue
            target = temporary / f"part-{parts:05d}.parquet"
            parts += 1
            if not gone.any() and not any(row_id in also_in for row_id in table_ids):
                os.link(path, target)
                continue
            with (
                pq.ParquetFile(path) as source,
                pq.ParquetWriter(target, source.schema_arrow, compression="zstd") as writer,
            ):
                start = 0
                for group in range(source.num_row_groups):
                    rows = source.read_row_group(group)
                    keep = ~gone[start : start + len(rows)]
                    start += len(rows)
                    if not keep.all():
                        listed.append(_listed(rows.filter(pa.array(~keep)), dropped))
                    rows = rows.filter(pa.array(keep))
                    if len(rows):
                        writer.write_table(_naming(rows, also_in), row_group_size=len(rows))
        os.link(read / "facts.json", temporary / "facts.json")
        _write_left_out(read / "left_out.parquet", temporary / "left_out.parquet", listed)


def _naming(rows: pa.Table, also_in: Mapping[str, Sequence[str]]) -> pa.Table:
    """The rows, with the other sources that hold them."""
    place = rows.schema.get_field_index(schema.ALSO_IN)
    named = [also_in.get(row_id) for row_id in rows[schema.ROW_ID].to_pylist()]
    return rows.set_column(place, rows.schema.field(place), pa.array(named, rows.schema.field(place).type))


def _listed(rows: pa.Table, dropped: Mapping[str, str]) -> pa.Table:
    reasons = [dropped[row_id] for row_id in rows[schema.ROW_ID].to_pylist()]
    starts = pc.utf8_slice_codeunits(rows[schema.QUESTION], 0, 200)
    return pa.table(
        {
            "index": pa.nulls(len(rows), pa.int64()),
            "reason": pa.array(reasons, pa.string()),
            "question": starts,
        }
    )


def _write_left_out(read: Path, target: Path, listed: Sequence[pa.Table]) -> None:
    """What reading left out, and after it what repeats another source or a benchmark."""
    if not listed:
        os.link(read, target)
        return
    before = pq.read_table(read, partitioning=None)
    pq.write_table(pa.concat_tables([before, *(t.cast(before.schema) for t in listed)]), target)
