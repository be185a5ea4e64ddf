"""A torch sampler over a scored dataset."""

from collections.abc import Iterator, Mapping, Sequence, Sized
from functools import partial
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from hf_qads.errors import SelectionError
from hf_qads.schema import INFLUENCE, RANK, SCORE
from hf_qads.selection.columns import by_rank, finite_rows, numeric_columns, vectors_of
from hf_qads.selection.pool import Strategy
from hf_qads.selection.selecting import select


class QaDSSampler(Sampler[int]):
    """Row indices of a dataset, the most worthwhile first.

    The order is the same on every rank, and sharding is left to the loader, so that it works in a plain
    `DataLoader`, in `Trainer` and under accelerate alike. Rows without a finite score are left out and
    counted; start rows come after all picks, in the order drawn, so that `fraction=1.0` is every row.

    Args:
        dataset: anything with a length. Of a `datasets.Dataset`, what is not given here is read from its
            columns: scores from `qads_score`, else `qads_influence`; vectors from `qads_embedding`; numeric
            columns go to the strategy. Without vectors, `qads_rank` is the order where there is one.
        size: how many rows.
        fraction: or which share of the dataset's rows, in (0, 1]. Neither: all rows.
        vectors: (n, d), see `select`.
        scores: (n,), NaN where there is none.
        strategy: any strategy that `select` knows, or a function of one's own.
        start: see `select`.
        metric: see `select`.
        seed: seed of the selection and of the shuffling.
        shuffle: whether each epoch goes through the chosen rows in another order, which `set_epoch` sets.
        options: see `select`.

    Attributes:
        order: (size,) the chosen rows by rank.
        left_out: how many rows had no finite score.

    Raises:
        SelectionError: more rows wanted than there are, both size and fraction, nothing to select by.
    """

    def __init__(
        self,
        dataset: Sized,
        *,
        size: int | None = None,
        fraction: float | None = None,
        vectors: Any = None,
        scores: Any = None,
        strategy: str | Strategy = "qads",
        start: int | Sequence[int] = 100,
        metric: str = "euclidean",
        seed: int = 0,
        shuffle: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.dataset = dataset
        self.rows = len(dataset)
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0
        given = numeric_columns(dataset)
        if vectors is None:
            vectors = vectors_of(dataset)
        if scores is None:
            scores = given.get(SCORE, given.get(INFLUENCE))
        ranks = given.pop(RANK, None)
        if vectors is None and ranks is not None and strategy == "qads":
            full = by_rank(ranks)
            self.left_out = 0
        else:
            usable = finite_rows(scores, self.rows)
            self.left_out = self.rows - len(usable)
            wanted = self.wanted(size, fraction, len(usable))
            choose = partial(
                select,
                vectors,
                scores,
                strategy=strategy,
                start=start,
                metric=metric,
                seed=seed,
                columns=given,
                options=options,
                among=None if self.left_out == 0 else usable,
                coverage=False,
            )
            room = len(usable) - len(choose(size=0).start)
            picked = choose(size=min(wanted, room))
            full = np.concatenate([picked.order, picked.start])
        self.order = full[: self.wanted(size, fraction, len(full))]

    def wanted(self, size: int | None, fraction: float | None, there: int) -> int:
        """How many rows are asked for.

        Raises:
            SelectionError: both size and fraction, out of range, or more than there are.
        """
        if size is not None and fraction is not None:
            raise SelectionError(f"Give size or fraction, not both: got size={size}, fraction={fraction}.")
        if fraction is not None and not 0 < fraction <= 1:
            raise SelectionError(f"fraction must be in (0, 1], got {fraction}.")
        if size is None:
            return min(there, round(self.rows * (1.0 if fraction is None else fraction)))
        if not 0 <= size <= there:
            raise SelectionError(f"size={size} but {there} rows can be sampled ({self.rows} in the dataset).")
        return size

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass; without `shuffle` all passes are alike."""
        self.epoch = epoch

    def check(self, dataset: Sized) -> None:
        """Refuse a dataset that the indices would not fit.

        Raises:
            SelectionError: its length is not that of the dataset the rows were selected from.
        """
        if len(dataset) != self.rows:
            raise SelectionError(
                f"The rows were selected from a dataset of {self.rows} rows, this one has {len(dataset)}, so "
                "the indices would point at other rows. Train on dataset.select(list(sampler)) instead."
            )

    def __iter__(self) -> Iterator[int]:
        self.check(self.dataset)
        order = self.order
        if self.shuffle:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(order)
        return iter(order.tolist())

    def __len__(self) -> int:
        return len(self.order)
