"""Pool and Picks: the input and output of a selection strategy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from hf_qads.errors import SelectionError, VectorsNeeded

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


class Picks(NamedTuple):
    """What a strategy picked.

    Attributes:
        order: (size,) rows in the order picked.
        gains: (size,) value of the strategy's objective at each pick.
        work: for the greedy strategies, how many distances were worked out in full, and how many estimated.
        radius: (size,) coverage radius after each pick, where the strategy knows it anyway.
    """

    order: Rows
    gains: Floats
    work: Mapping[str, int] = MappingProxyType({})
    radius: Floats | None = None


@dataclass(frozen=True)
class Pool:
    """Everything a strategy may look at; checked, and the same for every strategy.

    Attributes:
        n: number of rows.
        vectors: (n, d) array or tensor, or None where the caller gave none.
        scores: (n,) finite and not negative, or None.
        columns: further columns by name, each (n,).
        start: rows that count as picked already, in the order drawn; never picked again.
        out: rows that are as if they were not there, in ascending order.
        features: further arrays by name, each (n, ...), or texts (n,).
        target_features: for each name, the same of the rows to be good at: set of target rows -> (m, ...).
        already_selected: (m, d) vectors from elsewhere that count as picked already, or None.
        metric: `euclidean` or `cosine`.
        seed: seed of whatever the strategy draws.
        device: torch device of the large products; None chooses.
        checkpoint_dir: folder that a long selection keeps its progress in, or None.
    """

    n: int
    vectors: Any
    scores: Floats | None
    columns: Mapping[str, npt.NDArray[Any]]
    start: Rows
    out: Rows
    features: Mapping[str, Any] = field(default_factory=dict)
    target_features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    already_selected: Any = None
    metric: Literal["euclidean", "cosine"] = "euclidean"
    seed: int = 0
    device: str | None = None
    checkpoint_dir: Path | None = None

    def need_vectors(self, strategy: str) -> Any:
        """The vectors, or a VectorsNeeded that names the strategy."""
        if self.vectors is None:
            raise VectorsNeeded(f"strategy={strategy!r} needs vectors, got None. Give an (n, d) array.")
        return self.vectors

    def need_scores(self, strategy: str) -> Floats:
        """The scores, or a SelectionError that names the strategy."""
        if self.scores is None:
            raise SelectionError(f"strategy={strategy!r} needs scores, got None. Give one number per row.")
        return self.scores

    def need_score(self, strategy: str, column: str) -> Floats:
        """The scores, or the column that takes their place where it is named."""
        return self.need_column(strategy, column) if column else self.need_scores(strategy)

    def need_column(self, strategy: str, name: str) -> Floats:
        """A numeric column without NaN, or a SelectionError that names the strategy and the column."""
        if name not in self.columns:
            have = ", ".join(sorted(self.columns)) or "none"
            raise SelectionError(
                f"strategy={strategy!r} needs a column {name!r}, got {have}. Give columns={{{name!r}: ...}}."
            )
        return finite_column(self.columns[name], name, self.n, self.out)

    def need_groups(self, strategy: str, name: str) -> Rows:
        """A column of numbers or names as (n,) group numbers, in the order of the groups' names.

        Raises:
            SelectionError: there is no such column.
        """
        if name not in self.columns:
            have = ", ".join(sorted(self.columns)) or "none"
            raise SelectionError(
                f"strategy={strategy!r} needs a column {name!r}, got {have}. Give columns={{{name!r}: ...}}."
            )
        groups: Rows = np.unique(self.columns[name], return_inverse=True)[1].astype(np.int64)
        return groups

    def need_feature(self, strategy: str, name: str) -> Any:
        """An array of the rows beside the vectors, or the vectors where `name` is `vectors`.

        Raises:
            SelectionError: there is none; the message names the strategy and the feature.
        """
        if name == "vectors":
            return self.need_vectors(strategy)
        if name not in self.features:
            have = ", ".join(sorted(self.features)) or "none"
            raise SelectionError(
                f"strategy={strategy!r} needs a feature {name!r} of the rows, got {have}. "
                f"Give features={{{name!r}: ...}}."
            )
        return self.features[name]

    def need_targets(self, strategy: str, name: str) -> Mapping[str, Any]:
        """The same array of the target rows, by set.

        Raises:
            SelectionError: there is none; the message names the strategy and the feature.
        """
        if name not in self.target_features:
            have = ", ".join(sorted(self.target_features)) or "none"
            raise SelectionError(
                f"strategy={strategy!r} needs a feature {name!r} of target rows, got {have}. "
                f"Give target_features={{{name!r}: ...}}."
            )
        return self.target_features[name]

    @property
    def room(self) -> int:
        """How many rows may be picked."""
        return self.n - len(self.out) - len(self.start)

    def present(self) -> Rows:
        """Rows that take part, start rows too, in ascending order."""
        return np.setdiff1d(np.arange(self.n), self.out) if len(self.out) else np.arange(self.n)

    def free(self) -> Rows:
        """Rows that may be picked, in ascending order."""
        mask = np.ones(self.n, dtype=bool)
        mask[self.start] = False
        mask[self.out] = False
        return np.flatnonzero(mask)


Strategy = Callable[..., Picks]
METRICS = ("euclidean", "cosine")


def finite_column(values: Any, name: str, n: int, out: Rows) -> Floats:
    """`values` as (n,) float64, 0 in the rows `out`.

    Raises:
        SelectionError: not numeric, not one per row, NaN or infinite.
    """
    try:
        if hasattr(values, "detach"):  # a tensor, of a type that numpy may not have
            values = values.detach().double().cpu()
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        column = np.asarray(values)
        if column.dtype.kind not in "fiubO":
            raise TypeError(f"they are {column.dtype}")
        column = np.array(column, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise SelectionError(
            f"{name} must be one number per row, got {type(values).__name__}: {error}."
        ) from error
    if column.shape != (n,):
        raise SelectionError(f"{name} must have shape ({n},), one per row, got {column.shape}.")
    column[out] = 0
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        raise SelectionError(
            f"{name} has {len(bad)} values that are NaN or infinite, the first in row {bad[0]}. "
            "Leave such rows out before selecting."
        )
    return column


def ranked(pool: Pool, values: Floats, size: int, *, last: npt.NDArray[np.bool_] | None = None) -> Picks:
    """Pick free rows by falling value, ties to the lowest row; rows marked `last` after all others."""
    free = pool.free()
    groups = np.zeros(len(free), dtype=bool) if last is None else last[free]
    order = free[np.lexsort((free, -values[free], groups))][:size]
    return Picks(order, values[order])
