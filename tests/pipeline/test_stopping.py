"""How a command ends that is stopped from outside."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hf_qads import cli
from tests.signals import heed_ctrl_c

ROOT = Path(__file__).parents[2]


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "hf_qads", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )


@pytest.mark.parametrize(
    ("number", "name", "code"), [(signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 143)]
)
def test_a_stopped_run_ends_with_one_line_and_goes_on(config_file, tmp_path, number, name, code):
    asked = ("run", config_file, "--out", tmp_path / "out", "--until", "vectors", "--num-proc", 2)
    with start(*asked) as run:
        for line in run.stdout:
            if "experience" in line:
                break
        run.send_signal(number)
        error = run.communicate(timeout=120)[1].strip()
    assert run.returncode == code, error
    assert error.splitlines()[-1] == (
        f"hf-qads: error: stopped by {name}. What is finished is kept: the same command goes on from there."
    )
    assert "Traceback" not in error
    with start(*asked) as run:
        told, error = run.communicate(timeout=120)
    assert run.returncode == 0, error
    assert "[1/10] pool: done before" in told


def test_a_command_that_does_not_resume_promises_nothing(monkeypatch, capsys):
    def stopped(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("hf_qads.pipeline.planning.plan.plan", stopped)
    assert cli.main(["plan", "nothing"]) == 143
    assert capsys.readouterr().err == "hf-qads: error: stopped by SIGTERM.\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_worker_forked_from_a_command_dies_of_the_signal_itself(monkeypatch):
    codes = []

    def fork(*_, **__):
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(0)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        return ""

    monkeypatch.setattr("hf_qads.pipeline.planning.plan.plan", fork)
    assert cli.main(["plan", "nothing"]) == 0
    assert codes == [-signal.SIGTERM]


def test_the_ranks_of_a_launch_leave_the_signal_alone(monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    found = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(
        "hf_qads.pipeline.planning.plan.plan",
        lambda what, **_: found.append(signal.getsignal(signal.SIGTERM)),
    )
    cli.main(["plan", "nothing"])
    assert found == [before]
