"""The stage `selection`: the order in which rows are picked, within each source or over the whole pool."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hf_qads import schema
from hf_qads.config.schema import Config
from hf_qads.errors import SelectionError
from hf_qads.mixing.stream import PLACE
from hf_qads.pipeline.log_forwarding import INDENT
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage, one_pass
from hf_qads.pipeline.stages import features
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import distributed, executors, files
from hf_qads.runtime.executors import Shard
from hf_qads.selection.needs import Needs
from hf_qads.statistics.coverage import finite_rows

RATIOS = "ratios.json"
CHECKPOINTS = ".checkpoints"  # of a long selection, to go on from after a kill
NO_SCORE = "no score"
NO_VECTOR = "no vector"


@dataclass(frozen=True)
class Choices:
    """What selection may choose from in one source, or in several together; arrays are in pool order.

    Attributes:
        row_ids: ids of the pool's rows.
        rows: indices of the rows with a finite score and vector, and with all that the strategy reads.
        scores: (n,) scores, NaN where a row has none.
        vectors: (n, d), or None.
        columns: numeric columns and `source`, (n,) each.
        features: what else the strategy reads, (n, ...) each.
        mean: mean score of the rows that have one.
        left_out: how many rows are not in `rows`, by reason.
    """

    row_ids: pa.ChunkedArray
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    vectors: NDArray[Any] | None
    columns: Mapping[str, NDArray[Any]]
    features: Mapping[str, Any]
    mean: float
    left_out: dict[str, int]


def choices(run: RunFolder, source: str, *, column: str, needs: Needs) -> Choices:
    """Rows of a source that selection may choose from, by the score in `column`.

    A row without a value in what the strategy reads is left out, counted by reason.

    Raises:
        SelectionError: the strategy reads a column that the run has not.
    """
    columns = numeric_columns(run, source)
    columns[schema.SOURCE] = np.full(len(columns[column]), source)
    scores = columns[column].astype(np.float32)
    vectors = run.vectors(source)
    for name in needs.columns:
        if name not in columns:
            raise SelectionError(
                f"the strategy reads a column {name!r}, which source {source!r} has not: it has "
                f"{', '.join(sorted(columns))}. Name it in `columns:` where rows bring it."
            )
    found = {name: features.of_rows(run, source, name) for name in needs.features}
    rows, left_out = usable(needs, columns, found, scores=scores, vectors=vectors)
    scored = np.isfinite(scores)
    mean = float(scores[scored].mean(dtype=np.float64)) if scored.any() else math.nan
    ids = run.table(source, [schema.ROW_ID])[schema.ROW_ID]
    return Choices(ids, rows, scores, vectors, columns, found, mean, left_out)


def usable(
    needs: Needs,
    columns: Mapping[str, NDArray[Any]],
    found: Mapping[str, Any],
    *,
    scores: NDArray[Any] | None,
    vectors: NDArray[Any] | None,
) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Rows with a value in all that a strategy reads, and how many are left out, by reason.

    Args:
        needs: what the strategy reads.
        columns: (n,) columns by name, at least one.
        found: the features, arrays (n, ...) or lists.
        scores: (n,), or None where no row is left out for them.
        vectors: (n, d), or None.
    """
    reasons = {} if scores is None else {NO_SCORE: ~np.isfinite(scores)}
    if vectors is not None:
        reasons[NO_VECTOR] = ~finite_rows(vectors)
    for name in needs.columns:
        if columns[name].dtype.kind == "f":
            reasons[f"no value in column {name}"] = ~np.isfinite(columns[name])
    for name, values in found.items():
        if isinstance(values, np.ndarray):
            reasons[f"no {name}"] = ~finite_rows(values)
        elif any(isinstance(value, str) for value in values):
            reasons[f"no {name}"] = np.array([value is None for value in values])
    left = np.ones(len(next(iter(columns.values()))), dtype=bool)
    left_out = {}
    for reason, lacking in reasons.items():
        if count := int((left & lacking).sum()):
            left_out[reason] = count
        left &= ~lacking
    return np.flatnonzero(left), left_out


def numeric_columns(run: RunFolder, source: str) -> dict[str, NDArray[Any]]:
    """Every column of numbers that a run has for a source's rows, NaN where there is none, (n,) each."""
    there = run.columns(source)
    names = [
        name
        for name in dict.fromkeys([*schema.COLUMNS, *there])
        if name not in (schema.RANK, schema.GAIN)
        and (name not in schema.COLUMNS or schema.is_number(schema.COLUMNS[name]))
        and (name in there or schema.COLUMNS[name].always)
    ]
    table = run.table(source, names)
    numbers = [
        name
        for name in names
        if pa.types.is_floating(table[name].type) or pa.types.is_integer(table[name].type)
    ]
    return {name: table[name].cast(pa.float64()).to_numpy() for name in numbers}


