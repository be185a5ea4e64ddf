"""Stage 7: the order in which the rows of each source are picked, as far as the mixture needs it."""

import math
from collections.abc import Mapping
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
from hf_qads.pipeline.log_forwarding import INDENT
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import files
from hf_qads.statistics.coverage import finite_rows

RATIOS = "ratios.json"
CHECKPOINTS = ".checkpoints"  # of a long selection, to go on from after a kill
NO_SCORE = "no score"
NO_VECTOR = "no vector"


@dataclass(frozen=True)
class Choices:
    """What selection may choose from in one source.

    Attributes:
        row_ids: ids of the pool's rows, in pool order.
        rows: indices of the rows with a finite score and vector.
        scores: scores of those rows, (len(rows),).
        mean: mean score of the rows that have one.
        left_out: how many rows have none, by reason.
    """

    row_ids: pa.ChunkedArray
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    mean: float
    left_out: dict[str, int]


def choices(run: RunFolder, source: str, *, column: str) -> Choices:
    """Rows of a source that selection may choose from, by the score in `column`."""
    table = run.table(source, [schema.ROW_ID, column])
    scores = table[column].to_numpy().astype(np.float32)
    vectors = run.vectors(source)
    scored = np.isfinite(scores)
    placed = np.ones(len(scores), bool) if vectors is None else finite_rows(vectors)
    left_out = {NO_SCORE: int((~scored).sum()), NO_VECTOR: int((scored & ~placed).sum())}
    rows = np.flatnonzero(scored & placed)
    left_out = {reason: count for reason, count in left_out.items() if count}
    mean = float(scores[scored].mean(dtype=np.float64)) if scored.any() else math.nan
    return Choices(table[schema.ROW_ID], rows, scores[rows], mean, left_out)


def _settings(config: Config) -> Mapping[str, Any]:
    return {
        "select": config.select.model_dump(),
        "ratio": config.ratio.model_dump(exclude_none=True),
        "subsets": config.subsets,
        "seed": config.seed,
    }


def _work(context: Context, folder: Path) -> Outcome:
    from hf_qads.mixing import ratios as rules
    from hf_qads.selection.registry import about

    config, run = context.config, context.run
    column = run.score_column() or schema.SCORE
    found = {source: choices(run, source, column=column) for source in run.sources()}
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
    for source, choice in found.items():
        path = folder / f"{source}.parquet"
        if path.exists():
            continue
        context.say(f"{INDENT}{source}: {keep[source]:,} of {sizes[source]:,} rows")
        table = _rank(context, folder, source, choice, keep[source])
        with files.atomic_path(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")
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


def _rank(context: Context, folder: Path, source: str, choice: Choices, keep: int) -> pa.Table:
    """`row_id`, `qads_rank`, `qads_gain` and `start` of the rows that the mixture may take, in rank order.

    The picks come first, then the start pool in the order drawn. Where a source is kept whole, only its
    largest subset needs an order: the rows between are ranked as they stand in the pool.
    """
    from hf_qads.selection import select

    settings = context.config.select
    size = len(choice.rows)
    start = min(settings.start, max(1, size // 10))
    need = keep if keep < size else math.ceil(max(context.config.subsets, default=0.0) * size)
    picks = min(need, size - start)
    vectors = context.run.vectors(source)
    if vectors is None:
        raise SelectionError(f"source {source!r} has no vectors. Run the stage `vectors` first.")
    picked = select(
        vectors
        if len(vectors) == size
        else _only(vectors, choice.rows, folder / CHECKPOINTS / f"{source}.npy"),
        choice.scores,
        size=picks,
        strategy=settings.strategy,
        start=start,
        metric=settings.metric,
        seed=context.config.seed,
        device=context.config.device,
        options=settings.options or None,
        checkpoint_dir=folder / CHECKPOINTS / source,
        coverage=False,
    )
    order = np.asarray(picked.order, dtype=np.int64)
    drawn = np.asarray(picked.start, dtype=np.int64)
    rest = np.setdiff1d(np.arange(size), np.concatenate([order, drawn])) if keep == size else order[:0]
    ranked = np.concatenate([order, rest, drawn])[:keep]
    gains = np.full(len(ranked), np.nan, dtype=np.float32)
    gains[: len(order)] = picked.gains
    return pa.table(
        {
            schema.ROW_ID: choice.row_ids.take(pa.array(choice.rows[ranked])),
            schema.RANK: pa.array(np.arange(len(ranked)), pa.int32()),
            schema.GAIN: pa.array(gains, pa.float32(), mask=np.isnan(gains)),
            "start": pa.array(np.isin(ranked, drawn)),
        }
    )


def _only(vectors: NDArray[Any], rows: NDArray[np.int64], path: Path, block: int = 65536) -> NDArray[Any]:
    """The vectors of some rows as a memmap of their own, since selection takes no rows without a vector."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (len(rows), vectors.shape[1])
    copy = np.lib.format.open_memmap(path, mode="w+", dtype=vectors.dtype, shape=shape)
    for start in range(0, len(rows), block):
        copy[start : start + block] = vectors[rows[start : start + block]]
    copy.flush()
    return copy


STAGE = Stage("selection", 1, ("pool", "vectors", "scores"), _settings, _work)
