"""The stage `row_scores`: further scores of every row (IFD, perplexity, ...) by the base model, as shards."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hf_qads.config.schema import Config
from hf_qads.pipeline.models import model_key
from hf_qads.pipeline.rows import sizes
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage, one_pass
from hf_qads.runtime import executors


def _settings(config: Config) -> Mapping[str, Any]:
    return {
        "scores": {score.name: score.options for score in config.scores},
        "model": model_key(config.model),
    }


def _work(context: Context, folder: Path) -> Outcome:
    from hf_qads.scoring.scores.folders import FolderScores
    from hf_qads.scoring.scores.registry import about

    config, run = context.config, context.run
    scores = {score.name: score.options for score in config.scores}
    known = [about(name, options) for name, options in scores.items()]
    model, tokenizer = context.base if any(one.model for one in known) else (None, None)
    counts, left_out = sizes(run), LeftOut()
    works = {
        source: FolderScores(
            scores,
            run.rows_folder(source),
            folder / f"{source}.parquet",
            model=model,
            tokenizer=tokenizer,
            template=config.model.template,
            vectors=run.vectors(source) if any(one.vectors for one in known) else None,
            device=config.device,
            batch_tokens=config.batch_tokens,
        )
        for source in counts
        if counts[source] and not (folder / f"{source}.parquet").exists()
    }
    for work in works.values():
        work.run()
    executors.current().gather()
    for source, work in works.items():
        if gone := work.finish():
            left_out[source] = gone
    total = sum(counts.values())
    return Outcome(
        total,
        total,
        left_out,
        {"scores": scores},
        citations=tuple(one.citation for one in known if one.citation),
    )


STAGE = Stage(
    "row_scores",
    1,
    ("pool", "vectors"),
    _settings,
    _work,
    shared=True,
    passes=one_pass,
    when=lambda config: bool(config.scores),
)
