"""Stage 3: a vector for every row of the pool."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_qads.config.schema import Config, Model
from hf_qads.pipeline import precomputed
from hf_qads.pipeline.models import load, model_key
from hf_qads.pipeline.rows import sizes
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage
from hf_qads.pipeline.stages.experience import MODEL
from hf_qads.runtime import distributed

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def encoder(context: Context) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """The model that makes vectors: the pre-experienced one, or the base where the run has none."""
    if context.config.experience is None or context.config.vectors == "precomputed":
        return context.base
    path = context.run.folder("experience") / MODEL
    own = {"path": os.fspath(path), "revision": None, "gguf_file": None}
    model: Model = context.config.model.model_copy(update=own)
    return load(model, device=context.config.device)


def _settings(config: Config) -> Mapping[str, Any]:
    if config.vectors == "precomputed":
        return {"vectors": "precomputed"}
    return {"model": model_key(config.model)}


def _work(context: Context, folder: Path) -> Outcome:
    from hf_qads.embedding.folders import embed_folder

    if context.config.vectors == "precomputed":
        return _given(context, folder)
    model, tokenizer = encoder(context)
    left_out: LeftOut = {}
    counts = sizes(context.run)
    shape: tuple[int, ...] = (0, 0)
    for source in counts:
        vectors = embed_folder(
            model,
            tokenizer,
            context.run.rows_folder(source),
            folder / source,
            template=context.config.model.template,
            device=model.device,
            batch_tokens=context.config.batch_tokens,
        )
        shape = vectors.array.shape
        for reason in vectors.reasons.values():
            gone = left_out.setdefault(source, {})
            gone[reason] = gone.get(reason, 0) + 1
    total = sum(counts.values())
    without = sum(count for reasons in left_out.values() for count in reasons.values())
    return Outcome(total, total - without, left_out, {"dimensions": shape[1]})


def _given(context: Context, folder: Path) -> Outcome:
    """The vectors that the rows brought."""
    counts = sizes(context.run)
    left_out: LeftOut = {}
    if distributed.rank() == 0:
        for source in counts:
            if not (folder / source).exists():
                gone = precomputed.vectors(context.run, source, folder / source)
                if gone:
                    left_out[source] = gone
    without = sum(count for reasons in left_out.values() for count in reasons.values())
    return Outcome(sum(counts.values()), sum(counts.values()) - without, left_out, {"vectors": "precomputed"})


STAGE = Stage("vectors", 1, ("pool", "experience"), _settings, _work, shared=True)