def together(parts: Sequence[Choices], path: Path) -> Choices:
    """Several sources as one; vectors and features go to temporary files below `path`."""
    offsets = np.cumsum([0, *(len(part.scores) for part in parts)])
    path.mkdir(parents=True, exist_ok=True)
    first = parts[0]
    names = [name for name in first.columns if all(name in part.columns for part in parts)]
    return Choices(
        row_ids=pa.chunked_array([chunk for part in parts for chunk in part.row_ids.chunks]),
        rows=np.concatenate([part.rows + offset for part, offset in zip(parts, offsets, strict=False)]),
        scores=np.concatenate([part.scores for part in parts]),
        vectors=_stacked([part.vectors for part in parts], path / "vectors.npy"),
        columns={name: np.concatenate([part.columns[name] for part in parts]) for name in names},
        features={
            name: _stacked([part.features[name] for part in parts], path / f"{name}.npy")
            for name in first.features
        },
        mean=math.nan,
        left_out={},
    )


def _stacked(parts: Sequence[Any], path: Path, block: int = 65536) -> Any:
    """Arrays one below the other as one memmap, or lists as one list; None where there are none."""
    if any(part is None for part in parts):
        return None
    if not isinstance(parts[0], np.ndarray):
        return [value for part in parts for value in part]
    shape = (sum(len(part) for part in parts), *parts[0].shape[1:])
    building = executors.temporary(path)  # another process may read what stands there
    stacked = np.lib.format.open_memmap(building, mode="w+", dtype=parts[0].dtype, shape=shape)
    at = 0
    for part in parts:
        for begin in range(0, len(part), block):
            values = part[begin : begin + block]
            stacked[at : at + len(values)] = values
            at += len(values)
    stacked.flush()
    os.replace(building, path)
    return stacked


def _settings(config: Config) -> Mapping[str, Any]:
    return {
        "select": config.select.model_dump(),
        "ratio": config.ratio.model_dump(exclude_none=True),
        "subsets": config.subsets,
        "seed": config.seed,
    }


def _work(context: Context, folder: Path) -> Outcome:
    from hf_qads.mixing import ratios as rules
    from hf_qads.selection.registry import about, needs_of

    config, run = context.config, context.run
    column = run.score_column() or schema.SCORE
    needs = needs_of(config.select.strategy, config.select.options)
    found = {source: choices(run, source, column=column, needs=needs) for source in run.sources()}
    left_out: LeftOut = {source: choice.left_out for source, choice in found.items() if choice.left_out}
    nothing = [source for source, choice in found.items() if not len(choice.rows)]
    if nothing:
        raise SelectionError(
            f"source {nothing[0]!r} has no row with a score and a vector, so none can be selected: "
            f"{left_out.get(nothing[0])}. See `hf-qads status`, or leave the source out."
        )
    sizes = {source: len(choice.rows) for source, choice in found.items()}
    means = {source: choice.mean for source, choice in found.items()}
    shares = rules.from_rule(
        config.ratio.model_dump(exclude_none=True),
        sizes=sizes,
        means=means,
        kinds=run.kinds(),
        scale=1.0 if config.scorer is None else 5.0,
    )
    keep = rules.kept(sizes, shares)
    files_of = {source: folder / f"{source}.parquet" for source in found}
    names = list(found)

    def rank_source(number: int) -> None:
        source = names[number]
        context.say(f"{INDENT}{source}: {keep[source]:,} of {sizes[source]:,} rows")
        order = rank(context, _notes(folder, source, number), found[source], keep[source], needs)
        _write(files_of[source], found[source].row_ids, order)

    executor = executors.current()
    if config.select.scope == "pool":
        whole = Shard(tuple(files_of.values()), sum(sizes.values()))
        total = sum(keep.values())
        executor.run([whole], lambda _: _rank_pool(context, folder, found, total, needs), what="selection")
    else:
        executor.run(
            [Shard((files_of[source],), sizes[source]) for source in names], rank_source, what="selection"
        )
    executor.gather()
    if config.select.scope == "pool":
        keep = {source: pq.read_metadata(path).num_rows for source, path in files_of.items()}
        shares = {source: keep[source] / sizes[source] for source in found}
    if executor.leads:
        files.write_json(folder / RATIOS, {"ratios": shares, "means": means, "sizes": sizes, "kept": keep})
        files.remove(folder / CHECKPOINTS)
    total = sum(len(choice.row_ids) for choice in found.values())
    told = about(config.select.strategy)
    details = {
        "strategy": {"name": told.name, "phrase": told.phrase},
        "ratios": shares,
        "means": means,
        "kept": keep,
    }
    return Outcome(total, sum(keep.values()), left_out, details, (told.citation,))


