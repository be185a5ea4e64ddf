"""A base model with a head of five classes, ready to be trained as a scorer."""

import copy
from pathlib import Path
from typing import Any

from hf_qads.errors import ScoringError
from hf_qads.rows.rendering import template_of
from hf_qads.runtime.progress import hushed
from hf_qads.scoring.labels import LEVELS
from hf_qads.scoring.scorer.prediction import pad_token_id


def classifier(model: Any, tokenizer: Any, *, template: str, seed: int) -> Any:
    """A float32 `AutoModelForSequenceClassification` of five classes on a base model's weights.

    Args:
        model: a folder or Hub id; or a causal language model of transformers, whose weights are copied.
        tokenizer: its tokenizer, for the pad token.
        template: kept in the config as `qads_template`, so that the scorer renders rows as in training; the
            base model's own holds instead of `plain`.
        seed: of the new head's weights.

    Raises:
        ScoringError: the model cannot be loaded, or has no sequence classifier in transformers.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    with torch.random.fork_rng(), hushed():  # it would report that the head is new
        torch.manual_seed(seed)
        try:
            if isinstance(model, str | Path):
                made = AutoModelForSequenceClassification.from_pretrained(
                    model, num_labels=LEVELS, dtype=torch.float32, use_safetensors=True
                )
            else:
                config = copy.deepcopy(model.config)
                config.num_labels = LEVELS
                made = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
                made.base_model.load_state_dict(model.base_model.state_dict())
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            name = model if isinstance(model, str | Path) else type(model).__name__
            reason = " ".join(str(error).split())[:300]
            raise ScoringError(
                f"no scorer can be built on {name}: {reason}. Use a model that "
                "AutoModelForSequenceClassification knows."
            ) from error
    pad = pad_token_id(tokenizer)
    made.config.pad_token_id = pad
    made.config.get_text_config().pad_token_id = pad
    made.config.qads_template = template_of(made.config, template)
    made.config.id2label = {place: str(place + 1) for place in range(LEVELS)}
    made.config.label2id = {str(place + 1): place for place in range(LEVELS)}
    return made


def with_pad(tokenizer: Any) -> Any:
    """The tokenizer, or a copy of it that pads with its EOS or unknown token where it has no pad token."""
    if tokenizer.pad_token_id is not None:
        return tokenizer
    pad = pad_token_id(tokenizer)
    padding = copy.deepcopy(tokenizer)
    padding.pad_token = padding.convert_ids_to_tokens(pad)
    return padding
