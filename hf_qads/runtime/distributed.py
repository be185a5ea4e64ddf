"""Which process of a distributed launch this is, and how its processes wait for each other."""

import os


def rank() -> int:
    """Number of this process, from 0; 0 outside a launcher."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """How many processes were launched together; 1 outside a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def barrier() -> None:
    """Wait until every process has come here; does nothing outside a launcher."""
    if world_size() == 1:
        return
    import torch.distributed as dist

    join()
    dist.barrier()


def join() -> None:
    """Join the processes of this launch: NCCL where each has its GPU, else Gloo."""
    import torch
    import torch.distributed as dist

    if world_size() > 1 and not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            dist.init_process_group("cpu:gloo,cuda:nccl")
        else:
            dist.init_process_group("gloo")
