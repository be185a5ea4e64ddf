"""Backbone of a causal language model, and its head applied to answer tokens only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from hf_qads.errors import ScoringError
from hf_qads.rows.forward import body, without_adapter

_EXACT = 16  # most probable tokens whose logits are computed anew where a product is rounded
_LOGITS_AT_ONCE = {"cpu": 2**23, "cuda": 2**27}


class Backbone:
    """Runs a model's body and head apart, so that logits exist for answer tokens only, and few at a time.

    Attributes:
        model: the causal language model itself, without an adapter's wrapper.
        device: where it is.
        context: the most positions of a sequence, or None where the config sets no limit.
        vocabulary: number of token ids that the model knows.
    """

    def __init__(self, model: Any) -> None:
        """Take `model` apart.

        Raises:
            ScoringError: it is no causal language model with an output embedding.
        """
        self.model = without_adapter(model)
        self.body = body(model)
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
        self._softcap = getattr(config, "final_logit_softcapping", None)
        self._scale = (getattr(config, "logit_scale", None) or 1.0) / (
            getattr(config, "logits_scaling", None) or 1.0
        )

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Evaluation mode and no gradients; put back afterwards."""
        training = self.model.training
        self.model.eval()
        try:
            with torch.inference_mode():
                yield
        finally:
            self.model.train(training)

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
                self._logits(hidden[start : start + at_once], targets[start : start + at_once]),
                targets[start : start + at_once],
                reduction="none",
            )
            for start in range(0, len(targets), at_once)
        ]
        return torch.cat(parts)

    def _logits(self, hidden: Tensor, targets: Tensor) -> Tensor:
        logits: Tensor
        if type(self.head) is not torch.nn.Linear:  # quantised, or wrapped by an adapter
            logits = self.head(hidden).float()
        else:
            logits = _product(hidden, self.head.weight, targets)
        if type(self.head) is torch.nn.Linear and self.head.bias is not None:
            logits += self.head.bias.float()
        if self._scale != 1.0:
            logits *= self._scale
        if self._softcap is not None:
            logits = torch.tanh(logits / self._softcap) * self._softcap
        return logits


def _product(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """`hidden` (tokens, width) times `weight` (vocabulary, width) in float32."""
    if weight.dtype == torch.float32:
        return torch.nn.functional.linear(hidden.float(), weight)
    if hidden.is_cuda:
        return torch.mm(hidden.to(weight.dtype), weight.t(), out_dtype=torch.float32)
    # Elsewhere a product in half precision is rounded to it, and one in float32 takes twice as long. So what
    # decides a log-probability is computed anew: the targets' logits and the largest.
    rounded = torch.mm(hidden.to(weight.dtype), weight.t())
    largest = rounded.topk(min(_EXACT, len(weight))).indices
    telling = torch.cat([targets[:, None], largest], dim=1)
    exact = torch.bmm(weight[telling].float(), hidden.float()[:, :, None])[..., 0]
    return rounded.float().scatter_(1, telling, exact)
