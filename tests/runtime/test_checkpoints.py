"""Which checkpoint can be trusted after a kill or a full disk."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from hf_qads.runtime.checkpoints import damaged, last_checkpoint


def checkpoint(folder, step):
    made = folder / f"checkpoint-{step}"
    made.mkdir()
    save_file({"weight": np.ones(64, np.float32)}, made / "model.safetensors")
    (made / "trainer_state.json").write_text("{}")
    return made


def cut(path):
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda made: (made / "trainer_state.json").unlink(), "trainer_state.json is missing or cut off"),
        (lambda made: (made / "trainer_state.json").write_text("{"), "trainer_state.json is missing"),
        (lambda made: cut(made / "model.safetensors"), "model.safetensors is cut off"),
        (lambda made: (made / "model.safetensors").write_bytes(b"short"), "model.safetensors is cut off"),
        (lambda made: (made / "optimizer.pt").write_bytes(b"PK not whole"), "optimizer.pt is cut off"),
        (lambda made: (made / "model.safetensors").unlink(), "it holds no weights"),
    ],
    ids=["no state", "cut state", "cut weights", "no header", "cut optimizer", "no weights"],
)
def test_a_damaged_checkpoint_is_passed_over_and_named(tmp_path, caplog, damage, said):
    for step in (9, 10):  # 10 is newer, though 9 sorts last as text
        checkpoint(tmp_path, step)
    assert last_checkpoint(tmp_path).name == "checkpoint-10"
    damage(tmp_path / "checkpoint-10")
    assert said in damaged(tmp_path / "checkpoint-10")
    assert last_checkpoint(tmp_path).name == "checkpoint-9"
    assert f"checkpoint-10 is not whole ({said}" in caplog.text


def test_empty_checkpoint_is_not_whole(tmp_path):
    (tmp_path / "checkpoint-7").mkdir()
    (tmp_path / "checkpoint-best").mkdir()
    assert last_checkpoint(tmp_path) is None
