"""Reward of a row's answer by a reward model: any sequence classifier with one output."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ModelError, ScoringError
from hf_qads.rows.rendering import Renderer
from hf_qads.rows.sequences import context_length, padded, sequences
from hf_qads.runtime.batching import TokenBudget, run_batches
from hf_qads.runtime.devices import pick_device
from hf_qads.runtime.models import model_path
from hf_qads.scoring.scores.given import Given, Scored

COLUMNS = ("reward",)
NEEDS: tuple[str, ...] = ()
PHRASE = "reward model: its output for question and answer"
CITATION = ""


def reward(given: Given, *, model: str, template: str = "chat") -> Scored:
    """Score rows by a reward model.

    Args:
        given: rows; the run's own model is not asked.
        model: folder or Hub id of an `AutoModelForSequenceClassification` with one output.
        template: how rows are rendered for it: `chat`, `plain` or a format string.

    Returns:
        `reward`, on the model's own scale; higher is better.

    Raises:
        ModelError: it cannot be loaded.
        ScoringError: it has more than one output.

    Cost: one forward pass of the reward model over question and answer.
    """
    network, tokenizer = _load(model, given.device)
    renderer = Renderer(tokenizer, template)
    found = np.full(len(given.rows), np.nan)
    context = context_length(network.config, tokenizer)
    ids, reasons = sequences(renderer, given.rows, context=context)
    kept = np.asarray([place for place in range(len(ids)) if place not in reasons], dtype=np.int64)

    def work(batch: NDArray[np.int64]) -> None:
        import torch

        tokens, mask = padded(
            [ids[place] for place in kept[batch]], network.config.pad_token_id, network.device
        )
        with torch.inference_mode():
            logits = network(input_ids=tokens, attention_mask=mask).logits[:, 0]
        found[kept[batch]] = logits.double().cpu().numpy()

    run_batches([len(ids[place]) for place in kept], TokenBudget(given.batch_tokens), work)
    return Scored({"reward": found}, reasons)


def _load(name: str, device: Any) -> tuple[Any, Any]:
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(model_path(name))
        network = AutoModelForSequenceClassification.from_pretrained(model_path(name), use_safetensors=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"reward model {name!r} cannot be loaded: {reason}.") from error
    if network.config.num_labels != 1:
        raise ScoringError(
            f"reward model {name!r} has {network.config.num_labels} outputs, and a reward is one. Name a "
            "sequence classifier with num_labels 1."
        )
    if network.config.pad_token_id is None:  # only its place behind the last token matters to the model
        fallback = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        network.config.pad_token_id = fallback or 0
    return network.eval().to(pick_device(device)), tokenizer
