"""What was trained on what, for the model card: the content of `training.json` in the model's folder."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hf_qads.training.rows import TrainingRows

PACKAGES = ("hf_qads", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "deepspeed")
# The arguments that decide what is learnt; the others say where and how fast.
DECISIVE = (
    "num_train_epochs",
    "max_steps",
    "learning_rate",
    "warmup_steps",
    "lr_scheduler_type",
    "weight_decay",
    "optim",
    "seed",
    "bf16",
    "fp16",
    "max_length",
    "packing",
    "packing_strategy",
    "loss_type",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that training rests on, where they are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def identity(model: str, rows: TrainingRows, arguments: Any, *, template: str) -> dict[str, Any]:
    """What must be equal for two training runs to be the same run.

    Args:
        model: the base model: a Hub id, or a folder's name.
        rows: what is trained on.
        arguments: TrainingArguments or SFTConfig.
        template: how the rows are rendered.
    """
    known = arguments.to_dict()
    settings = {name: str(known[name]) for name in DECISIVE if name in known}
    batch = known["per_device_train_batch_size"] * known["gradient_accumulation_steps"] * arguments.world_size
    return {
        "base_model": model,
        "data": rows.fingerprint(),
        "template": template,
        "global_batch": batch,
        **settings,
    }


def training_facts(
    who: Mapping[str, Any], rows: TrainingRows, model: Any, *, source: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The facts of a training run that are known before it starts.

    Args:
        who: `identity` of the run.
        rows: what is trained on.
        model: the model, for its size.
        source: where the rows came from: dataset, subset, strategy, budget, revision.
    """
    parameters = list(model.parameters())
    return {
        **who,
        "source": dict(source or {}),
        "rows": len(rows.data),
        "left_out": rows.left_out,
        "cut": rows.cut,
        "tokens": rows.tokens,
        "answer_tokens": rows.answer_tokens,
        "parameters": sum(_size(parameter) for parameter in parameters),
        "trained_parameters": sum(_size(parameter) for parameter in parameters if parameter.requires_grad),
        "versions": versions(),
        "device": device_name(model),
    }


def _size(parameter: Any) -> int:
    # ZeRO-3 leaves an empty tensor on each rank and keeps the real size beside it.
    return int(getattr(parameter, "ds_numel", parameter.numel()))


def device_name(model: Any) -> str:
    """The name of the device that a model's first parameter lies on."""
    import torch

    device = next(model.parameters()).device
    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else device.type
