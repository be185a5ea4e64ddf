"""The stage `influence`: prompt rows of each source, scored by their one-shot influence on the anchors."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads import references, schema
from hf_qads.config.schema import Config
from hf_qads.pipeline.models import model_key
from hf_qads.pipeline.reading import marks
from hf_qads.pipeline.rows import as_dicts, draw, sizes, take
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage, one_pass
from hf_qads.pipeline.stages.anchors import SET, anchors, check_benchmarks
from hf_qads.runtime import executors, files

if TYPE_CHECKING:
    from hf_qads.scoring.influence.influence import Influence

SCORES = "scores.parquet"


def _settings(config: Config) -> Mapping[str, Any]:
    if config.has_precomputed_scores:
        return {"scores": "precomputed"}
    return {
        "model": model_key(config.model),
        "anchors": config.anchors.model_dump() if config.anchors else None,
        "files": marks(config.anchors.sources) if config.anchors else {},
        "prompts": config.prompts if config.scorer is not None else "all",
        "seed": config.seed,
    }


def _work(context: Context, folder: Path) -> Outcome:
    config = context.config
    if config.anchors is None or config.has_precomputed_scores:
        return Outcome(0, 0, details={"scores": "precomputed"})
    from hf_qads.scoring.influence.influence import influence

    benchmarks = check_benchmarks(config.anchors.sources, allowed=config.anchors.allow_benchmark)
    watched = anchors(context, folder)
    sets = {
        name: as_dicts(watched.filter(pa.compute.equal(watched[SET], name)))
        for name in dict.fromkeys(watched[SET].to_pylist())
    }
    drawn = {source: _prompts(context, source, size) for source, size in sizes(context.run).items()}
    prompts = pa.concat_tables(drawn.values())
    model, tokenizer = context.base
    result = influence(
        model,
        tokenizer,
        as_dicts(prompts),
        sets,
        template=config.model.template,
        folder=folder / "shards",
        device=model.device,
        batch_tokens=config.batch_tokens,
    )
    left_out: LeftOut = {}
    for index, reason in enumerate(result.reasons):
        if reason is not None:
            gone = left_out.setdefault(prompts[schema.SOURCE][index].as_py(), {})
            gone[reason] = gone.get(reason, 0) + 1
    if executors.current().leads:
        _write(folder, prompts, result)
    scored = int(np.isfinite(result.win_rate).sum())
    details = {
        "anchors": {name: len(rows) for name, rows in sets.items()},
        "benchmarks_as_anchors": benchmarks,
        "pairs_not_scored": dict(result.left_out),
        "prompts": {source: len(table) for source, table in drawn.items()},
    }
    return Outcome(len(prompts), scored, left_out, details, (references.QADS,))


def _prompts(context: Context, source: str, size: int) -> pa.Table:
    count = context.config.prompts_of(source) if context.config.scorer is not None else size
    rows = draw(size, count, seed=context.config.seed, source=source, purpose="prompts")
    return take(context.run, source, rows)


def _write(folder: Path, prompts: pa.Table, result: "Influence") -> None:
    """Scores as a table, and every pair's log-probability as arrays."""
    columns = {name: prompts[name] for name in (schema.ROW_ID, schema.SOURCE, schema.KIND)}
    for name, values in result.columns().items():
        columns[name] = pa.array(
            values, schema.COLUMNS[name].type if name in schema.COLUMNS else pa.float32()
        )
    with files.atomic_path(folder / "one_shot.npy") as temporary, temporary.open("wb") as stream:
        np.save(stream, result.one_shot)
    with files.atomic_path(folder / "zero_shot.npy") as temporary, temporary.open("wb") as stream:
        np.save(stream, result.zero_shot)
    with files.atomic_path(folder / SCORES) as temporary:
        pq.write_table(pa.table(columns), temporary, compression="zstd")


STAGE = Stage(
    "influence", 1, ("pool", "experience", "vectors"), _settings, _work, shared=True, passes=one_pass
)
