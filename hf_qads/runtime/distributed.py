"""Distributed launch: rank and world size of this process under torchrun, accelerate or MPI; barrier."""

import os

from hf_qads.errors import RunError

# What torchrun and accelerate, and then the MPI launchers (MPICH and Intel, Open MPI, MVAPICH), call them.
RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
LOCAL_RANKS = ("LOCAL_RANK", "MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_RANK")
WORLD_SIZES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")


def rank() -> int:
    """Number of this process, from 0; 0 outside a launcher."""
    return _number(RANKS, 0)


def local_rank() -> int:
    """Number of this process among those of its machine, from 0; 0 outside a launcher."""
    return _number(LOCAL_RANKS, 0)


def world_size() -> int:
    """How many processes were launched together; 1 outside a launcher."""
    return _number(WORLD_SIZES, 1)


def barrier() -> None:
    """Wait until every process has come here; does nothing outside a launcher."""
    if world_size() == 1:
        return
    import torch.distributed as dist

    join()
    dist.barrier()


def join() -> None:
    """Join the processes of this launch: NCCL where each has its GPU, else Gloo.

    Raises:
        RunError: the launcher says how many processes there are, but not where they meet.
    """
    import torch
    import torch.distributed as dist

    if world_size() == 1 or dist.is_initialized():
        return
    if not (os.environ.get("MASTER_ADDR") and os.environ.get("MASTER_PORT")):
        raise RunError(
            f"{world_size()} processes were launched, but MASTER_ADDR and MASTER_PORT do not say where they "
            "meet. Set both, or launch by torchrun or accelerate."
        )
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank() % torch.cuda.device_count())
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, rank=rank(), world_size=world_size())


def _number(names: tuple[str, ...], default: int) -> int:
    return next((int(os.environ[name]) for name in names if os.environ.get(name)), default)
