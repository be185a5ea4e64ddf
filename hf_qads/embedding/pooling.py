"""From a language model's hidden states to one vector per row."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def backbone(model: Any) -> Any:
    """The part of a transformers model that makes hidden states, without a head on the vocabulary.

    A model with PEFT adapters keeps them: they live inside the layers.
    """
    if "peft" in sys.modules:
        from peft import PeftModel

        if isinstance(model, PeftModel):
            model = model.get_base_model()
    return model.base_model


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Evaluation mode, without dropout; put back afterwards as it was."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


def masked_mean(hidden: Any, mask: Any) -> Any:
    """Mean of the hidden states (b, t, d) over the tokens where `mask` (b, t) is 1: float32 (b, d)."""
    weights = mask.to(hidden.device).unsqueeze(-1)
    # Padding is set to zero rather than multiplied by it, since a padded position may hold NaN.
    total = hidden.float().masked_fill(weights == 0, 0.0).sum(dim=1)
    return total / weights.sum(dim=1).clamp(min=1)
