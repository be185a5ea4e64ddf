"""What was trained on what, for the model card: the content of `training.json` in the model's folder."""

import platform
from collections.abc import Mapping
from typing import Any

from hf_qads.runtime.trainer import decisive
from hf_qads.training.rows import TrainingRows
from hf_qads.versions import versions

PACKAGES = ("hf_qads", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "deepspeed")
# Of all that decides what is learnt, what a reader of a card looks for.
SHOWN = (
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


def identity(
    model: str,
    weights: str,
    rows: TrainingRows,
    arguments: Any,
    *,
    template: str,
    dtype: str,
    lora: Any = None,
) -> dict[str, Any]:
    """What must be equal for two training runs to be the same run.

    Args:
        model: the base model: a Hub id, or a folder's name.
        weights: the fingerprint of its weights.
        rows: what is trained on.
        arguments: TrainingArguments or SFTConfig, of which all that can change the weights is taken.
        template: how the rows are rendered.
        dtype: of the weights in training.
        lora: a `peft.LoraConfig`, or None.
    """
    settings = decisive(arguments)
    return {
        "base_model": model,
        "base_weights": weights,
        "data": rows.fingerprint(),
        "template": template,
        "dtype": dtype,
        "global_batch": settings.pop("global_batch"),
        **{name: str(settings[name]) for name in SHOWN if name in settings},
        "arguments": {name: value for name, value in settings.items() if name not in SHOWN},
        "lora": None if lora is None else _plain(lora.to_dict()),
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
        "versions": {"python": platform.python_version(), **versions(*PACKAGES)},
        "device": device_name(model),
    }


def _size(parameter: Any) -> int:
    # ZeRO-3 leaves an empty tensor on each rank and keeps the real size beside it.
    return int(getattr(parameter, "ds_numel", parameter.numel()))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Sets, whose order is another in every process, as sorted lists."""
    return {
        key: sorted(map(str, value)) if isinstance(value, set | frozenset) else value
        for key, value in values.items()
    }


def device_name(model: Any) -> str:
    """The name of the device that a model's first parameter lies on."""
    import torch

    device = next(model.parameters()).device
    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else device.type
