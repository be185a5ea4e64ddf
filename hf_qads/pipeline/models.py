"""The base model of a config: loading it, and what of it the stages' results depend on."""

from typing import TYPE_CHECKING, Any

from hf_qads.config.schema import Model
from hf_qads.runtime import models

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def load(model: Model, *, device: str | None) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """Load the model of a config, and its tokenizer.

    Raises:
        ModelError: it cannot be loaded.
    """
    return models.load_model(
        model.path,
        revision=model.revision,
        dtype=model.dtype,
        device=device,
        max_length=model.max_length,
        trust_remote_code=model.trust_remote_code,
    )


def model_key(model: Model) -> dict[str, Any]:
    """What of a model a stage's result depends on: its settings, and the fingerprint of its files."""
    return {**model.model_dump(), "weights": models.fingerprint(model.path, revision=model.revision)}
