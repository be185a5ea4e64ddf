"""The stage `worth`: measures of the selection before training, beside controls of the same size."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.config.schema import Config
from hf_qads.pipeline.stage import Context, Outcome, Stage
from hf_qads.pipeline.stages.selection import CHECKPOINTS, RATIOS, choices, together
from hf_qads.runtime.files import read_json, remove, write_json

TABLE = "worth.json"
CONTROLS = ("random", "quality", "kcenter")
MOST = 200_000  # rows of a source from which on the costly control is left out


def _settings(config: Config) -> Mapping[str, Any]:
    return {"controls": list(CONTROLS)}


def _work(context: Context, folder: Path) -> Outcome:
    from hf_qads.selection import select
    from hf_qads.selection.registry import needs_of
    from hf_qads.selection.worth import CITATION, worth

    run, config = context.run, context.config
    settings = config.select
    kept = read_json(run.folder("selection") / RATIOS)["kept"]
    column = run.score_column() or schema.SCORE
    needs = needs_of(settings.strategy, settings.options)
    parts = {source: choices(run, source, column=column, needs=needs) for source in run.sources()}
    controls = [
        name
        for name in CONTROLS
        if name != settings.strategy
        and (name != "kcenter" or max(len(part.rows) for part in parts.values()) <= MOST)
    ]
    picked: dict[str, list[np.ndarray]] = {settings.strategy: [], **{name: [] for name in controls}}
    offset = 0
    for source, part in parts.items():
        table = pq.read_table(run.folder("selection") / f"{source}.parquet", columns=[schema.ROW_ID])
        own = pc.index_in(table[schema.ROW_ID], part.row_ids).to_numpy()[: kept[source]]
        picked[settings.strategy].append(own + offset)
        for name in controls:
            starts = min(settings.start, max(1, len(part.rows) // 10)) if name == "kcenter" else 0
            made = select(
                part.vectors,
                part.scores,
                size=min(kept[source], len(part.rows) - starts),
                strategy=name,
                start=starts or [],
                metric=settings.metric,
                seed=config.seed,
                device=config.device,
                candidates=part.rows,
                coverage=False,
            )
            order = np.concatenate([made.order, made.start])[: kept[source]]
            picked[name].append(order + offset)
        offset += len(part.scores)
    pool = together(list(parts.values()), folder / CHECKPOINTS)
    chosen = {name: np.concatenate(rows) for name, rows in picked.items()}
    if pool.vectors is None or not len(chosen[settings.strategy]):
        return Outcome(len(pool.rows), 0)
    lines = worth(
        chosen,
        pool.vectors,
        rows=pool.rows,
        scores=pool.scores,
        lengths=np.concatenate([_lengths(run.pool(source, [schema.ANSWER])) for source in parts]),
        sources=pool.columns[schema.SOURCE],
        seed=config.seed,
    )
    plain = [
        {key: None if value != value else value for key, value in asdict(line).items()} for line in lines
    ]
    write_json(folder / TABLE, plain)
    remove(folder / CHECKPOINTS)
    own_line = lines[0]
    details = {"novelsum": own_line.novelsum, "coverage": own_line.coverage, "clusters": own_line.clusters}
    return Outcome(len(pool.rows), own_line.rows, details=details, citations=(CITATION,))


def _lengths(table: pa.Table) -> np.ndarray:
    """Characters of each answer."""
    lengths: np.ndarray = pc.utf8_length(table[schema.ANSWER]).to_numpy()
    return lengths


STAGE = Stage("worth", 1, ("pool", "vectors", "scores", "features", "selection"), _settings, _work)
