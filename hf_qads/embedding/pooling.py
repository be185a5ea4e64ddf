"""Pooling: the hidden states of a language model to one vector per row."""

from typing import Any


def weighted_mean(hidden: Any, mask: Any) -> Any:
    """Mean of the hidden states (b, t, d) by position: the i-th of n tokens weighs i / (1 + ... + n).

    Padding weighs nothing, wherever it stands, so that a batch gives what its rows give alone.

    Source: RDS+, Ivison et al. 2025 (arXiv 2503.01807).
    """
    places = (mask.cumsum(dim=1) * mask).to(hidden.device)
    weights = (places / places.sum(dim=1, keepdim=True).clamp(min=1)).unsqueeze(-1).float()
    return (hidden.float().masked_fill(weights == 0, 0.0) * weights).sum(dim=1)


def masked_mean(hidden: Any, mask: Any) -> Any:
    """Mean of the hidden states (b, t, d) over the tokens where `mask` (b, t) is 1: float32 (b, d)."""
    weights = mask.to(hidden.device).unsqueeze(-1)
    # Padding is set to zero rather than multiplied by it, since a padded position may hold NaN.
    total = hidden.float().masked_fill(weights == 0, 0.0).sum(dim=1)
    return total / weights.sum(dim=1).clamp(min=1)


POOLINGS = {"mean": masked_mean, "weighted": weighted_mean}
