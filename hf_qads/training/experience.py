"""The pre-experienced model: the base model after a short fine-tune on a random share of the pool."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_qads.rows.rendering import template_of
from hf_qads.runtime.models import public_name
from hf_qads.runtime.progress import show_steps
from hf_qads.runtime.run_claims import claim, is_finished
from hf_qads.runtime.trainer import fit
from hf_qads.training.facts import identity, training_facts
from hf_qads.training.rows import training_rows

if TYPE_CHECKING:
    from datasets import Dataset
    from trl import SFTConfig

CONTEXT = 1024  # tokens of a row, where neither arguments nor model set a lower limit


def train_experience(
    model: Any,
    tokenizer: Any,
    rows: "Sequence[Mapping[str, Any]] | Dataset",
    *,
    folder: Path | str,
    arguments: "SFTConfig",
    template: str = "plain",
) -> Path:
    """Fine-tune a model on rows, with loss on the answers only, and save it.

    Checkpoints lie in `.NAME.training` beside the folder while training runs and are gone afterwards; a
    start after a kill goes on from the newest whole one. A finished model of the same rows, model and
    arguments is kept as it is.

    Args:
        model: a causal language model of transformers; its weights are changed.
        tokenizer: its fast tokenizer.
        rows: the share of the pool to train on: dicts or a Dataset.
        folder: where the model appears, whole or not at all, with `training.json`.
        arguments: from `training_arguments(SFTConfig, ...)`; its `output_dir` is not used.
        template: how rows are rendered; a model's own template holds where this is left at `plain`.

    Returns:
        `folder`, a transformers folder with model and tokenizer.

    Raises:
        TrainingError: there is no row to train on, or the loss stopped being a number.

    Source: section 3.1, the pre-experienced model.
    """
    from trl import SFTTrainer

    folder = Path(folder)
    arguments = copy.copy(arguments)
    work = folder.with_name(f".{folder.name}.training")
    arguments.output_dir = str(work)
    template = template_of(model, template)
    limits = (arguments.max_length, getattr(model.config, "max_position_embeddings", None), CONTEXT)
    max_length = min(limit for limit in limits if limit)
    tokenised = training_rows(rows, tokenizer, template=template, max_length=max_length)
    arguments.max_length = max_length
    who = identity(public_name(model.config.name_or_path), tokenised, arguments, template=template)
    if is_finished(folder, who):
        return folder
    arguments.packing = False
    if arguments.process_index == 0:
        claim(work, who, discard=True)
    trainer = SFTTrainer(model, arguments, train_dataset=tokenised.data, processing_class=tokenizer)
    show_steps(trainer, "pre-experience")
    return fit(trainer, folder, facts=training_facts(who, tokenised, model))
