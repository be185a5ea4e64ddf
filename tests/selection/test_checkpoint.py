import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import hf_qads
from hf_qads.errors import SelectionError
from hf_qads.selection import select
from hf_qads.selection.engine import checkpoint, engine

RNG = np.random.default_rng(0)
VECTORS = RNG.standard_normal((1500, 8)).astype(np.float32)
SCORES = RNG.uniform(1, 5, 1500)


class Stopped(BaseException):
    """Stands for a kill."""


@pytest.fixture
def stopped_after(monkeypatch):
    """Make selections save at every refill, and stop after so many saves."""
    save = checkpoint.Checkpoint.save

    def arrange(count):
        saves = iter(range(1, 10_000))

        def save_and_stop(self, *arguments):
            save(self, *arguments)
            if next(saves) == count:
                raise Stopped

        monkeypatch.setattr(checkpoint.Checkpoint, "save", save_and_stop)
        monkeypatch.setattr(checkpoint, "EVERY", 0.0)
        monkeypatch.setattr(engine, "FEW", 16)  # so that there are many refills
        monkeypatch.setattr(engine, "MANY", 64)

    return arrange


@pytest.mark.parametrize("saves", [1, 2])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_stopped_selection_goes_on_with_the_same_picks(stopped_after, tmp_path, saves, metric):
    asked = {"size": 400, "metric": metric}
    expected = select(VECTORS, SCORES, **asked)
    stopped_after(saves)
    with pytest.raises(Stopped):
        select(VECTORS, SCORES, **asked, checkpoint_dir=tmp_path / "checkpoint")
    assert (tmp_path / "checkpoint" / checkpoint.FILE).exists()
    picked = select(VECTORS, SCORES, **asked, checkpoint_dir=tmp_path / "checkpoint")
    assert picked.order.tobytes() == expected.order.tobytes()
    assert picked.gains.tobytes() == expected.gains.tobytes()
    assert picked.radius.tobytes() == expected.radius.tobytes()
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize("size", [1, 700])
def test_the_size_may_change_in_between(stopped_after, tmp_path, size):
    stopped_after(2)
    with pytest.raises(Stopped):
        select(VECTORS, SCORES, size=400, checkpoint_dir=tmp_path)
    picked = select(VECTORS, SCORES, size=size, checkpoint_dir=tmp_path)
    assert picked.order.tolist() == select(VECTORS, SCORES, size=size).order.tolist()


def test_owned_vectors_and_many_start_rows_are_not_worked_out_again(stopped_after, tmp_path):
    asked = {"size": 300, "already_selected": VECTORS[:500] + 1, "start": np.arange(1100)}
    expected = select(VECTORS, SCORES, **asked)
    stopped_after(1)
    with pytest.raises(Stopped):
        select(VECTORS, SCORES, **asked, checkpoint_dir=tmp_path)
    assert select(VECTORS, SCORES, **asked, checkpoint_dir=tmp_path).order.tolist() == expected.order.tolist()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"vectors": VECTORS * 2}, "scale"),
        ({"vectors": VECTORS[::-1]}, "vectors"),
        ({"scores": SCORES + 1}, "weights"),
        ({"metric": "cosine"}, "metric"),
        ({"seed": 1}, "start"),
        ({"strategy": "kcenter"}, "strategy"),
        ({"already_selected": VECTORS[:3]}, "already_selected"),
        ({"candidates": np.arange(1400)}, "candidates"),
        ({"vectors": VECTORS + np.eye(1500, 8, k=-1491, dtype=np.float32)}, "vectors"),  # in few rows
    ],
)
def test_the_checkpoint_of_another_selection_is_refused(stopped_after, tmp_path, changed, named):
    stopped_after(1)
    with pytest.raises(Stopped):
        select(VECTORS, SCORES, size=400, checkpoint_dir=tmp_path)
    asked = {"vectors": VECTORS, "scores": SCORES, "size": 400, "checkpoint_dir": tmp_path, **changed}
    with pytest.raises(SelectionError, match=rf"another selection: .*{named}"):
        select(asked.pop("vectors"), asked.pop("scores"), **asked)


def test_a_damaged_state_is_refused(tmp_path):
    (tmp_path / checkpoint.FILE).write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(SelectionError, match="Remove it to start over"):
        select(VECTORS, SCORES, size=400, checkpoint_dir=tmp_path)


def test_what_another_selection_has_saved_stays(stopped_after, tmp_path):
    stopped_after(2)
    with pytest.raises(Stopped):
        select(VECTORS, SCORES, size=400, checkpoint_dir=tmp_path)
    saved = (tmp_path / checkpoint.FILE).read_bytes()
    select(None, SCORES, size=5, strategy="quality", checkpoint_dir=tmp_path)
    select(VECTORS, SCORES, size=0, checkpoint_dir=tmp_path)
    assert (tmp_path / checkpoint.FILE).read_bytes() == saved


def test_a_file_is_no_folder_for_the_state(tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(SelectionError, match="mine' is a file"):
        select(VECTORS, SCORES, size=5, checkpoint_dir=tmp_path / "mine")


def test_other_files_in_the_folder_stay(tmp_path):
    (tmp_path / "mine").touch()
    select(VECTORS, SCORES, size=10, checkpoint_dir=tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


SCRIPT = """
import sys, numpy as np
from hf_qads.selection import select
from hf_qads.selection.engine import checkpoint
checkpoint.EVERY = 0.0
rng = np.random.default_rng(0)
picked = select(rng.standard_normal((20_000, 16), dtype=np.float32), size=9_000, checkpoint_dir=sys.argv[1])
np.save(sys.argv[2], picked.order)
"""


@pytest.mark.slow
def test_a_killed_process_is_continued(tmp_path):
    folder, result = tmp_path / "checkpoint", tmp_path / "order.npy"
    command = [sys.executable, "-c", SCRIPT, str(folder), str(result)]
    environment = {**os.environ, "PYTHONPATH": str(Path(hf_qads.__file__).parents[1])}
    first = subprocess.Popen(command, env=environment)
    while not (folder / checkpoint.FILE).exists():
        assert first.poll() is None
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert not result.exists()
    subprocess.run(command, check=True, env=environment)
    vectors = np.random.default_rng(0).standard_normal((20_000, 16), dtype=np.float32)
    assert np.load(result).tolist() == select(vectors, size=9_000, coverage=False).order.tolist()
