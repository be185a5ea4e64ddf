"""Device rule: the one place where a name such as `cuda:1`, or none, becomes a torch device."""

from functools import cache
from pathlib import Path
from typing import Any

from hf_qads.errors import DeviceError
from hf_qads.runtime import distributed


def pick_device(device: Any = None, rank: int | None = None) -> Any:
    """The `torch.device` to compute on, for scoring, selection, training and evaluation alike.

    Args:
        device: a device or its name, which then holds; `cuda` without a number, or None where there is CUDA,
            is this worker's GPU; None without CUDA is the CPU.
        rank: of this worker among those that share the machine's GPUs; None takes the launcher's local
            rank. Only looked at where `device` names no single GPU.

    Raises:
        DeviceError: there is no such device, or it cannot hold numbers.
    """
    import torch

    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
        if chosen.type != "cuda":
            torch.empty(0, device=chosen).cpu()
            return chosen
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise DeviceError(f"device={device!r} cannot be used: {reason}. Use cpu or cuda.") from error
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not there:
        raise DeviceError(
            f"device={device!r}, but torch sees no CUDA device. Leave device out, or use 'cpu'."
        )
    if chosen.index is None:
        return torch.device("cuda", (distributed.local_rank() if rank is None else rank) % there)
    if chosen.index >= there:
        raise DeviceError(f"device={device!r}, but torch sees {there} CUDA devices, from cuda:0. Name one.")
    return chosen


def useful_tokens(batch_tokens: int, device: Any) -> int:
    """The most tokens to put into one batch on `device`, at most `batch_tokens`.

    On a CPU a batch of more than about a thousand tokens per thread falls out of the caches: a model of 135
    million parameters takes 1.15 times as long with 4,096 at a time.
    """
    import torch

    if torch.device(device).type != "cpu":
        return batch_tokens
    return min(batch_tokens, 1024 * torch.get_num_threads())


@cache
def fast_bfloat16() -> bool:
    """Whether the CPU has instructions for products in bfloat16, by its flags; False where none are known.

    AVX-512 BF16 and AMX on x86, BF16 on Arm: without them bfloat16 takes longer than float32.
    """
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return False
    return bool(flags & {"avx512_bf16", "amx_bf16", "bf16"})
