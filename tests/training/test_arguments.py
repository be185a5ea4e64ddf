"""The one place of training arguments."""

import pytest
from transformers import TrainingArguments
from trl import SFTConfig

from hf_qads.errors import TrainingError
from hf_qads.training.arguments import Schedule, device_arguments, split_batch, training_arguments


@pytest.mark.parametrize(
    ("workers", "device_batch", "expected"),
    [(1, 8, (8, 16)), (4, 8, (8, 4)), (8, 8, (8, 2)), (8, 12, (8, 2)), (64, 8, (2, 1)), (1, 500, (128, 1))],
)
def test_global_batch_is_the_product_whatever_the_processes(workers, device_batch, expected):
    assert split_batch(128, device_batch, workers) == expected
    rows, accumulation = expected
    assert rows * accumulation * workers == 128


def test_global_batch_that_cannot_be_shared_is_an_error():
    with pytest.raises(TrainingError, match="Use a multiple of 3"):
        split_batch(128, 8, 3)
    with pytest.raises(TrainingError, match="holds no row"):
        split_batch(128, 0, 1)


@pytest.mark.parametrize("cls", [TrainingArguments, SFTConfig])
def test_every_class_gets_the_same_arguments(cls, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    made = training_arguments(cls, tmp_path, schedule=Schedule(), seed=3)
    assert (made.per_device_train_batch_size, made.gradient_accumulation_steps) == (8, 16)
    assert (made.learning_rate, made.warmup_steps, made.num_train_epochs) == (2e-5, 0.03, 3.0)
    assert made.lr_scheduler_type == "cosine"
    assert (made.use_cpu, made.bf16, made.seed, made.data_seed) == (True, False, 3, 3)
    assert made.report_to == []
    assert made.save_steps == 0.25


def test_no_checkpoints_where_none_are_wanted(tmp_path):
    made = training_arguments(TrainingArguments, tmp_path, schedule=Schedule(), save_steps=0)
    assert made.save_strategy == "no"


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"global_batch": 0},
        {"warmup": 1.0},
        {"warmup": -0.1},
        {"max_steps": 0},
    ],
)
def test_schedule_out_of_range_is_an_error(wrong):
    with pytest.raises(TrainingError):
        Schedule(**wrong)


def test_device_that_is_not_there_is_an_error():
    with pytest.raises(TrainingError, match="sees no CUDA device"):
        device_arguments("cuda:1")
    assert device_arguments("cpu") == {"use_cpu": True, "bf16": False, "activation_checkpointing": False}
