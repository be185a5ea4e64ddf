"""QaDSSampler: a torch Sampler over a scored dataset."""

from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from hf_qads.errors import SelectionError
from hf_qads.schema import RANK, score_column
from hf_qads.selection.columns import by_rank, finite_rows, numeric_columns, vectors_of
from hf_qads.selection.pool import Strategy
from hf_qads.selection.preparing import checked_count, length_of, start_rows
from hf_qads.selection.select import select


class QaDSSampler(Sampler[int]):
    """Row indices of a dataset, the most worthwhile first.

    The order is the same on every rank, and sharding is left to the loader, so that it works in a plain
    `DataLoader`, in `Trainer` and under accelerate alike. Rows without a finite score are left out and
    counted; start rows come after all picks, in the order drawn, so that `fraction=1.0` is every row.

    Args:
        dataset: anything with a length. Of a `datasets.Dataset`, what is not given here is read from its
            columns: scores from `qads_score`, else `qads_influence`; vectors from `qads_embedding`; numeric
            columns go to the strategy. Without vectors, and where no scores are handed over,
            `qads_rank` is the order if there is one.
        size: how many rows.
        fraction: or which share of the rows that can be sampled, in (0, 1]; one row at least. Neither: all
            of them.
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
        left_out: how many rows cannot be sampled: they have no finite score, or no rank where ranks are read.

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
        if isinstance(dataset, Mapping):
            names = [repr(name) for name in dataset]
            raise SelectionError(
                f"The dataset has splits ({', '.join(names)}), and a sampler takes one: dataset[{names[0]}]."
                if names
                else "The dataset is empty: 0 splits."
            )
        self.dataset = dataset
        self.rows = length_of(dataset, "dataset")
        if self.rows == 0:
            raise SelectionError("The dataset is empty: 0 rows.")
        self.seed = checked_count(seed, "seed")
        self.shuffle = shuffle
        self.epoch = 0
        given = numeric_columns(dataset)
        if vectors is None:
            vectors = vectors_of(dataset)
        ranks = given.pop(RANK, None)
        ranked = vectors is None and scores is None and ranks is not None and strategy == "qads"
        column = score_column(given)
        if scores is None and column is not None:
            scores = given[column]
        for name, values in (("vectors", vectors), ("scores", scores)):
            if values is not None and length_of(values, name) != self.rows:
                raise SelectionError(
                    f"{len(values)} {name} for a dataset of {self.rows} rows. Give one per row."
                )
        usable = finite_rows(scores, self.rows) if ranks is None or not ranked else by_rank(ranks)
        self.left_out = self.rows - len(usable)
        wanted = self.wanted(size, fraction, len(usable))
        if not ranked and wanted:
            first = start_rows(start, self.rows, usable, seed)
            picked = select(
                vectors,
                scores,
                size=min(wanted, len(usable) - len(first)),
                strategy=strategy,
                start=first,
                metric=metric,
                seed=seed,
                columns=given,
                options=options,
                candidates=None if self.left_out == 0 else usable,
                coverage=False,
            )
            usable = np.concatenate([picked.order, picked.start])
        self.order = usable[:wanted]

    def wanted(self, size: int | None, fraction: float | None, there: int) -> int:
        """How many rows are asked for.

        Raises:
            SelectionError: both size and fraction, out of range, or more than there are.
        """
        if size is not None and fraction is not None:
            raise SelectionError(f"Give size or fraction, not both: got size={size}, fraction={fraction}.")
        if size is not None:
            if checked_count(size, "size") > there:
                raise SelectionError(
                    f"size={size} but {there} rows can be sampled ({self.rows} in the dataset)."
                )
            return int(size)
        share = 1.0 if fraction is None else fraction
        if isinstance(share, (bool, str)) or not 0 < share <= 1:
            raise SelectionError(f"fraction must be a number in (0, 1], got {fraction!r}.")
        return min(there, max(1, round(there * share)))

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
