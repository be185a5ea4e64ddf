"""The stage `vectors`: an embedding for every row of the pool."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hf_qads.config.schema import Config
from hf_qads.pipeline import precomputed
from hf_qads.pipeline.models import model_key
from hf_qads.pipeline.rows import sizes
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage, one_pass
from hf_qads.runtime import executors


def _settings(config: Config) -> Mapping[str, Any]:
    if config.vectors == "precomputed":
        return {"vectors": "precomputed"}
    return {"model": model_key(config.model)}


def _work(context: Context, folder: Path) -> Outcome:
    from hf_qads.embedding.encoder import Encoder
    from hf_qads.embedding.folders import FolderEncoding

    if context.config.vectors == "precomputed":
        return _precomputed(context, folder)
    left_out: LeftOut = {}
    counts = sizes(context.run)

    @cache
    def encoder() -> Encoder:
        config = context.config
        return Encoder(*context.encoder, template=config.model.template, batch_tokens=config.batch_tokens)

    works = {source: FolderEncoding(context.run.rows_folder(source), folder / source) for source in counts}
    for work in works.values():
        work.run(encoder)
    executors.current().gather()
    shape: tuple[int, ...] = (0, 0)
    for source, work in works.items():
        vectors = work.finish()
        shape = vectors.array.shape
        for reason in vectors.reasons.values():
            gone = left_out.setdefault(source, {})
            gone[reason] = gone.get(reason, 0) + 1
    total = sum(counts.values())
    without = sum(count for reasons in left_out.values() for count in reasons.values())
    return Outcome(total, total - without, left_out, {"dimensions": shape[1]})


def _precomputed(context: Context, folder: Path) -> Outcome:
    """The vectors that the rows brought."""
    counts = sizes(context.run)
    left_out: LeftOut = {}
    executor = executors.current()
    if executor.leads:
        for source in counts:
            if not (folder / source).exists():
                gone = precomputed.vectors(context.run, source, folder / source)
                if gone:
                    left_out[source] = gone
    executor.gather()
    without = sum(count for reasons in left_out.values() for count in reasons.values())
    return Outcome(sum(counts.values()), sum(counts.values()) - without, left_out, {"vectors": "precomputed"})


STAGE = Stage("vectors", 1, ("pool", "experience"), _settings, _work, shared=True, passes=one_pass)
