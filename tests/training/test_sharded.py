"""DeepSpeed ZeRO and FSDP2 through their launcher, on CPU processes: losses, kills, other numbers."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from hf_qads.errors import TrainingError
from hf_qads.runtime.checkpoints import last_checkpoint
from hf_qads.runtime.sharded_training import fit_checkpoint
from hf_qads.training.arguments import device_arguments

RECIPES = Path(__file__).parents[2] / "recipes"
STEPS = ["--max_steps", "8", "--save_steps", "2", "--learning_rate", "0.001", "--weight_decay", "0.1"]
BATCH = ["--global_batch", "8", "--device_batch", "2", "--max_length", "128", "--report_to", "none"]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(RECIPES.parent),
    "OMP_NUM_THREADS": "1",
    "DS_ACCELERATOR": "cpu",
    "HF_HUB_OFFLINE": "1",
}


def launched(setting, processes, rows, out):
    """The recipe under one of the files in recipes/accelerate; without one, in a plain process."""
    command = [sys.executable]
    if setting is not None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command += ["-m", "accelerate.commands.accelerate_cli", "launch", "--mixed_precision", "no"]
        command += ["--config_file", str(RECIPES / "accelerate" / f"{setting}.yaml")]
        command += ["--num_processes", str(processes), "--main_process_port", str(port)]
    command += [str(RECIPES / "sft.py"), "--model_name_or_path", "embedded", "--mixture", str(rows)]
    command += ["--output_dir", str(out), *STEPS, *BATCH]
    with out.with_suffix(".log").open("a") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=ENVIRONMENT)


def finished(process, out):
    assert process.wait() == 0, out.with_suffix(".log").read_text()[-4000:]
    return json.loads((out / "training.json").read_text())


def kill_after_a_checkpoint(process, out):
    while not (out.exists() and last_checkpoint(out)):
        assert process.poll() is None, out.with_suffix(".log").read_text()[-4000:]
        time.sleep(0.05)
    for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        one.kill()
    process.wait()
    assert not (out / "training.json").exists()


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    lines = [{"question": f"What is {n} + 1?", "answer": f"{n} + 1 = {n + 1}."} for n in range(48)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def plain(rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("plain") / "model"
    return finished(launched(None, 1, rows, out), out), AutoModelForCausalLM.from_pretrained(out).state_dict()


@pytest.fixture
def ready(request):
    """Where DeepSpeed is asked for: what its processes talk through, built before two of them want it."""
    if request.getfixturevalue("setting").startswith("zero"):
        if find_spec("deepspeed") is None:  # an import in here would warn, which is an error
            pytest.skip("DeepSpeed is not installed: make deepspeed")
        build = "from deepspeed.comm.torch import build_shm_op; build_shm_op()"
        subprocess.run([sys.executable, "-c", build], env=ENVIRONMENT, capture_output=True, check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "first", "second"), [("zero2", 2, 1), ("zero3", 2, 1), ("zero3", 1, 2), ("fsdp2", 2, 1)]
)
def test_a_killed_start_goes_on_with_other_processes_as_one_process_trains(
    ready, plain, rows, tmp_path, setting, first, second
):
    out = tmp_path / "model"
    kill_after_a_checkpoint(launched(setting, first, rows, out), out)
    facts = finished(launched(setting, second, rows, out), out)
    assert (facts["processes"], facts["resumed_from"] is not None) == (second, True)
    expected, weights = plain
    assert [step for step, _ in facts["loss_curve"]] == list(range(1, 9))
    losses = [[loss for _, loss in one["loss_curve"]] for one in (facts, expected)]
    assert losses[0] == pytest.approx(losses[1], abs=2e-5)
    whole = AutoModelForCausalLM.from_pretrained(out).state_dict()
    assert whole.keys() == weights.keys()
    for name, weight in weights.items():
        torch.testing.assert_close(whole[name], weight, atol=2e-5, rtol=0)
    assert AutoTokenizer.from_pretrained(out)("What is").input_ids
    assert not list(out.glob("checkpoint-*"))


def test_a_deepspeed_launch_without_a_gpu_leaves_the_processes_to_gloo(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_arguments()["use_cpu"]
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    assert {"use_cpu": False, "ddp_backend": "gloo"}.items() <= device_arguments().items()


def test_a_checkpoint_of_another_sharding_is_refused(tmp_path):
    trainer = SimpleNamespace(is_deepspeed_enabled=False, is_fsdp_enabled=False)
    fit_checkpoint(trainer, tmp_path)
    (tmp_path / "global_step2").mkdir()
    with pytest.raises(TrainingError, match="written under DeepSpeed, and this start is under no sharding"):
        fit_checkpoint(trainer, tmp_path)
    shutil.rmtree(tmp_path / "global_step2")
    (tmp_path / "pytorch_model_fsdp.bin").touch()
    trainer.is_deepspeed_enabled = True
    with pytest.raises(TrainingError, match="written under FSDP, and this start is under DeepSpeed"):
        fit_checkpoint(trainer, tmp_path)
