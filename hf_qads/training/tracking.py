"""Where training curves go when nobody says where."""

from importlib.util import find_spec


def default_tracker() -> str:
    """`trackio`, which logs to this machine only, where it is installed; else `none`."""
    return "trackio" if find_spec("trackio") else "none"


def attention() -> str:
    """FlashAttention-2 where its package and a CUDA device are there, else PyTorch's own (SDPA)."""
    import torch

    return "flash_attention_2" if torch.cuda.is_available() and find_spec("flash_attn") else "sdpa"
