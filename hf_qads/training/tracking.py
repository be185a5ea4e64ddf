"""Defaults of a fine-tune that depend on what is installed: tracker of curves, attention."""

from importlib.util import find_spec
from typing import Any


def default_tracker() -> str:
    """`trackio`, which logs to this machine only, where it is installed; else `none`."""
    return "trackio" if find_spec("trackio") else "none"


def usual_attention(device: Any) -> str:
    """FlashAttention-2 on a CUDA device where its package is installed, else PyTorch's own (SDPA)."""
    return "flash_attention_2" if device.type == "cuda" and find_spec("flash_attn") else "sdpa"
