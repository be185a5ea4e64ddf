"""A trained scorer's forward pass: rows to quality scores in [1, 5]."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ScoringError
from hf_qads.rows.forward import Body, forward_rows
from hf_qads.rows.rendering import Renderer, template_of
from hf_qads.rows.sequences import context_length, padded
from hf_qads.runtime.batching import TokenBudget
from hf_qads.runtime.devices import useful_tokens
from hf_qads.scoring.labels import LEVELS

NOT_FINITE = "the scorer's output is not finite"


class Predictor:
    """A scorer in memory, on its device, with the token budget that fits there."""

    def __init__(self, folder: Path, *, device: Any, batch_tokens: int) -> None:
        """Load a scorer's folder, from safetensors only and without remote code.

        Args:
            folder: an `AutoModelForSequenceClassification` of five classes with its fast tokenizer.
            device: the `torch.device` to compute on; on a CPU the weights are taken to float32.
            batch_tokens: most tokens of a batch, padding included.

        Raises:
            ScoringError: the folder holds no such model, or one whose head was never trained.
        """
        import torch

        model, tokenizer = load(folder, dtype=torch.float32 if device.type == "cpu" else "auto")
        self.renderer = Renderer(tokenizer, template_of(model))
        self.context = context_length(model.config, tokenizer)
        self.vocabulary = model.get_input_embeddings().num_embeddings
        self.pad = pad_token_id(tokenizer)
        self.device = device
        self.budget = TokenBudget(useful_tokens(batch_tokens, device))
        self._model = model.to(device).eval()
        decoder = isinstance(getattr(self._model, "score", None), torch.nn.Linear)
        self._body = Body(self._model, pad=self.pad) if decoder else None

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> tuple[NDArray[np.float32], dict[int, str]]:
        """Scores (n,) in [1, 5], and index of a row -> why its score is NaN.

        Cost: one forward pass over the rows' tokens, sorted by length so that little is padded.
        """
        scores = np.empty(len(rows), dtype=np.float32)
        reasons = forward_rows(
            self._forward,
            self.renderer,
            rows,
            scores,
            context=self.context,
            vocabulary=self.vocabulary,
            budget=self.budget,
            not_finite=NOT_FINITE,
        )
        return scores, reasons

    def _forward(self, ids: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            if self._body is None:
                tokens, mask = padded(ids, self.pad, self.device)
                logits = self._model(input_ids=tokens, attention_mask=mask).logits
            else:  # a decoder's classifier reads the last token
                states, mask = self._body.states(ids)
                last = states[torch.arange(len(ids), device=states.device), mask.sum(dim=1) - 1]
                logits = self._model.score(last)
            found: NDArray[np.float32] = expected_class(logits).cpu().numpy()
        return found


def expected_class(logits: Any) -> Any:
    """Expected class `sum c * p(c)` in [1, 5] of logits (n, 5): float32 (n,)."""
    import torch

    classes = torch.arange(1, LEVELS + 1, dtype=torch.float32, device=logits.device)
    return torch.softmax(logits.float(), dim=-1) @ classes


def load(folder: Path, *, dtype: Any) -> tuple[Any, Any]:
    """A scorer's model and tokenizer.

    Raises:
        ScoringError: they are not there, or the head is missing or has another number of classes.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model, told = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ScoringError(
            f"the scorer in {folder} cannot be loaded: {reason}. It needs config.json, safetensors weights "
            "of a text classifier and a tokenizer.json; `train_scorer` writes such a folder."
        ) from error
    if told["missing_keys"]:
        raise ScoringError(
            f"the model in {folder} lacks {', '.join(sorted(told['missing_keys'])[:3])}: it was never "
            "trained to score. Name a scorer's folder, not its base model."
        )
    if model.config.num_labels != LEVELS:
        raise ScoringError(
            f"the model in {folder} has {model.config.num_labels} classes, but a scorer has {LEVELS}. "
            "Name a scorer that `train_scorer` wrote."
        )
    return model, tokenizer


def pad_token_id(tokenizer: Any) -> int:
    """The id to pad with: the tokenizer's own, else EOS, else the unknown token.

    Raises:
        ScoringError: the tokenizer has none of them.
    """
    for name in ("pad_token_id", "eos_token_id", "unk_token_id"):
        found = getattr(tokenizer, name)
        if found is not None:
            return int(found)
    raise ScoringError(
        "the tokenizer has no pad, EOS or unknown token, so rows cannot be padded. "
        "Set tokenizer.pad_token to a token that no text ends with."
    )
