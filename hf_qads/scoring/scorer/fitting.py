"""Fitting a classifier with transformers' Trainer, through kills."""

import copy
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ScoringError
from hf_qads.rows.sequences import padded
from hf_qads.runtime import files
from hf_qads.runtime.models import weights_digest
from hf_qads.runtime.trainer import decisive, train_resumable


class Examples:
    """Token ids and classes 0..4 as a dataset for PyTorch, and how to pad a batch of them."""

    def __init__(self, ids: Sequence[NDArray[np.int32]], classes: NDArray[np.int64], pad: int) -> None:
        self.ids = ids
        self.classes = classes
        self.pad = pad

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return {"input_ids": self.ids[place], "labels": int(self.classes[place])}

    def collate(self, batch: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Pad a batch on the right."""
        import torch

        tokens, mask = padded([example["input_ids"] for example in batch], self.pad, "cpu")
        labels = torch.tensor([example["labels"] for example in batch])
        return {"input_ids": tokens, "attention_mask": mask, "labels": labels}

    def mark(self) -> str:
        """Hash of all examples: checkpoints of other ones are of no use."""
        digest = hashlib.sha256(self.classes.tobytes())
        for ids in self.ids:
            digest.update(ids.tobytes())
        return digest.hexdigest()[:32]


def fit(model: Any, examples: Examples, arguments: Any, *, lora: Any = None) -> tuple[Any, dict[str, Any]]:
    """Train from the last whole checkpoint, or from the start.

    Args:
        model: the classifier.
        examples: what to train on.
        arguments: transformers' `TrainingArguments`.
        lora: a `peft.LoraConfig`, or None to train every weight.

    Returns:
        the trained classifier on the CPU (None on ranks that do not write), and what is known of its
        training.

    Raises:
        ScoringError: PEFT is asked for and missing.
        TrainingError: the loss stopped being a number, or the checkpoints are of another training.
    """
    from transformers import AutoModelForSequenceClassification, Trainer

    untrained = copy.deepcopy(model) if lora is not None else None  # LoRA changes the model it is given
    identity = {
        "rows": examples.mark(),
        "base_weights": weights_digest(model).hex(),
        "lora": lora is not None,
        **decisive(arguments),
    }
    trained = _with_adapters(model, lora) if lora is not None else model
    trainer = Trainer(model=trained, args=arguments, train_dataset=examples, data_collator=examples.collate)
    finished, measured = train_resumable(trainer, identity, title="scorer")
    facts = {
        "epochs": arguments.num_train_epochs,
        "learning_rate": arguments.learning_rate,
        "global_batch": identity["global_batch"],
        "scheduler": str(getattr(arguments.lr_scheduler_type, "value", arguments.lr_scheduler_type)),
        "steps": measured["steps"],
        "loss": round(float(measured["loss"]), 4),
        "seconds": measured["seconds"],
        "resumed": measured["resumed_from"] is not None,
    }
    whole = None
    if trainer.is_world_process_zero():
        if lora is not None:
            from peft import PeftModel

            whole = PeftModel.from_pretrained(untrained, str(finished)).merge_and_unload()
        else:
            whole = AutoModelForSequenceClassification.from_pretrained(finished, use_safetensors=True)
        files.remove(finished)
    trainer.accelerator.free_memory()
    return whole, facts


def _with_adapters(model: Any, lora: Any) -> Any:
    try:
        from peft import get_peft_model
    except ImportError as error:
        raise ScoringError("a scorer with LoRA needs peft: pip install 'hf_qads[train]'.") from error
    lora.task_type = "SEQ_CLS"  # which keeps the head trainable and saves it
    return get_peft_model(model, lora)
