"""A causal language model taken apart: its body, its head on answer tokens only, its attention masks."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from hf_qads.errors import ScoringError

_SHARED_TYPES = {"full_attention", "sliding_attention"}
_LOGITS_AT_ONCE = {"cpu": 2**23, "cuda": 2**27}


class Backbone:
    """Runs a model's body and head apart, so that logits exist for answer tokens only, and few at a time.

    Attributes:
        model: the causal language model itself, without an adapter's wrapper.
        device: where it is.
        context: the most positions of a sequence, or None where the config sets no limit.
        vocabulary: number of token ids that the model knows.
        windows: the sliding window by the layer type that attention masks are named by (None: full
            attention); empty where keys and values cannot be shared.
    """

    def __init__(self, model: Any) -> None:
        """Take `model` apart.

        Raises:
            ScoringError: it is no causal language model with an output embedding.
        """
        self.model = model.get_base_model() if type(model).__name__.startswith("Peft") else model
        self.body = self.model.base_model
        self.head = self.model.get_output_embeddings()
        if self.head is None or self.body is self.model:
            raise ScoringError(
                f"{type(model).__name__} has no language-model head. Load it by AutoModelForCausalLM."
            )
        config = self.model.config
        self.device: torch.device = self.model.get_input_embeddings().weight.device
        self.vocabulary = int(self.model.get_input_embeddings().weight.shape[0])
        limit = getattr(config, "max_position_embeddings", None)
        self.context: int | None = None if limit is None else int(limit)
        self.windows = _windows(config, self.body)
        self._softcap = getattr(config, "final_logit_softcapping", None)
        self._scale = (getattr(config, "logit_scale", None) or 1.0) / (
            getattr(config, "logits_scaling", None) or 1.0
        )

        self._weight: Tensor | None = None

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Evaluation mode, no gradients, and an attention that takes a mask; put back afterwards.

        Cost: off CUDA, a float32 copy of the output embedding of a model in half precision.
        """
        training, attention = self.model.training, self.model.config._attn_implementation
        self.model.eval()
        if attention not in ("sdpa", "eager"):
            self.model.set_attn_implementation("sdpa")
        try:
            with torch.inference_mode():
                if type(self.head) is torch.nn.Linear and self.device.type != "cuda":
                    self._weight = self.head.weight.float()
                yield
        finally:
            self._weight = None
            self.model.train(training)
            if attention not in ("sdpa", "eager"):
                self.model.set_attn_implementation(attention)

    def masks(self, allowed: Tensor, distance: Tensor) -> Tensor | dict[str, Tensor]:
        """The 4-D attention mask of each layer type.

        Args:
            allowed: bool (batch, queries, keys), whether a query may see a key, windows aside.
            distance: how many positions a query stands behind a key, of a shape that broadcasts to that.
        """
        made = {
            kind: self._mask(allowed if window is None else allowed & (distance < window))
            for kind, window in self.windows.items()
        }
        return made if len(made) > 1 else next(iter(made.values()))

    def log_probs(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Log-probability of `targets` after the body's `hidden` states, in float32 nats.

        Args:
            hidden: (tokens, width).
            targets: (tokens,) token ids.

        Cost: logits of a few dozen to a few thousand tokens at a time, never of all.
        """
        at_once = max(16, _LOGITS_AT_ONCE.get(self.device.type, 2**23) // self.vocabulary)
        parts = [
            -torch.nn.functional.cross_entropy(
                self._logits(hidden[start : start + at_once]),
                targets[start : start + at_once],
                reduction="none",
            )
            for start in range(0, len(targets), at_once)
        ]
        return torch.cat(parts)

    def _logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor
        if type(self.head) is not torch.nn.Linear:  # quantised, or wrapped by an adapter
            logits = self.head(hidden).float()
        elif self._weight is not None:
            logits = torch.nn.functional.linear(hidden.float(), self._weight)
        elif (weight := self.head.weight).dtype == torch.float32:
            logits = torch.nn.functional.linear(hidden.float(), weight)
        else:
            logits = torch.mm(hidden.to(weight.dtype), weight.t(), out_dtype=torch.float32)
        if type(self.head) is torch.nn.Linear and self.head.bias is not None:
            logits += self.head.bias.float()
        if self._scale != 1.0:
            logits *= self._scale
        if self._softcap is not None:
            logits = torch.tanh(logits / self._softcap) * self._softcap
        return logits

    def _mask(self, allowed: Tensor) -> Tensor:
        mask = allowed[:, None]
        if self.model.config._attn_implementation != "eager":
            return mask
        dtype = self.model.dtype
        return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(
            ~mask, torch.finfo(dtype).min
        )


def _windows(config: Any, body: Any) -> dict[str, int | None]:
    types = set(getattr(config, "layer_types", None) or ())
    known = inspect.signature(body.forward).parameters
    if types - _SHARED_TYPES or not {"position_ids", "past_key_values", "attention_mask"} <= set(known):
        return {}
    window = getattr(config, "sliding_window", None)
    if types:
        return {kind: window if kind == "sliding_attention" else None for kind in sorted(types)}
    return {"full_attention" if window is None else "sliding_attention": window}
