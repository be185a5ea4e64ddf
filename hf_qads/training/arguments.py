"""Training arguments (batch size, precision, device, logging) of every training run, in one place.

The pre-experienced model and the policy hand the result to TRL's `SFTTrainer`, the scorer to
transformers' `Trainer`; what differs between them is only the class.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from hf_qads.errors import TrainingError
from hf_qads.runtime.devices import pick_device
from hf_qads.runtime.distributed import world_size
from hf_qads.runtime.sharded_training import launched_by_deepspeed

A = TypeVar("A")
DEVICE_TOKENS = 4096  # most tokens per device and pass: of 135 M parameters about 10 GB of activations
CPU_VALUES = 10**7  # most tokens x width x layers of a usual pass on a CPU, whose caches hold no more
AUTOCAST = ("auto", "none", "bfloat16")


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train; the defaults are the paper's S_base setting.

    Attributes:
        epochs: passes over the rows, > 0; fractions are allowed.
        learning_rate: the peak, > 0.
        global_batch: rows per optimizer step, over all processes and accumulation steps.
        warmup: share of the steps in [0, 1) over which the rate rises from zero.
        scheduler: a scheduler name of transformers, such as `cosine`, `linear` or `constant`.
        max_steps: optimizer steps, which then overrule `epochs`; -1 leaves it to `epochs`.

    Source: section 4, Training Details.
    """

    epochs: float = 3.0
    learning_rate: float = 2e-5
    global_batch: int = 128
    warmup: float = 0.03
    scheduler: str = "cosine"
    max_steps: int = -1

    def __post_init__(self) -> None:
        if self.epochs <= 0 or self.learning_rate <= 0 or self.global_batch < 1:
            raise TrainingError(
                "A schedule needs epochs > 0, learning_rate > 0 and global_batch >= 1, but got "
                f"{self.epochs}, {self.learning_rate} and {self.global_batch}. Change the one that is off."
            )
        if not 0 <= self.warmup < 1:
            raise TrainingError(f"warmup={self.warmup} is no share of the steps. Give 0 <= warmup < 1.")
        if self.max_steps != -1 and self.max_steps < 1:
            raise TrainingError(f"max_steps={self.max_steps} trains nothing. Give 1 or more, or -1.")


def split_batch(global_batch: int, device_batch: int, workers: int) -> tuple[int, int]:
    """Rows per device and accumulation steps whose product with `workers` is exactly `global_batch`.

    The rows per device are the largest number up to `device_batch` that divides evenly.

    Raises:
        TrainingError: `global_batch` is no multiple of `workers`, or `device_batch` is below 1.
    """
    if device_batch < 1:
        raise TrainingError(f"device_batch={device_batch} holds no row. Give at least 1.")
    share, rest = divmod(global_batch, workers)
    if rest or not share:
        raise TrainingError(
            f"A global batch of {global_batch} rows cannot be shared by {workers} processes. "
            f"Use a multiple of {workers}, or another number of processes."
        )
    rows = next(rows for rows in range(min(device_batch, share), 0, -1) if share % rows == 0)
    return rows, share // rows


def fit_device_batch(arguments: Any, config: Any, *, longest: int, mean: float) -> None:
    """Take fewer rows per pass and accumulate more, for memory's sake and on a CPU for speed.

    Args:
        arguments: of a training run; the rows per optimizer step stay what they are.
        config: the model's.
        longest: tokens of the longest row. A pass holds at most 4,096 tokens, or one row.
        mean: tokens of a row on average. On a CPU a pass over rows of this length fits the caches: with a
            model of 135 million parameters 576 tokens, in which training is twice as quick as in 2,000.
    """
    rows, steps = arguments.per_device_train_batch_size, arguments.gradient_accumulation_steps
    fitting = DEVICE_TOKENS / longest
    if arguments.device.type == "cpu":
        text = config.get_text_config()
        fitting = min(fitting, CPU_VALUES / (mean * text.hidden_size * text.num_hidden_layers))
    if fitting < rows:
        rows, steps = split_batch(rows * steps, max(1, int(fitting)), 1)
        arguments.per_device_train_batch_size = arguments.per_device_eval_batch_size = rows
        arguments.gradient_accumulation_steps = steps