def _notes(folder: Path, name: str, number: int) -> Path:
    """Where a started selection is kept; a rank that helps with another's has its own, which it removes."""
    helps = number % distributed.world_size() != distributed.rank()
    return folder / CHECKPOINTS / (f"{name}.{distributed.rank()}" if helps else name)


@dataclass(frozen=True)
class Order:
    """Rows in rank order: their indices, gains at each pick (NaN without), and whether they started."""

    rows: NDArray[np.int64]
    gains: NDArray[np.float32]
    start: NDArray[np.bool_]


def rank(context: Context, checkpoints: Path, choice: Choices, keep: int, needs: Needs) -> Order:
    """The rows that the mixture may take, in rank order.

    The picks come first, then the start pool in the order drawn, where the strategy has one. Where all rows
    are kept, only the largest subset needs an order: the rows between are ranked as they stand in the pool.
    """
    from hf_qads.selection import select

    settings = context.config.select
    size = len(choice.rows)
    start = min(settings.start, max(1, size // 10)) if needs.start else 0
    need = keep if keep < size else math.ceil(max(context.config.subsets, default=0.0) * size)
    if choice.vectors is None and needs.vectors:
        raise SelectionError("a source has no vectors. Run the stage `vectors` first.")
    picked = select(
        choice.vectors,
        choice.scores,
        size=min(need, size - start),
        strategy=settings.strategy,
        start=settings.start if needs.start else [],
        metric=settings.metric,
        seed=context.config.seed,
        device=context.config.device,
        columns=choice.columns,
        features=choice.features,
        target_features={name: features.of_anchors(context.run, name) for name in needs.targets},
        options=settings.options or None,
        candidates=choice.rows,
        checkpoint_dir=checkpoints,
        coverage=False,
    )
    order, drawn = np.asarray(picked.order), np.asarray(picked.start)
    rest = np.setdiff1d(choice.rows, np.concatenate([order, drawn])) if keep == size else order[:0]
    ranked = np.concatenate([order, rest, drawn])[:keep]
    gains = np.full(len(ranked), np.nan, dtype=np.float32)
    gains[: len(order)] = picked.gains
    return Order(ranked, gains, np.isin(ranked, drawn))


def _rank_pool(context: Context, folder: Path, found: Mapping[str, Choices], keep: int, needs: Needs) -> None:
    """Rank all sources together, and write each one's part of the order."""
    size = sum(len(choice.rows) for choice in found.values())
    context.say(f"{INDENT}the whole pool: {keep:,} of {size:,} rows")
    checkpoints = _notes(folder, "pool", 0)
    order = rank(context, checkpoints, together(list(found.values()), checkpoints / "stacked"), keep, needs)
    offset = 0
    for source, choice in found.items():
        own = np.flatnonzero((order.rows >= offset) & (order.rows < offset + len(choice.scores)))
        part = Order(order.rows[own] - offset, order.gains[own], order.start[own])
        _write(folder / f"{source}.parquet", choice.row_ids, part, own)
        offset += len(choice.scores)


def _write(
    path: Path, row_ids: pa.ChunkedArray, order: Order, places: NDArray[np.int64] | None = None
) -> None:
    """Write `row_id`, `qads_rank`, `qads_gain` and `start`; and `place` where sources are ranked together."""
    columns = {
        schema.ROW_ID: row_ids.take(pa.array(order.rows)),
        schema.RANK: pa.array(np.arange(len(order.rows)), pa.int32()),
        schema.GAIN: pa.array(order.gains, pa.float32(), mask=np.isnan(order.gains)),
        "start": pa.array(order.start),
    }
    if places is not None:
        columns[PLACE] = pa.array(places, pa.int32())
    with executors.writing(path) as part:
        pq.write_table(pa.table(columns), part, compression="zstd")


STAGE = Stage(
    "selection",
    1,
    ("pool", "vectors", "scores", "row_scores", "features"),
    _settings,
    _work,
    shared=True,
    passes=one_pass,
)
