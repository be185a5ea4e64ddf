"""Selection on its own, on any dataset: `hf-qads select`, with a strategy's options, targets and features."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hf_qads import schema
from hf_qads.config.flags import typed_options
from hf_qads.embedding.features import MADE, TEXT, VECTORS, feature_encoder, text_of
from hf_qads.errors import SelectionError, VectorsNeeded
from hf_qads.pipeline.dataset_commands import check_target, default_target, loaded_rows, write

if TYPE_CHECKING:
    from datasets import Dataset

    from hf_qads.selection.needs import Needs


def select(
    dataset: str,
    *,
    size: int | None,
    fraction: float | None,
    strategy: str,
    option: Sequence[str] = (),
    target: Sequence[str] = (),
    metric: str,
    start: int,
    seed: int,
    split: str | None,
    model: str | None,
    out: Path | None,
) -> str:
    """Choose rows of a dataset by any strategy, and write them as parquet in rank order.

    Rows without a score, or without a value in what the strategy reads, are left out and counted by reason. A
    dataset without a score column is chosen from as if all scores were equal. Numeric columns go to the
    strategy. What it reads beside them (vectors, or features by name) is a column of the dataset where there
    is one of that name, else made by `model`, in the way of a run; None is the embedded model.

    Args:
        dataset: Hub id, folder or file.
        size: rows to choose.
        fraction: instead of it, the share of the rows that can be chosen.
        strategy: one of `hf-qads strategies`.
        option: its options, KEY=VALUE.
        target: datasets of rows to be good at, each a set; their training splits.
        metric: `euclidean` or `cosine`.
        start: rows of the start pool, for strategies that look at one. They come after all picks.
        seed: of all that is drawn.
        split: of `dataset`; None is the training split.
        model: Hub id or folder.
        out: the file to write.

    Returns:
        what was done, as text.

    Raises:
        QaDSError: a dataset cannot be read, the size does not fit it, or the strategy lacks what it reads.

    Cost: vectors and features of all rows in memory.
    """
    import hf_qads
    from hf_qads.pipeline.stages.selection import usable
    from hf_qads.selection.registry import checked_options, find_strategy, needs_of

    written = out or default_target(dataset, split, "selected")
    _check_amount(size, fraction, start)
    function = find_strategy(strategy)
    options = checked_options(strategy, function, typed_options(option, function))
    needs = needs_of(strategy, options)
    _check_targets(strategy, needs, target)
    check_target(written)
    rows, notes = loaded_rows(dataset, split)
    if size is not None and size > len(rows):
        raise SelectionError(f"--size {size} but {dataset} has {len(rows):,} rows. Lower --size.")
    columns = _columns(rows, dataset, strategy, needs)
    column = schema.score_column(columns)
    scores = None if column is None else columns[column]
    makers = _Makers(model, seed)
    vectors = makers.of(rows, VECTORS, make=_looks_at_vectors(strategy, options, needs, scores, columns))
    found = {name: makers.of(rows, name) for name in needs.features}
    targets = _targets(target, needs, makers, notes, own_vectors=schema.EMBEDDING in rows.column_names)
    keep, left_out = usable(needs, columns, found, scores=scores, vectors=vectors)
    if not len(keep):
        raise SelectionError(f"no row of {dataset} can be chosen: {left_out}.")
    count = size if size is not None else max(1, round((fraction or 0.0) * len(keep)))
    drawn = min(start, max(1, len(keep) // 10)) if needs.start else 0
    picked = hf_qads.select(
        vectors,
        scores,
        columns=columns,
        features=found,
        target_features=targets,
        options=options,
        candidates=keep,
        size=min(count, len(keep) - drawn) if count <= len(keep) else count,
        strategy=strategy,
        metric=metric,
        start=drawn if needs.start else [],
        seed=seed,
        coverage=False,
    )
    order = np.concatenate([picked.order, picked.start])[:count]
    gains = np.full(len(order), np.nan, np.float32)
    gains[: len(picked.gains)] = picked.gains[: len(order)]
    chosen = rows.select(order).remove_columns(
        [name for name in (schema.RANK, schema.GAIN) if name in rows.column_names]
    )
    chosen = chosen.add_column(schema.RANK, np.arange(len(order), dtype=np.int32))
    write(chosen.add_column(schema.GAIN, gains), written)
    by = column or "no score column: all scores equal"
    told = [f"{len(order):,} of {len(rows):,} rows by {strategy} ({by})"]
    told += [f"{count:,} left out: {reason}" for reason, count in left_out.items()]
    told += [f"target: {', '.join(target)}"] if target else []
    return "\n".join([*told, *notes, f"written to {written}"])


class _Makers:
    """Vectors and features of datasets, with one model that is loaded at first use."""

    def __init__(self, model: str | None, seed: int) -> None:
        self._name, self._seed = model, seed

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        from hf_qads.runtime.models import EMBEDDED, load_model

        if self._name is None:
            warnings.warn(
                "These rows bring no qads_embedding; the embedded demonstration model makes their vectors. "
                "Name a model of your own with --model (or `--model embedded`, without this note).",
                UserWarning,
                stacklevel=2,
            )
        return load_model(self._name or EMBEDDED)

    @property
    def named(self) -> bool:
        """Whether the user named the model."""
        return self._name is not None

    def of(self, rows: "Dataset", name: str, *, make: bool = True) -> Any:
        """A feature of rows: their column of that name, or made; None where there is none and `make` is not.

        Raises:
            SelectionError: there is no such column, and no model makes it.
        """
        from hf_qads.selection.columns import vectors_of

        column = schema.EMBEDDING if name == VECTORS else name
        if column in rows.column_names:
            return vectors_of(rows, column) if _holds_numbers(rows, column) else list(rows[column])
        if not make:
            return None
        if name not in MADE:
            raise SelectionError(
                f"the strategy reads a feature {name!r}, and there is no such column: the rows have "
                f"{', '.join(rows.column_names)}. From a model come {', '.join(MADE)}."
            )
        return _texts(rows) if name == TEXT else self._made(rows, name)

    def _made(self, rows: "Dataset", name: str) -> NDArray[np.float32]:
        from hf_qads.embedding.encoder import fill
        from hf_qads.embedding.gradients import GradientMaker

        encoder = feature_encoder(name, *self._model, seed=self._seed)
        found = np.empty((len(rows), encoder.size), dtype=np.float32)
        try:
            fill(encoder, rows, found, what="embedding" if name == VECTORS else name)
        finally:
            if isinstance(encoder, GradientMaker):
                encoder.close()
        return found


def _targets(
    names: Sequence[str], needs: "Needs", makers: _Makers, notes: list[str], *, own_vectors: bool
) -> dict[str, dict[str, Any]]:
    """By feature, that of the target rows by set; rows without one are left out and told in `notes`.

    Raises:
        SelectionError: a set has none at all, or vectors of another model than the rows'.
    """
    from hf_qads.statistics.coverage import finite_rows

    sets = {label: loaded_rows(name, None) for name, label in zip(names, _labels(names), strict=True)}
    found: dict[str, dict[str, Any]] = {}
    for label, (rows, told) in sets.items():
        notes += [f"target {label}: {note}" for note in told]
        for name in needs.targets:
            brings = schema.EMBEDDING in rows.column_names
            if name == VECTORS and own_vectors and not (brings or makers.named):
                raise SelectionError(
                    f"the rows bring {schema.EMBEDDING}, target {label} does not. Name with --model the "
                    "model that made them."
                )
            values = makers.of(rows, name)
            there = finite_rows(values) if isinstance(values, np.ndarray) else _given(values)
            if not there.any():
                raise SelectionError(
                    f"no row of target {label} has the feature {name!r}. Take another target."
                )
            if lost := int((~there).sum()):
                notes.append(f"target {label}: {lost:,} left out: no {name}")
            kept = np.flatnonzero(there)
            of_set = values[kept] if isinstance(values, np.ndarray) else [values[row] for row in kept]
            found.setdefault(name, {})[label] = of_set
    return found


def _labels(names: Sequence[str]) -> list[str]:
    """Short names of target sets: what a file or dataset is called, where no other is called so."""
    short = [Path(name).stem for name in names]
    counts = Counter(short)
    return [one if counts[one] == 1 else name for one, name in zip(short, names, strict=True)]


def _given(values: Sequence[Any]) -> NDArray[np.bool_]:
    return np.array([value is not None for value in values], dtype=bool)


def _texts(rows: "Dataset") -> list[str | None]:
    """Question and answer of each row; None where it has none."""
    from hf_qads.rows.columns import pair_or_reason, recognise

    mapping = recognise(rows.column_names)
    read = rows.select_columns(mapping.columns)
    pairs = (pair_or_reason(row, mapping) for row in read)
    return [None if isinstance(pair, str) else text_of(pair._asdict()) for pair in pairs]


def _holds_numbers(rows: "Dataset", column: str) -> bool:
    """Whether a column holds lists of numbers."""
    import pyarrow as pa

    kind = rows.features.arrow_schema.field(column).type
    while hasattr(kind, "value_type"):
        kind = kind.value_type
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _columns(rows: "Dataset", dataset: str, strategy: str, needs: "Needs") -> dict[str, NDArray[Any]]:
    """The columns of numbers, and those of names that the strategy reads.

    Raises:
        SelectionError: it reads a column that the dataset has not.
    """
    from hf_qads.scoring.scores.registry import columns_by_score
    from hf_qads.selection.columns import numeric_columns

    columns: dict[str, NDArray[Any]] = {"row": np.arange(len(rows)), **numeric_columns(rows)}
    for name in needs.columns:
        if name in columns:
            continue
        if name not in rows.column_names:
            made = columns_by_score().get(name)
            add = f" Add it: hf-qads score {dataset} --score {made}." if made else ""
            have = ", ".join(rows.column_names)
            raise SelectionError(
                f"--strategy {strategy} reads a column {name!r}, which {dataset} has not: it has {have}.{add}"
            )
        columns[name] = np.array(["" if value is None else str(value) for value in rows[name]])
    return columns


def _check_targets(strategy: str, needs: "Needs", target: Sequence[str]) -> None:
    """Refuse targets that nothing reads, and their absence where they are read.

    Raises:
        SelectionError: as said.
    """
    if needs.targets and not target:
        raise SelectionError(
            f"--strategy {strategy} compares rows with target rows. Name rows to be good at with --target: a "
            "Hub id, folder or file, and never a test set."
        )
    if target and not needs.targets:
        raise SelectionError(
            f"--strategy {strategy} with these options looks at no target. Leave --target out."
        )


def _check_amount(size: int | None, fraction: float | None, start: int) -> None:
    """Refuse what no dataset could meet.

    Raises:
        SelectionError: a number out of range.
    """
    if fraction is not None and not 0 < fraction <= 1:
        raise SelectionError(f"--fraction {fraction} is outside (0, 1]. Give a share such as 0.1.")
    for name, number in (("size", size), ("start", start)):
        if number is not None and number < 0:
            raise SelectionError(f"--{name} {number} is negative. Give a number of rows.")


def _looks_at_vectors(
    strategy: str,
    options: Mapping[str, Any],
    needs: "Needs",
    scores: NDArray[Any] | None,
    columns: Mapping[str, NDArray[Any]],
) -> bool:
    """Whether a strategy asks for vectors; one that declares nothing is tried out without them."""
    from hf_qads.selection.needs import Needs
    from hf_qads.selection.select import select

    if needs != Needs(start=True):
        return needs.vectors
    known = np.flatnonzero(np.isfinite(scores)) if scores is not None else None
    try:
        select(None, scores, size=0, strategy=strategy, columns=columns, candidates=known, options=options)
    except VectorsNeeded:
        return True
    return False