def device_arguments(device: str | None = None) -> dict[str, Any]:
    """The arguments that follow from the device: `use_cpu`, `bf16`, activation checkpointing, the backend.

    Args:
        device: see `pick_device`.

    Raises:
        DeviceError: it is not there.
    """
    import torch

    kind = pick_device(device).type
    # With use_cpu DeepSpeed does not start, and without a backend each of its processes takes itself for all.
    shared = kind == "cpu" and launched_by_deepspeed()
    # Without an explicit False, SFTConfig turns bf16 on and refuses to start on a CPU.
    return {
        "use_cpu": kind == "cpu" and not shared,
        **({"ddp_backend": "gloo"} if shared else {}),
        "bf16": kind == "cuda" and torch.cuda.is_bf16_supported(),
        "activation_checkpointing": kind == "cuda",
    }


def shared_arguments(
    *,
    schedule: Schedule,
    device_batch: int = 8,
    seed: int = 0,
    device: str | None = None,
    save_steps: int | float | None = None,
    autocast: str = "auto",
) -> dict[str, Any]:
    """The arguments that every training run of hf_qads has in common, as keywords of `TrainingArguments`.

    See `training_arguments` for the meaning of the arguments.

    Raises:
        TrainingError: the global batch cannot be shared by the processes.
        DeviceError: the device is not there.
    """
    if autocast not in AUTOCAST:
        raise TrainingError(f"autocast={autocast!r} is none of {', '.join(AUTOCAST)}. Use one of these.")
    rows, accumulation = split_batch(schedule.global_batch, device_batch, world_size())
    return {
        **device_arguments(device),
        **({} if autocast == "auto" else {"bf16": autocast == "bfloat16"}),
        "num_train_epochs": schedule.epochs,
        "max_steps": schedule.max_steps,
        "learning_rate": schedule.learning_rate,
        "warmup_steps": schedule.warmup,
        "lr_scheduler_type": schedule.scheduler,
        "per_device_train_batch_size": rows,
        "per_device_eval_batch_size": rows,
        "gradient_accumulation_steps": accumulation,
        "seed": seed,
        "data_seed": seed,
        "save_strategy": "no" if save_steps == 0 else "steps",
        "save_steps": save_steps or 0.25,
        "save_total_limit": 2,
        "logging_steps": 0.01,
        "logging_nan_inf_filter": False,  # a loss that is not a number must show
        "report_to": "none",
    }


def training_arguments(
    cls: type[A],
    folder: Path | str,
    *,
    schedule: Schedule,
    device_batch: int = 8,
    seed: int = 0,
    device: str | None = None,
    save_steps: int | float | None = None,
    autocast: str = "auto",
) -> A:
    """Training arguments that hold the global batch whatever the number of processes.

    Args:
        cls: `transformers.TrainingArguments`, `trl.SFTConfig` or a subclass.
        folder: where checkpoints go.
        schedule: how long and how fast.
        device_batch: most rows per device and pass; the rest of the global batch is accumulated.
        seed: of the row order and of new weights.
        device: such as `cpu` or `cuda:1`, see `pick_device`; under a launcher each process has its own GPU.
        save_steps: steps between checkpoints, or a share of the run below 1; None is a quarter of the run, 0
            saves none. The two newest are kept, so that one cut off in writing never costs the run.
        autocast: `bfloat16` computes in it, `none` does not; `auto` does on GPUs that have it.

    Returns:
        An instance of `cls`, without a tracker.

    Raises:
        TrainingError: the global batch cannot be shared by the processes.
        DeviceError: the device is not there.

    Source: section 4, Training Details (AdamW, cosine, 3 % warm-up, global batch 128).
    """
    shared = shared_arguments(
        schedule=schedule,
        device_batch=device_batch,
        seed=seed,
        device=device,
        save_steps=save_steps,
        autocast=autocast,
    )
    make: Any = cls
    return cast(A, place(make(output_dir=str(folder), **shared), device))


def place(arguments: A, device: str | None) -> A:
    """Put the training of a single process on the device that was asked for, and on no other.

    transformers would take the first GPU, and with several in sight wrap the model in DataParallel, which
    multiplies the batch.
    """
    known: Any = arguments
    if world_size() == 1:
        chosen = pick_device(device)
        known.distributed_state.device = chosen  # of which every accelerator takes its device
        known.__dict__["_setup_devices"] = chosen
        known._n_gpu = int(chosen.type == "cuda")
        if chosen.type == "cuda":
            import torch

            torch.cuda.set_device(chosen)
    return arguments
