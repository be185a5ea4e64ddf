"""The pre-experienced model: trained, resumed, kept."""

import json
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM
from trl import SFTConfig

from hf_qads.errors import TrainingError
from hf_qads.runtime.checkpoints import damaged, last_checkpoint
from hf_qads.runtime.run_claims import claim
from hf_qads.training.arguments import Schedule, training_arguments
from hf_qads.training.experience import train_experience
from tests.models import tiny_model, tiny_tokenizer

ROWS = [{"question": f"What is {i} + 1?", "answer": f"{i} + 1 = {i + 1}."} for i in range(24)]


def arguments(folder, **changes):
    schedule = Schedule(max_steps=4, global_batch=8, learning_rate=1e-3, warmup=0.0)
    made = training_arguments(SFTConfig, folder, schedule=schedule, save_steps=1)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experience") / "model"
    model = tiny_model()
    before = model.model.embed_tokens.weight.detach().clone()
    train_experience(model, tiny_tokenizer(), ROWS, folder=folder, arguments=arguments(folder))
    return folder, before


def test_result_is_a_transformers_folder_with_facts(trained):
    folder, before = trained
    loaded = AutoModelForCausalLM.from_pretrained(folder)
    assert not torch.equal(loaded.model.embed_tokens.weight, before)
    assert {"config.json", "model.safetensors", "tokenizer.json", "training.json"} <= {
        path.name for path in folder.iterdir()
    }
    assert not list(folder.glob("*.bin"))
    facts = json.loads((folder / "training.json").read_text())
    assert (facts["rows"], facts["steps"], facts["global_batch"], facts["cut"]) == (24, 4, 8, 0)
    assert [step for step, _ in facts["loss_curve"]] == [1, 2, 3, 4]
    assert "/" not in facts["base_model"]


def test_nothing_is_left_beside_it(trained):
    folder, _ = trained
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_finished_model_is_kept(trained):
    folder, _ = trained
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    train_experience(tiny_model(), tiny_tokenizer(), ROWS, folder=folder, arguments=arguments(folder))
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp


def test_kill_costs_only_what_follows_the_last_checkpoint(trained, tmp_path, monkeypatch):
    whole, _ = trained
    folder = tmp_path / "model"
    from transformers import Trainer

    ordinary = Trainer.training_step
    steps = []

    def killed(self, *args, **kwargs):
        steps.append(self.state.global_step)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return ordinary(self, *args, **kwargs)

    monkeypatch.setattr(Trainer, "training_step", killed)
    with pytest.raises(KeyboardInterrupt):
        train_experience(tiny_model(), tiny_tokenizer(), ROWS, folder=folder, arguments=arguments(folder))
    assert not folder.exists()
    work = tmp_path / ".model.training"
    assert last_checkpoint(work).name == "checkpoint-2"
    # a checkpoint that the kill cut in writing is passed over
    shutil.copytree(work / "checkpoint-2", work / "checkpoint-3")
    weights = work / "checkpoint-3" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert damaged(work / "checkpoint-3") == "model.safetensors is cut off"
    assert last_checkpoint(work).name == "checkpoint-2"

    train_experience(tiny_model(), tiny_tokenizer(), ROWS, folder=folder, arguments=arguments(folder))
    facts = json.loads((folder / "training.json").read_text())
    assert facts["resumed_from"] == "checkpoint-2"
    assert steps == [0, 1, 2, 2, 3]
    same = json.loads((whole / "training.json").read_text())
    losses = [[loss for _, loss in one["loss_curve"]] for one in (facts, same)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    first, second = (AutoModelForCausalLM.from_pretrained(one).state_dict() for one in (whole, folder))
    for name, weight in first.items():
        torch.testing.assert_close(second[name], weight, atol=1e-5, rtol=0)


def test_checkpoints_of_another_run_are_refused_or_discarded(tmp_path):
    claim(tmp_path, {"data": "a", "seed": 0})
    (tmp_path / "checkpoint-1").mkdir()
    claim(tmp_path, {"data": "a", "seed": 0})
    with pytest.raises(TrainingError, match=r"checkpoints of another run \(it differs in data\)"):
        claim(tmp_path, {"data": "b", "seed": 0})
    claim(tmp_path, {"data": "b", "seed": 0}, discard=True)
    assert not (tmp_path / "checkpoint-1").exists()


def test_loss_that_is_no_number_is_an_error(tmp_path):
    model = tiny_model()
    with torch.no_grad():
        model.model.embed_tokens.weight[:] = float("nan")
    with pytest.raises(TrainingError, match="stopped being a number"):
        train_experience(model, tiny_tokenizer(), ROWS, folder=tmp_path / "m", arguments=arguments(tmp_path))
    assert not (tmp_path / "m").exists()


def test_model_carries_its_own_template(tmp_path):
    model = tiny_model()
    model.config.qads_template = "Q: {question}\nA:\n{answer}\n\n"
    train_experience(model, tiny_tokenizer(), ROWS, folder=tmp_path / "m", arguments=arguments(tmp_path))
    assert json.loads((tmp_path / "m" / "training.json").read_text())["template"].startswith("Q: ")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "m").config.qads_template.startswith("Q: ")
