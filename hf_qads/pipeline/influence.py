"""Stage 4: prompt rows of each source, scored for real by their one-shot influence on the anchors."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads import files, ranks, schema
from hf_qads.config import Config
from hf_qads.pipeline.anchors import SET, anchors, check_benchmarks
from hf_qads.pipeline.models import fingerprint
from hf_qads.pipeline.pool import marks
from hf_qads.pipeline.rows import as_dicts, draw, sizes, take
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage

if TYPE_CHECKING:
    from hf_qads.scoring.influence import Influence

SCORES = "scores.parquet"


def _settings(config: Config) -> Mapping[str, Any]:
    return {
        "model": fingerprint(config.model),
        "anchors": config.anchors.model_dump(),
        "files": marks(config.anchors.sources),
        "prompts": config.prompts if config.scorer is not None else "all",
        "seed": config.seed,
    }


def _work(context: Context, folder: Path) -> Outcome:
    from hf_qads.scoring.influence import influence

    config = context.config
    benchmarks = check_benchmarks(config.anchors.sources, allowed=config.anchors.allow_benchmark)
    watched = anchors(context, folder)
    sets = {
        name: as_dicts(watched.filter(pa.compute.equal(watched[SET], name)))
        for name in dict.fromkeys(watched[SET].to_pylist())
    }
    prompts = pa.concat_tables(
        [_prompts(context, source, size) for source, size in sizes(context.run).items()]
    )
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
    for index, reason in result.reasons.items():
        gone = left_out.setdefault(prompts[schema.SOURCE][index].as_py(), {})
        gone[reason] = gone.get(reason, 0) + 1
    if ranks.rank() == 0:
        _write(folder, prompts, result)
    scored = int(np.isfinite(result.win_rate).sum())
    details = {
        "anchors": {name: len(rows) for name, rows in sets.items()},
        "benchmarks_as_anchors": benchmarks,
        "prompts": {
            s: n for s, n in zip(*np.unique(prompts[schema.SOURCE], return_counts=True), strict=True)
        },
    }
    return Outcome(len(prompts), scored, left_out, details)


def _prompts(context: Context, source: str, size: int) -> pa.Table:
    count = context.config.prompts if context.config.scorer is not None else size
    rows = draw(size, count, seed=context.config.seed, source=source, purpose="prompts")
    return take(context.run, source, rows)


def _write(folder: Path, prompts: pa.Table, result: "Influence") -> None:
    """Scores as a table, and every pair's log-probability as arrays."""
    reasons = [result.reasons.get(index) for index in range(len(prompts))]
    columns = {
        schema.ROW_ID: prompts[schema.ROW_ID],
        schema.SOURCE: prompts[schema.SOURCE],
        schema.KIND: prompts[schema.KIND],
        schema.INFLUENCE: pa.array(result.win_rate, pa.float32()),
        schema.PAIRS: pa.array(result.pairs, pa.int32()),
        schema.LOW: pa.array(result.low, pa.float32()),
        schema.HIGH: pa.array(result.high, pa.float32()),
        schema.REASON: pa.array(reasons, pa.string()),
    }
    for name, part in result.sets.items():
        columns[f"{schema.INFLUENCE}_{name}"] = pa.array(part.win_rate, pa.float32())
    with files.atomic_path(folder / "one_shot.npy") as temporary, temporary.open("wb") as stream:
        np.save(stream, result.one_shot)
    with files.atomic_path(folder / "zero_shot.npy") as temporary, temporary.open("wb") as stream:
        np.save(stream, result.zero_shot)
    with files.atomic_path(folder / SCORES) as temporary:
        pq.write_table(pa.table(columns), temporary, compression="zstd")


STAGE = Stage("influence", 1, ("pool", "experience"), _settings, _work, shared=True)
