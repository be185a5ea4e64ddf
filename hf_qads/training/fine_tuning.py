"""Fine-tune a causal language model on rows (SFT), with loss on the answers, through kills."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_qads.errors import TrainingError
from hf_qads.rows.rendering import template_of
from hf_qads.runtime import distributed, files
from hf_qads.runtime.models import fingerprint, load_model, public_name, weights_digest
from hf_qads.runtime.sharded_training import fsdp_on_cpu
from hf_qads.runtime.trainer import FACTS, check_claim, is_finished, put_model, train_resumable
from hf_qads.training.arguments import Schedule, fit_device_batch, training_arguments
from hf_qads.training.facts import identity, training_facts
from hf_qads.training.rows import training_rows
from hf_qads.training.tracking import usual_attention

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

CONTEXT = 1024  # tokens of a row, where neither caller nor model set a lower limit


def fine_tune(
    model: Any,
    rows: "Sequence[Mapping[str, Any]] | Dataset",
    *,
    folder: Path | str,
    tokenizer: Any = None,
    revision: str | None = None,
    template: str = "plain",
    columns: Mapping[str, str] | None = None,
    tokens: int | None = None,
    max_length: int | None = None,
    epochs: float = 3.0,
    max_steps: int = -1,
    learning_rate: float = 2e-5,
    global_batch: int = 128,
    device_batch: int = 8,
    warmup: float = 0.03,
    scheduler: str = "cosine",
    by_length: bool = False,
    dtype: str = "float32",
    autocast: str = "auto",
    device: str | None = None,
    lora: Any = None,
    seed: int = 0,
    save_steps: int | float | None = None,
    arguments: Any = None,
    attention: str | None = None,
    trust_remote_code: bool = False,
    source: Mapping[str, Any] | None = None,
    title: str = "training",
    say: Callable[[str], None] = logger.info,
    keep_checkpoints: bool = False,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Fine-tune a model on rows, with loss on the answers only, and save it as a whole folder.

    Checkpoints lie in `.NAME.training` beside the folder while training runs and are gone afterwards; a
    start after a kill goes on from the newest whole one. A finished model of the same base, rows and
    arguments is kept as it is. Under torchrun or accelerate every rank calls this.

    Args:
        model: `embedded`, a folder, a Hub id, or a causal language model of transformers, whose weights are
            changed.
        rows: what to train on, in this order where `tokens` cuts: dicts or a Dataset with any of the usual
            column pairs.
        folder: where the model appears, whole or not at all, with its tokenizer and `training.json`.
        tokenizer: the model's fast tokenizer; None loads it with the model.
        revision: of a Hub model.
        template: how rows are rendered; a model's own template holds where this is left at `plain`.
        columns: mapping of `question`, `answer`, ... to the rows' own column names.
        tokens: most tokens to train on in an epoch, questions included: rows are taken in order until the
            next one would pass it; the others are counted as left out. None takes all rows.
        max_length: most tokens of a row; None is 1,024, or the model's context where that is shorter. A
            longer answer loses its end, and is counted.
        epochs: passes over the rows, > 0.
        max_steps: optimizer steps, which then overrule `epochs`; -1 leaves it to `epochs`.
        learning_rate: the peak, > 0.
        global_batch: rows per optimizer step, over all processes and accumulation steps.
        device_batch: most rows per device and pass; fewer where rows are long, see `fit_device_batch`.
        warmup: share of the steps in [0, 1) over which the rate rises from zero.
        scheduler: a scheduler name of transformers.
        by_length: put rows of like length into a batch, so that little is padded.
        dtype: of the weights in training: `float32`, `bfloat16` or `float16`; `auto` is float32.
        autocast: `bfloat16` computes in it and keeps the weights' dtype, `none` does not; `auto` does on
            GPUs that have it.
        device: such as `cpu` or `cuda:1`, see `pick_device`.
        lora: a `peft.LoraConfig`: an adapter is trained and saved instead of the weights.
        seed: of the row order and of new weights.
        save_steps: steps between checkpoints, or a share of the run below 1; None is a quarter, 0 saves none.
        arguments: a TRL `SFTConfig` that holds instead of everything from `max_length` to `save_steps` but
            `dtype` and `lora`; its `output_dir` is where checkpoints go, and may be `folder`.
        attention: an `attn_implementation` of transformers; None is FlashAttention-2 on a GPU where its
            package is installed, else PyTorch's own.
        trust_remote_code: run code from the model's repository.
        source: where the rows came from, for the model's card.
        title: what stands before the progress bar.
        say: is told what is trained on, or that the model is there already.
        keep_checkpoints: leave the checkpoints of a finished run.
        overwrite: train anew where another run's model or checkpoints are, instead of refusing.

    Returns:
        what `training.json` holds: base model, data, arguments, rows, tokens, left out, steps, loss and loss
        curve, seconds, versions.

    Raises:
        TrainingError: there is no row to train on, the folder cannot be written or holds another run's
            model, or the loss stopped being a number.
        ModelError: the model cannot be loaded.

    Cost: 6 operations per parameter and token; 16 bytes per parameter in float32 with AdamW.

    Source: section 3.1 (the pre-experienced model) and section 4, Training Details.
    """
    from trl import SFTConfig, SFTTrainer

    folder = Path(folder)
    ours = arguments is None
    if ours:
        schedule = Schedule(epochs, learning_rate, global_batch, warmup, scheduler, max_steps)
        arguments = training_arguments(
            SFTConfig,
            folder.with_name(f".{folder.name}.training"),
            schedule=schedule,
            device_batch=device_batch,
            seed=seed,
            device=device,
            save_steps=save_steps,
            autocast=autocast,
        )
        arguments.max_length = max_length or CONTEXT
        if by_length:
            arguments.train_sampling_strategy = "group_by_length"
    if distributed.rank() == 0 and not (folder / FACTS).exists():
        files.check_writable(folder, TrainingError)
    name, weights, model, tokenizer = _loaded(
        model,
        tokenizer,
        revision=revision,
        dtype=dtype,
        attention=attention or usual_attention(arguments.device),
        trust_remote_code=trust_remote_code,
    )
    _end_with(tokenizer, arguments.eos_token)
    template = template_of(model, template)
    context = getattr(model.config, "max_position_embeddings", None) or arguments.max_length
    arguments.max_length = min(arguments.max_length or context, context)
    with _first(arguments):
        data = training_rows(
            rows,
            tokenizer,
            template=template,
            max_length=arguments.max_length,
            columns=columns,
            tokens=tokens,
            answers_only=arguments.completion_only_loss is not False,
            num_proc=arguments.dataset_num_proc,
        )
    if ours:
        fit_device_batch(arguments, model.config, longest=data.longest, mean=data.tokens / len(data.data))
    who = identity(
        name, weights, data, arguments, template=template, dtype=str(model.dtype).split(".")[-1], lora=lora
    )
    say(f"Training rows: {data}")
    if is_finished(folder, who):
        say(f"{folder} holds this very model already.")
        return dict(files.read_json(folder / FACTS))
    if distributed.rank() == 0:
        check_claim(folder, who, discard=overwrite)

    class Trainer(SFTTrainer):  # type: ignore[misc]
        def create_model_card(self, *_: Any, **__: Any) -> None:
            """None: TRL's card knows nothing of the data."""

        def create_accelerator_and_postprocess(self) -> None:
            super().create_accelerator_and_postprocess()
            self.is_fsdp_enabled |= fsdp_on_cpu(self.accelerator)

    trainer = Trainer(model, arguments, train_dataset=data.data, processing_class=tokenizer, peft_config=lora)
    facts = training_facts(who, data, trainer.model, source=source)
    finished, measured = train_resumable(trainer, who, title=title, discard=overwrite)
    facts |= measured
    put_model(trainer, finished, folder, facts, keep_checkpoints=keep_checkpoints)
    trainer.accelerator.free_memory()
    return facts


