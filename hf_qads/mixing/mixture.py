"""Ranked sources become one dataset, whose subsets are prefixes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from hf_qads import schema
from hf_qads.errors import MixingError
from hf_qads.mixing.layout import Layout, Ranked, lay_out
from hf_qads.mixing.writer import MixtureWriter
from hf_qads.runtime.files import atomic_path

if TYPE_CHECKING:
    from datasets import Dataset

BATCH_ROWS = 10_000


@dataclass(frozen=True)
class Mixture:
    """What all sources' selected rows make together.

    Attributes:
        dataset: the rows. The smallest subset comes first, then what the next one adds, and so on; within
            each such segment sources stand in the given order and rows by rank.
        layout: which rows of which source stand where.
    """

    dataset: "Dataset"
    layout: Layout

    @property
    def subsets(self) -> dict[str, int]:
        """Rows of each subset, smallest first: `{"10pct": 120, ...}`."""
        return self.layout.subsets

    @property
    def summary(self) -> list[dict[str, Any]]:
        """Per source: rows, ranked rows, ratio asked for, rows kept, missing, and rows in each subset."""
        return self.layout.summary

    def subset(self, name: str) -> "Dataset":
        """The rows of one subset, by name.

        Raises:
            MixingError: there is no such subset.
        """
        if name not in self.subsets:
            raise MixingError(f"no subset {name!r}; there are: {', '.join(self.subsets) or 'none'}.")
        return self.dataset.select(range(self.subsets[name]))

    def save(self, folder: Path | str, *, card: str = "", facts: Mapping[str, Any] | None = None) -> Path:
        """Write a dataset repository that `load_dataset(folder)` and `load_dataset(folder, "10pct")` open.

        Args:
            folder: appears whole or not at all; one that is there is replaced.
            card: the README. Its YAML front matter, if any, is kept, with `configs` added.
            facts: what goes into qads.yaml besides rows, subsets and the files' hashes.

        Returns:
            the folder.

        Raises:
            MixingError: there is no row to save, or the card's front matter is broken.

        Cost: a pass over the rows, 10,000 at a time. The same rows give the same bytes.
        """
        rows = self.dataset.with_format("arrow")
        with (
            atomic_path(Path(folder)) as part,
            MixtureWriter(part, list(self.subsets), self.dataset.features.arrow_schema) as writer,
        ):
            for segment, (start, stop) in enumerate(self.layout.segments):
                for at in range(start, stop, BATCH_ROWS):
                    writer.write(segment, rows[at : min(at + BATCH_ROWS, stop)])
            writer.finish(card=card, facts={**(facts or {}), "sources": self.summary}, subsets=self.subsets)
        return Path(folder)


def mix(
    datasets: "Mapping[str, Dataset]",
    *,
    ratios: Mapping[str, float],
    subsets: Sequence[float] = (),
    by: Literal["source", "global"] = "source",
) -> Mixture:
    """Take the best-ranked rows of each source, as many as its ratio says, and make one dataset of them.

    Args:
        datasets: source -> Dataset with a `qads_rank` column (0 for the first pick); rows without a rank
            cannot be taken. The order of the mapping is the order of the mixture.
        ratios: source -> share in [0, 1] of the source's rows, ranked or not; see `hf_qads.mixing.ratios`.
        subsets: fractions in (0, 1]: 0.1 makes the subset "10pct".
        by: "source" takes the fraction of each source, so that a subset keeps the mixture's shares; "global"
            lets the sources compete by `qads_gain`, which compares across them only where vectors and scores
            are from the same models and the strategy is the same.

    Raises:
        MixingError: a ratio or fraction is out of range, a rank column is missing or has gaps, or columns
            of the same name differ in type.

    Cost: indices only; the rows stay where they are (memory-mapped where the datasets are).

    Source: section 4 (selection scheme), section 5.2 (subsets of 10, 40 and 70 %).
    """
    from datasets import concatenate_datasets

    ranked = {source: _ranked(source, dataset) for source, dataset in datasets.items()}
    layout = lay_out(ranked, ratios=ratios, subsets=subsets, by=by)
    aligned = {source: _aligned(source, dataset) for source, dataset in datasets.items()}
    pieces = [
        aligned[source].select(ranked[source].rows[first:last])
        for source, first, last in layout.pieces
        if last > first
    ] or [next(iter(aligned.values())).select([])]
    try:
        return Mixture(concatenate_datasets(pieces), layout)
    except ValueError as error:
        raise MixingError(
            f"the sources' columns do not agree: {error}. Give columns of one name one type."
        ) from error


def _ranked(source: str, dataset: "Dataset") -> Ranked:
    if schema.RANK not in dataset.column_names:
        raise MixingError(
            f"source {source!r} has no column {schema.RANK}, only {', '.join(dataset.column_names)}. "
            "Select first."
        )
    arrow = dataset.with_format("arrow")
    ranks = arrow.select_columns([schema.RANK])[:][schema.RANK]
    gains = (
        arrow.select_columns([schema.GAIN])[:][schema.GAIN] if schema.GAIN in dataset.column_names else None
    )
    kinds = dataset.unique(schema.KIND) if schema.KIND in dataset.column_names and len(dataset) else []
    return Ranked.of(source, ranks, gains, size=len(dataset), kind=kinds[0] if len(kinds) == 1 else None)


def _aligned(source: str, dataset: "Dataset") -> "Dataset":
    """The known columns in their types; a missing `source` column is filled in."""
    from datasets import Features, Value

    if schema.SOURCE not in dataset.column_names:
        dataset = dataset.add_column(schema.SOURCE, [source] * len(dataset), feature=Value("string"))
    known = {name: column.type for name, column in schema.COLUMNS.items()}
    for name in dataset.column_names:
        if name in known and dataset.features.arrow_schema.field(name).type != known[name]:
            target = Features.from_arrow_schema(pa.schema([(name, known[name])]))[name]
            dataset = dataset.cast_column(name, target)
    return dataset
