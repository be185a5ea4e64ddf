"""Which device to compute on."""

import os
from typing import Any

from hf_qads.errors import QaDSError


def pick_device(device: Any = None, rank: int | None = None) -> Any:
    """The `torch.device` to compute on.

    Args:
        device: a device or its name, which then holds; None takes CUDA where there is one, else the CPU.
        rank: of this worker among those that share the machine's GPUs; None takes the launcher's local
            rank. Only looked at where `device` names no single GPU.

    Raises:
        QaDSError: CUDA is asked for and there is none.
    """
    import torch

    chosen = torch.device(device) if device is not None else None
    if chosen is not None and (chosen.type != "cuda" or chosen.index is not None):
        return chosen
    if not torch.cuda.is_available():
        if chosen is not None:
            raise QaDSError(
                f"device={device!r}, but torch sees no CUDA device. Leave device out, or use 'cpu'."
            )
        return torch.device("cpu")
    local = int(os.environ.get("LOCAL_RANK") or 0) if rank is None else rank
    return torch.device("cuda", local % torch.cuda.device_count())
