"""What a selection returns: the order, what it is worth, and why a row is not in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads.errors import SelectionError
from hf_qads.files import atomic_path
from hf_qads.selection.pool import Floats, Pool, Rows

KEY = b"hf_qads.selection"


@dataclass(frozen=True)
class Explanation:
    """Where a row stands in a selection.

    Attributes:
        row: the row.
        picked: whether it was picked.
        started: whether it is in the start pool, and could not be picked.
        score: its score, or None where there are no scores.
        nearest: the nearest row that was picked (before it) or in the start pool; None where there is none.
        distance: its distance to that row, in the selection's metric.
        rank: its place in the order, from 0: where it was picked, or where it would have come had the
            selection gone on. None if it had not come by `rank_above`.
        rank_above: how many picks were looked at.
        last_gain: what the last pick was worth.
    """

    row: int
    picked: bool
    started: bool
    score: float | None
    nearest: int | None
    distance: float
    rank: int | None
    rank_above: int
    last_gain: float

    def __str__(self) -> str:
        score = "no score" if self.score is None else f"score {self.score:.4g}"
        near = (
            "no row before it"
            if self.nearest is None
            else f"distance {self.distance:.4g} to row {self.nearest}"
        )
        if self.started:
            return f"row {self.row} is in the start pool, which is never picked"
        if self.picked:
            return f"row {self.row} was picked at rank {self.rank}: {score}, {near}"
        place = f"at rank {self.rank}" if self.rank is not None else f"after rank {self.rank_above - 1}"
        return (
            f"row {self.row} was not picked: {score}, {near}; the last pick was worth {self.last_gain:.4g}, "
            f"and had the selection gone on, it would have come {place}"
        )


@dataclass(frozen=True, eq=False)
class Selection:
    """Rows in the order picked.

    Attributes:
        order: (size,) row indices in the order picked, none of them in the start pool.
        gains: (size,) value of the strategy's objective at each pick.
        start: the start rows, in the order drawn.
        radius: (size,) largest distance of any row of the pool to its nearest picked or start row after each
            pick; NaN where it was not asked for or there are no vectors.
        asked: what was asked: n, size, strategy, metric, seed, options and so on.
        work: for the greedy strategies, how many distances were worked out; not saved.
    """

    order: Rows
    gains: Floats
    start: Rows
    radius: Floats
    asked: Mapping[str, Any]
    work: Mapping[str, int] = field(default_factory=dict)
    pool: Pool | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.order)

    def save(self, path: str | Path) -> Path:
        """Write a parquet file: a row per pick, then a row per start row; what was asked in its metadata."""
        picks, starts = len(self.order), len(self.start)
        nothing = [None] * starts
        table = pa.table(
            {
                "row": pa.array(np.concatenate([self.order, self.start]), pa.int64()),
                "rank": pa.array([*range(picks), *nothing], pa.int64()),
                "gain": pa.array([*self.gains.tolist(), *nothing], pa.float64()),
                "radius": pa.array([*self.radius.tolist(), *nothing], pa.float64()),
                "start": pa.array([False] * picks + [True] * starts),
            }
        ).replace_schema_metadata({KEY: json.dumps(dict(self.asked), sort_keys=True)})
        with atomic_path(Path(path)) as temporary:
            pq.write_table(table, temporary, compression="zstd")
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> "Selection":
        """Read what `save` wrote. Vectors and scores are not in it: `explain` wants them again.

        Raises:
            SelectionError: no such file, or not a saved selection.
        """
        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise SelectionError(f"{path} cannot be read as a selection: {error}") from error
        asked = (table.schema.metadata or {}).get(KEY)
        if asked is None:
            raise SelectionError(f"{path} is a parquet file, but not one that Selection.save wrote.")
        column = {name: table[name].to_numpy() for name in ("row", "gain", "radius", "start")}
        picked = ~column["start"].astype(bool)
        return cls(
            order=column["row"][picked],
            gains=column["gain"][picked].astype(np.float64),
            start=column["row"][~picked],
            radius=column["radius"][picked].astype(np.float64),
            asked=json.loads(asked),
        )

    def explain(
        self, row: int, *, vectors: Any = None, scores: Any = None, further: int = 10_000
    ) -> Explanation:
        """Why a row was or was not picked.

        Args:
            row: a row of the pool.
            vectors: the vectors again, for a selection that was loaded.
            scores: the scores again, likewise.
            further: how many picks beyond the selection to go on for, to find the rank that the row would
                have had. A smaller selection is a prefix of a larger one, so that rank is well defined.

        Raises:
            SelectionError: no such row, or vectors are needed.

        Cost: one distance per picked row, and for a row that was not picked the selection with `further`
        more picks.
        """
        from hf_qads.selection.explaining import explain

        return explain(self, row, vectors=vectors, scores=scores, further=further)