def _end_with(tokenizer: Any, token: str | None) -> None:
    if token is None:
        return
    if token not in tokenizer.get_vocab():
        raise TrainingError(f"eos_token={token!r} is not in the tokenizer's vocabulary. Name one that is.")
    tokenizer.eos_token = token


def _loaded(
    model: Any,
    tokenizer: Any,
    *,
    revision: str | None,
    dtype: str,
    attention: str,
    trust_remote_code: bool,
) -> tuple[str, str, Any, Any]:
    """Public name, fingerprint, model and tokenizer of a base model, by its name or as it is."""
    if not isinstance(model, str | Path):
        if tokenizer is None:
            raise TrainingError("A model without its tokenizer cannot be trained. Give tokenizer too.")
        return public_name(model.config.name_or_path), weights_digest(model).hex()[:32], model, tokenizer
    loaded, own = load_model(
        model,
        revision=revision,
        dtype="float32" if dtype == "auto" else dtype,
        device="cpu",
        place=False,
        attention=attention,
        trust_remote_code=trust_remote_code,
    )
    return public_name(model), fingerprint(model, revision=revision), loaded, tokenizer or own


def _first(arguments: Any) -> Any:
    """Let one process fill the cache of tokenised rows before the others read it."""
    many = distributed.world_size() > 1
    return arguments.main_process_first(desc="tokenising") if many else nullcontext()
