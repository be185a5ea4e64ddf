"""Command line and YAML of the training recipe."""

from pathlib import Path

import pytest
import yaml

from hf_qads.errors import TrainingError
from hf_qads.training.mixture import load_mixture, mixture_facts
from hf_qads.training.policy import parse_policy


def parse(*argv, config=None, folder=None):
    if config is not None:
        path = folder / "sft.yaml"
        path.write_text(yaml.safe_dump(config))
        argv = ("--config", str(path), *argv)
    return parse_policy(argv, output_dir=Path("out"))


def test_defaults_are_the_paper_s_and_hold_the_global_batch():
    policy, training, model = parse()
    assert training.per_device_train_batch_size * training.gradient_accumulation_steps == 128
    assert (training.learning_rate, training.num_train_epochs, training.warmup_steps) == (2e-5, 3.0, 0.03)
    assert training.lr_scheduler_type == "cosine"
    assert (training.use_cpu, training.bf16, training.activation_checkpointing) == (True, False, False)
    assert training.output_dir == "out"
    assert model.model_name_or_path is None
    assert policy.split == "train"


def test_processes_share_the_global_batch(monkeypatch):
    for module in ("arguments", "policy"):
        monkeypatch.setattr(f"hf_qads.training.{module}.world_size", lambda: 4)
    _, training, _ = parse("--global_batch", "32", "--device_batch", "4")
    assert (training.per_device_train_batch_size, training.gradient_accumulation_steps) == (4, 2)


def test_flags_win_over_the_file(tmp_path):
    _, training, _ = parse(
        "--learning_rate", "0.5", config={"learning_rate": 1e-4, "seed": 3}, folder=tmp_path
    )
    assert (training.learning_rate, training.seed) == (0.5, 3)


def test_run_gives_the_output_folder():
    policy, training, _ = parse("--run", "runs/x")
    assert training.output_dir == str(Path("runs/x/model"))
    assert policy.run == "runs/x"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"learning_rat": 1}, "learning_rat"),
        ({"global_batch": 8, "per_device_train_batch_size": 3}, "make 3"),
        ({"device_batch": 8, "gradient_accumulation_steps": 3}, "both given"),
        ({"run": "a", "mixture": "b"}, "both given"),
        ({"global_batch": 7.5}, "7.5|invalid"),
    ],
)
def test_wrong_settings_are_one_line(config, message, tmp_path):
    with pytest.raises((TrainingError, SystemExit), match=message if "global_batch" not in config else None):
        parse(config=config, folder=tmp_path)


def test_unknown_flags_and_files_are_errors(tmp_path):
    with pytest.raises(TrainingError, match="not_a_flag"):
        parse("--not_a_flag", "1")
    with pytest.raises(TrainingError, match="cannot be read"):
        parse("--config", str(tmp_path / "none.yaml"))
    (tmp_path / "list.yaml").write_text("- a\n")
    with pytest.raises(TrainingError, match="key: value"):
        parse("--config=" + str(tmp_path / "list.yaml"))


def test_batch_by_hand_is_left_alone():
    _, training, _ = parse("--per_device_train_batch_size", "2", "--gradient_accumulation_steps", "3")
    assert (training.per_device_train_batch_size, training.gradient_accumulation_steps) == (2, 3)


def test_mixture_that_is_missing_or_empty_is_an_error(tmp_path):
    with pytest.raises(TrainingError, match="none is not there"):
        load_mixture(str(tmp_path / "none"))
    (tmp_path / "rows.txt").write_text("x")
    with pytest.raises(TrainingError, match=r"unknown format '\.txt'"):
        load_mixture(str(tmp_path / "rows.txt"))
    (tmp_path / "rows.jsonl").write_text('{"question": "a", "answer": "b"}\n')
    assert len(load_mixture(str(tmp_path / "rows.jsonl"))) == 1
    with pytest.raises(TrainingError, match="subset 10pct, split train"):
        load_mixture(str(tmp_path), subset="10pct")


def test_facts_of_a_mixture_hold_no_path(tmp_path):
    folder = tmp_path / "mixture"
    folder.mkdir()
    (folder / "qads.yaml").write_text("config: {name: maths, seed: 3, out: /home/me}\n")
    facts = mixture_facts(str(folder), subset="10pct", fraction=None)
    assert facts == {"dataset": "mixture", "mixture": {"name": "maths", "seed": 3}, "subset": "10pct"}


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("assistant_only_loss", "true", "the loss is on the last answer"),
        ("dataset_text_field", "body", "read as question and answer"),
        ("chat_template_path", "x.jinja", "save the tokenizer"),
        ("load_in_4bit", "true", "train LoRA"),
        ("eval_strategy", "steps", "recipes/evaluate.py"),
        ("push_to_hub", "true", "hf-qads publish"),
        ("lora_r", "4", "does nothing without use_peft: true"),
    ],
)
def test_a_key_that_would_do_nothing_is_refused_in_one_line(flag, value, message):
    with pytest.raises(TrainingError, match=message) as error:
        parse(f"--{flag}", value)
    assert flag in str(error.value)
    assert "\n" not in str(error.value)


def test_a_key_at_its_default_is_no_matter():
    _, training, _ = parse("--assistant_only_loss", "false")
    assert training.assistant_only_loss is False
