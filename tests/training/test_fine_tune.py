"""Fine-tuning in process: trained, resumed, kept."""

import json
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig

from hf_qads.errors import TrainingError
from hf_qads.runtime.checkpoints import damaged, last_checkpoint
from hf_qads.runtime.trainer import claim
from hf_qads.training import fine_tune
from hf_qads.training.arguments import Schedule, training_arguments
from hf_qads.training.rows import training_rows
from tests.models import tiny_model, tiny_tokenizer

ROWS = [{"question": f"What is {i} + 1?", "answer": f"{i} + 1 = {i + 1}."} for i in range(24)]


def arguments(folder, **changes):
    schedule = Schedule(max_steps=4, global_batch=8, learning_rate=1e-3, warmup=0.0)
    work = folder.with_name(f".{folder.name}.training")
    made = training_arguments(SFTConfig, work, schedule=schedule, save_steps=1)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experience") / "model"
    model = tiny_model()
    before = model.model.embed_tokens.weight.detach().clone()
    fine_tune(model, ROWS, folder=folder, tokenizer=tiny_tokenizer(), arguments=arguments(folder))
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
    fine_tune(tiny_model(), ROWS, folder=folder, tokenizer=tiny_tokenizer(), arguments=arguments(folder))
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
        fine_tune(tiny_model(), ROWS, folder=folder, tokenizer=tiny_tokenizer(), arguments=arguments(folder))
    assert not folder.exists()
    work = tmp_path / ".model.training"
    assert last_checkpoint(work).name == "checkpoint-2"
    # a checkpoint that the kill cut in writing is passed over
    shutil.copytree(work / "checkpoint-2", work / "checkpoint-3")
    weights = work / "checkpoint-3" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert damaged(work / "checkpoint-3") == "model.safetensors is cut off"
    assert last_checkpoint(work).name == "checkpoint-2"

    fine_tune(tiny_model(), ROWS, folder=folder, tokenizer=tiny_tokenizer(), arguments=arguments(folder))
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
        fine_tune(
            model,
            ROWS,
            folder=tmp_path / "m",
            tokenizer=tiny_tokenizer(),
            arguments=arguments(tmp_path / "m"),
        )
    assert not (tmp_path / "m").exists()


def test_model_carries_its_own_template(tmp_path):
    model = tiny_model()
    model.config.qads_template = "Q: {question}\nA:\n{answer}\n\n"
    fine_tune(
        model, ROWS, folder=tmp_path / "m", tokenizer=tiny_tokenizer(), arguments=arguments(tmp_path / "m")
    )
    assert json.loads((tmp_path / "m" / "training.json").read_text())["template"].startswith("Q: ")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "m").config.qads_template.startswith("Q: ")


PLAIN = {"max_steps": 2, "global_batch": 8, "learning_rate": 1e-3, "device": "cpu"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    tiny_model().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def test_plain_arguments_and_a_folder_are_enough(base, tmp_path):
    facts = fine_tune(base, ROWS, folder=tmp_path / "m", **PLAIN)
    assert facts == json.loads((tmp_path / "m" / "training.json").read_text()) | {
        "loss_curve": facts["loss_curve"]
    }
    assert (facts["rows"], facts["steps"], facts["base_model"]) == (24, 2, base.name)
    assert fine_tune(base, ROWS, folder=tmp_path / "m", **PLAIN)["seconds"] == facts["seconds"]


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(base, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        fine_tune(base, ROWS, folder=tmp_path / name, seed=seed, save_steps=0, **PLAIN)
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b != c


def test_a_budget_of_tokens_takes_rows_in_order_and_counts_the_others(base, tmp_path):
    whole = training_rows(ROWS, tiny_tokenizer(), max_length=256)
    five = sum(len(ids) for ids in whole.data["input_ids"][:5])
    facts = fine_tune(base, ROWS, folder=tmp_path / "m", tokens=five + 3, **PLAIN)
    assert (facts["rows"], facts["tokens"]) == (5, five)
    assert facts["left_out"] == {f"beyond the budget of {five + 3} tokens": 19}


def test_bfloat16_autocast_keeps_float32_weights(base, tmp_path):
    facts = fine_tune(base, ROWS, folder=tmp_path / "m", autocast="bfloat16", **PLAIN)
    assert (facts["bf16"], facts["dtype"]) == ("True", "float32")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "m").dtype == torch.float32
    with pytest.raises(TrainingError, match="autocast='half' is none of auto, none, bfloat16"):
        fine_tune(base, ROWS, folder=tmp_path / "n", autocast="half", **PLAIN)


def test_an_adapter_is_trained_and_saved_alone(base, tmp_path):
    peft = pytest.importorskip("peft")
    lora = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj", "k_proj"])
    facts = fine_tune(base, ROWS, folder=tmp_path / "m", lora=lora, **PLAIN)
    assert facts["trained_parameters"] < facts["parameters"] / 10
    assert (tmp_path / "m" / "adapter_model.safetensors").exists()
    again = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj", "k_proj"])
    assert fine_tune(base, ROWS, folder=tmp_path / "m", lora=again, **PLAIN)["seconds"] == facts["seconds"]


@pytest.mark.parametrize(
    "change",
    [
        {"arguments": {"max_grad_norm": 0.5}},
        {"arguments": {"adam_beta2": 0.95}},
        {"arguments": {"neftune_noise_alpha": 5.0}},
        {"arguments": {"label_smoothing_factor": 0.1}},
        {"arguments": {"completion_only_loss": False}},
        {"arguments": {"train_sampling_strategy": "sequential"}},
        {"dtype": "bfloat16"},
        {"template": "Q {question} A {answer}"},
        {"model": 1},
    ],
    ids=str,
)
def test_whatever_changes_the_weights_makes_another_run(base, tmp_path, change):
    folder = tmp_path / "m"
    fine_tune(base, ROWS, folder=folder, arguments=arguments(folder))
    told = arguments(folder, **change.pop("arguments", {}))
    other = tmp_path / "other"
    if change.pop("model", None):
        tiny_model(seed=5).save_pretrained(other)
        tiny_tokenizer().save_pretrained(other)
    with pytest.raises(TrainingError, match="finished model of another run"):
        fine_tune(other if other.exists() else base, ROWS, folder=folder, arguments=told, **change)


def test_what_only_says_where_and_how_fast_does_not(base, tmp_path):
    folder = tmp_path / "m"
    first = fine_tune(base, ROWS, folder=folder, arguments=arguments(folder))
    told = arguments(
        folder, save_steps=2, logging_steps=3, per_device_train_batch_size=2, gradient_accumulation_steps=4
    )
    assert fine_tune(base, ROWS, folder=folder, arguments=told)["seconds"] == first["seconds"]


def test_another_end_of_turn_is_honoured_or_refused(base, tmp_path):
    told = arguments(tmp_path / "m", eos_token="<|im_end|>")
    fine_tune(base, ROWS, folder=tmp_path / "m", arguments=told)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "m")
    assert tokenizer.eos_token == "<|im_end|>"
    with pytest.raises(TrainingError, match="not in the tokenizer's vocabulary"):
        fine_tune(base, ROWS, folder=tmp_path / "n", arguments=arguments(tmp_path / "n", eos_token="<x>"))


def test_a_folder_that_cannot_be_written_is_told_before_any_work(tmp_path):
    with pytest.raises(TrainingError, match="cannot be written"):
        fine_tune("./no-model-is-looked-for", ROWS, folder="/proc/nothing/model")
    with pytest.raises(TrainingError, match="without its tokenizer"):
        fine_tune(tiny_model(), ROWS, folder=tmp_path / "m")
