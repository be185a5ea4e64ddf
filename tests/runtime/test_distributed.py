import os
import subprocess
import sys

import pytest

from hf_qads.errors import RunError
from hf_qads.runtime import distributed
from hf_qads.training.arguments import Schedule, shared_arguments

LAUNCHERS = {
    "torchrun": ("RANK", "LOCAL_RANK", "WORLD_SIZE"),
    "mpich": ("PMI_RANK", "MPI_LOCALRANKID", "PMI_SIZE"),
    "openmpi": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_SIZE"),
    "mvapich": ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_SIZE"),
}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in (*distributed.RANKS, *distributed.LOCAL_RANKS, *distributed.WORLD_SIZES, "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("names", LAUNCHERS.values(), ids=LAUNCHERS)
def test_every_launcher_is_understood_alike_by_scoring_and_training(names, monkeypatch):
    assert (distributed.rank(), distributed.local_rank(), distributed.world_size()) == (0, 0, 1)
    for name, value in zip(names, ("5", "1", "8"), strict=True):
        monkeypatch.setenv(name, value)
    assert (distributed.rank(), distributed.local_rank(), distributed.world_size()) == (5, 1, 8)
    shared = shared_arguments(schedule=Schedule(global_batch=128), device_batch=4)
    assert shared["per_device_train_batch_size"] * shared["gradient_accumulation_steps"] * 8 == 128


def test_processes_that_do_not_know_where_to_meet_are_told(monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    with pytest.raises(RunError, match="MASTER_ADDR"):
        distributed.barrier()


def test_processes_of_an_mpi_launcher_meet(tmp_path):
    code = "from hf_qads.runtime import distributed as d; d.barrier(); print(d.rank(), d.world_size())"
    port = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29641", "PMI_SIZE": "2"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, **port, "PMI_RANK": rank},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    assert [one.communicate(timeout=120)[0] for one in started] == ["0 2\n", "1 2\n"]
