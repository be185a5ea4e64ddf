"""The stage `experience`: the base model after a short fine-tune on a random share of the pool."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hf_qads.config.schema import Config
from hf_qads.pipeline.models import EXPERIENCED, load_to_train, model_key
from hf_qads.pipeline.rows import as_dicts, draw, sizes, take
from hf_qads.pipeline.stage import Context, Outcome, Stage


def _settings(config: Config) -> Mapping[str, Any]:
    experience = config.experience
    return {
        "experience": None if experience is None else experience.model_dump(),
        "vectors": config.vectors,
        "model": model_key(config.model),
        "seed": config.seed,
    }


def _work(context: Context, folder: Path) -> Outcome:
    experience = context.config.experience
    counts = sizes(context.run)
    total = sum(counts.values())
    if experience is None or context.config.vectors == "precomputed":
        return Outcome(total, 0, details={"model": "base"})
    from hf_qads.training import fine_tune

    seed = context.config.seed
    rows = [
        row
        for source, size in counts.items()
        for row in as_dicts(
            take(
                context.run,
                source,
                draw(
                    size,
                    max(1, round(experience.share * size)),
                    seed=seed,
                    source=source,
                    purpose="experience",
                ),
            )
        )
    ]
    # Loaded for itself: training changes the weights in place, and influence needs the base model's.
    model, tokenizer = load_to_train(context.config.model, device=context.config.device)
    fine_tune(
        model,
        rows,
        folder=folder / EXPERIENCED,
        tokenizer=tokenizer,
        template=context.config.model.template,
        epochs=experience.epochs,
        learning_rate=experience.learning_rate,
        global_batch=experience.global_batch,
        # Rows of like length share a batch: little is padded, which is most of the time on a CPU.
        by_length=True,
        device=context.config.device,
        seed=seed,
        title="pre-experience",
        overwrite=True,
    )
    return Outcome(total, len(rows), details={"model": "pre-experienced", "rows": len(rows)})


STAGE = Stage("experience", 1, ("pool",), _settings, _work, shared=True)
