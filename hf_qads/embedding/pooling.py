"""From a language model's hidden states to one vector per row."""

from typing import Any


def masked_mean(hidden: Any, mask: Any) -> Any:
    """Mean of the hidden states (b, t, d) over the tokens where `mask` (b, t) is 1: float32 (b, d)."""
    weights = mask.to(hidden.device).unsqueeze(-1)
    # Padding is set to zero rather than multiplied by it, since a padded position may hold NaN.
    total = hidden.float().masked_fill(weights == 0, 0.0).sum(dim=1)
    return total / weights.sum(dim=1).clamp(min=1)
