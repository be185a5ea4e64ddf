"""Selection result: order, gains, coverage radius, explanation; saved as parquet."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads.errors import SelectionError
from hf_qads.runtime.files import atomic_path
from hf_qads.selection.explaining import Explanation, explain
from hf_qads.selection.pool import Floats, Picks, Pool, Rows, Strategy
from hf_qads.selection.preparing import checked_count, pool_again

KEY = b"hf_qads.selection"


@dataclass(frozen=True, eq=False)
class Selection:
    """Rows in the order picked.

    Attributes:
        order: (size,) row indices in the order picked, none of them in the start pool.
        gains: (size,) value of the strategy's objective at each pick.
        start: the start rows, in the order drawn.
        known: the coverage radius where it is known already; None where `radius` works it out.
        asked: what was asked: n, size, strategy (of a function, its qualified name), metric, seed, options
            and so on.
        work: for the greedy strategies, how many distances were worked out; not saved.
    """

    order: Rows
    gains: Floats
    start: Rows
    known: Floats | None = field(repr=False)
    asked: Mapping[str, Any]
    work: Mapping[str, int] = field(default_factory=dict)
    pool: Pool | None = field(default=None, repr=False)
    function: Strategy | None = field(default=None, repr=False)
    later: dict[int, Rows] = field(default_factory=dict, repr=False)  # longer orders that `explain` has seen

    def __len__(self) -> int:
        return len(self.order)

    @cached_property
    def radius(self) -> Floats:
        """(size,) largest distance of any row to its nearest picked, start or given vector, after each pick.

        NaN where it was not asked for or there are no vectors. Worked out on first use, from the vectors as
        they are then; for K-center it comes with the picks.

        Cost: at most about that of the selection once more.
        """
        if self.known is not None:
            return self.known
        if self.pool is None or self.pool.vectors is None:
            return np.full(len(self.order), np.nan)
        from hf_qads.selection.engine.coverage import coverage

        return coverage(self.pool, self.order)

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
            known=column["radius"][picked].astype(np.float64),
            asked=json.loads(asked),
        )

    def explain(
        self,
        row: int,
        *,
        vectors: Any = None,
        scores: Any = None,
        strategy: Strategy | None = None,
        further: int = 10_000,
    ) -> Explanation:
        """Why a row was or was not picked.

        Args:
            row: a row of the pool.
            vectors: the vectors again, for a selection that was loaded.
            scores: the scores again, likewise.
            strategy: likewise the strategy, where it was a function of one's own.
            further: how many picks beyond the selection to go on for, to find the rank that the row would
                have had. A smaller selection is a prefix of a larger one, so that rank is well defined.

        Raises:
            SelectionError: no such row, or vectors are needed.

        Cost: one read of the vectors and a distance per picked row; for a row that was not picked also the
        selection with `further` more picks, which is kept for the next question.
        """
        n = int(self.asked["n"])
        if isinstance(row, bool) or not isinstance(row, (int, np.integer)) or not 0 <= row < n:
            raise SelectionError(f"row {row!r} is not in the pool of {n} rows (0 to {n - 1}).")
        pool = self.pool
        if pool is None:
            pool = pool_again(self.asked, self.start, vectors, scores)
        return explain(
            Picks(self.order, self.gains),
            pool,
            row,
            strategy=strategy or self.function or str(self.asked["strategy"]),
            options=self.asked["options"],
            further=checked_count(further, "further"),
            later=self.later if self.pool is not None else {},
        )
