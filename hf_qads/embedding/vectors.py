"""Vectors on disk, keyed by row id."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hf_qads.errors import EmbeddingError
from hf_qads.runtime import files
from hf_qads.schema import REASON, ROW_ID

ARRAY = "vectors.npy"
IDS = "row_ids.parquet"
FACTS = "vectors.json"
ID_SCHEMA = pa.schema([(ROW_ID, pa.string()), (REASON, pa.string())])


@dataclass(frozen=True)
class Vectors:
    """A folder with `vectors.npy` and, in the same order, the ids of the rows in `row_ids.parquet`.

    Attributes:
        folder: where they are.
        array: a read-only memmap (n, d) of float16 or float32; NaN where a row has no vector.
    """

    folder: Path
    array: NDArray[Any]

    @classmethod
    def open(cls, folder: Path | str) -> "Vectors":
        """Open a folder that `create` or `embed_folder` has finished. Cost: nothing is read yet.

        Raises:
            EmbeddingError: the folder holds no finished vectors, or its files do not fit each other.
        """
        folder = Path(folder)
        if not (folder / ARRAY).is_file() or not (folder / IDS).is_file():
            raise EmbeddingError(f"{folder} holds no finished vectors ({ARRAY} and {IDS}). Make them again.")
        try:
            array: NDArray[Any] = np.load(folder / ARRAY, mmap_mode="r", allow_pickle=False)
            rows = pq.read_metadata(folder / IDS).num_rows
        except (ValueError, OSError, pa.ArrowInvalid) as error:
            raise EmbeddingError(f"{folder} cannot be read: {error}. Make the vectors again.") from error
        if array.ndim != 2 or len(array) != rows:
            raise EmbeddingError(
                f"{folder} has {rows} row ids for an array of shape {array.shape}. Make the vectors again."
            )
        return cls(folder, array)

    @classmethod
    def create(
        cls,
        folder: Path | str,
        row_ids: Sequence[str],
        array: NDArray[Any],
        *,
        reasons: Mapping[int, str] | None = None,
    ) -> "Vectors":
        """Write an array (n, d) and the ids of its rows to `folder`, whole or not at all.

        Raises:
            EmbeddingError: there is not one id for each vector.
        """
        if array.ndim != 2 or len(array) != len(row_ids):
            raise EmbeddingError(
                f"{len(row_ids)} row ids for an array of shape {array.shape}. Give one each."
            )
        with files.atomic_path(Path(folder)) as temporary:
            temporary.mkdir()
            np.save(temporary / ARRAY, array, allow_pickle=False)
            texts = [(reasons or {}).get(i) for i in range(len(row_ids))]
            pq.write_table(pa.table([list(row_ids), texts], schema=ID_SCHEMA), temporary / IDS)
            files.write_json(temporary / FACTS, facts(array.shape, str(array.dtype)))
        return cls.open(folder)

    @property
    def row_ids(self) -> list[str]:
        """Ids of all rows, in the array's order. Cost: about 100 bytes a row in memory."""
        ids: list[str] = pq.read_table(self.folder / IDS, columns=[ROW_ID])[ROW_ID].to_pylist()
        return ids

    @property
    def reasons(self) -> dict[str, str]:
        """Row id -> why it has no vector, for those that have none."""
        table = pq.read_table(self.folder / IDS, filters=pc.field(REASON).is_valid())
        return dict(zip(table[ROW_ID].to_pylist(), table[REASON].to_pylist(), strict=True))

    def positions(self, row_ids: Sequence[str]) -> NDArray[np.int64]:
        """Places of the rows in the array, (len(row_ids),).

        Cost: the ids on disk are read in batches; memory in proportion to the ids asked for.

        Raises:
            EmbeddingError: an id is not there.
        """
        asked = pa.array(row_ids, pa.string())
        found = np.full(len(asked), -1, dtype=np.int64)
        start = 0
        for batch in pq.ParquetFile(self.folder / IDS).iter_batches(batch_size=1 << 18, columns=[ROW_ID]):
            places = pc.index_in(asked, value_set=batch.column(0))
            here = np.asarray(places.is_valid())
            found[here] = start + places.drop_null().to_numpy().astype(np.int64)
            start += len(batch)
        if (found < 0).any():
            missing = row_ids[int(np.flatnonzero(found < 0)[0])]
            raise EmbeddingError(
                f"{(found < 0).sum()} of {len(found)} rows have no vector in {self.folder}, the first is "
                f"{missing!r}. Embed the rows that are asked for."
            )
        return found

    def of(self, row_ids: Sequence[str]) -> NDArray[Any]:
        """Vectors (len(row_ids), d) of the rows with these ids, in memory, in the order asked.

        Raises:
            EmbeddingError: an id is not there.
        """
        places = self.positions(row_ids)
        order = np.argsort(places, kind="stable")  # the disk is read forwards
        vectors = np.empty((len(places), self.array.shape[1]), dtype=self.array.dtype)
        vectors[order] = self.array[places[order]]
        return vectors

    def key(self) -> str:
        """What the vectors were made from, as `embed_folder` was told; empty where it was not."""
        path = self.folder / FACTS
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return str(told.get("key", ""))


def facts(shape: tuple[int, ...], dtype: str, *, key: str = "", shard_rows: int = 0) -> dict[str, Any]:
    """What is written beside the vectors: their shape and type, and what they were made from."""
    return {"dtype": dtype, "key": key, "rows": shape[0], "shard_rows": shard_rows, "size": shape[1]}
