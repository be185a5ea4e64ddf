"""Stage 2: the pre-experienced model: the base after a short fine-tune on a random share of the pool."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hf_qads.config.schema import Config
from hf_qads.pipeline.models import load, model_key
from hf_qads.pipeline.rows import as_dicts, draw, sizes, take
from hf_qads.pipeline.stage import Context, Outcome, Stage

MODEL = "model"  # its folder within the stage's


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
    from trl import SFTConfig

    from hf_qads.training.arguments import Schedule, training_arguments
    from hf_qads.training.experience import train_experience

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
    schedule = Schedule(
        epochs=experience.epochs,
        learning_rate=experience.learning_rate,
        global_batch=experience.global_batch,
    )
    # A model of its own: training changes the weights in place, and influence needs the base model's.
    model, tokenizer = load(context.config.model, device=context.config.device)
    arguments = training_arguments(
        SFTConfig, folder, schedule=schedule, seed=seed, device=context.config.device
    )
    # Rows of like length share a batch: little is padded, which is most of the time on a CPU.
    arguments.train_sampling_strategy = "group_by_length"
    train_experience(
        model,
        tokenizer,
        rows,
        folder=folder / MODEL,
        arguments=arguments,
        template=context.config.model.template,
    )
    return Outcome(total, len(rows), details={"model": "pre-experienced", "rows": len(rows)})


STAGE = Stage("experience", 1, ("pool",), _settings, _work, shared=True)
