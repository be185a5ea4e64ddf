import json
import subprocess
import sys
from pathlib import Path

import pytest

GPU = Path(__file__).parents[1] / "benchmarks" / "gpu.py"


@pytest.mark.slow
def test_the_script_for_a_gpu_does_the_least_of_everything_on_a_cpu():
    asked = [sys.executable, str(GPU), "--smallest", "--device", "cpu", "--json"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {part["part"]: part for part in json.loads(done.stdout)}
    assert list(found) == ["influence, tiny shape", "embed, embedded model", "selection", "training"]
    ways = {way["way"]: way for way in found["influence, tiny shape"]["ways"]}
    assert ways["this"]["difference"] < 1e-4
    assert found["selection"]["same_picks"] == "50 of 50"
    assert found["training"]["last_loss"] < found["training"]["first_loss"]


def test_the_script_for_a_gpu_says_where_there_is_none():
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    done = subprocess.run([sys.executable, str(GPU)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no CUDA device" in done.stderr
