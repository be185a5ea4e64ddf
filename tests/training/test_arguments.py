"""The one place of training arguments."""

import pytest
import torch
from transformers import LlamaConfig, Trainer, TrainingArguments
from trl import SFTConfig

from hf_qads.errors import DeviceError, TrainingError
from hf_qads.training.arguments import (
    Schedule,
    device_arguments,
    fit_device_batch,
    split_batch,
    training_arguments,
)
from tests.models import tiny_model


@pytest.mark.parametrize(
    ("workers", "device_batch", "expected"),
    [(1, 8, (8, 16)), (4, 8, (8, 4)), (8, 8, (8, 2)), (8, 12, (8, 2)), (64, 8, (2, 1)), (1, 500, (128, 1))],
)
def test_global_batch_is_the_product_whatever_the_processes(workers, device_batch, expected):
    assert split_batch(128, device_batch, workers) == expected
    rows, accumulation = expected
    assert rows * accumulation * workers == 128


@pytest.mark.parametrize(
    ("longest", "mean", "expected"),
    [
        (512, 100, (8, 16)),
        (513, 100, (4, 32)),
        (2048, 100, (2, 64)),
        (9000, 100, (1, 128)),
        (300, 156, (8, 16)),  # 8 x 156 x 200 x 40 = 9,984,000 values
        (300, 157, (4, 32)),
        (300, 1251, (1, 128)),
    ],
)
def test_long_rows_go_through_a_device_in_smaller_batches_of_the_same_sum(tmp_path, longest, mean, expected):
    arguments = training_arguments(SFTConfig, tmp_path, schedule=Schedule(global_batch=128), device="cpu")
    fit_device_batch(
        arguments,
        LlamaConfig(hidden_size=200, num_hidden_layers=40, num_attention_heads=5),
        longest=longest,
        mean=mean,
    )
    assert (arguments.per_device_train_batch_size, arguments.gradient_accumulation_steps) == expected


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
    with pytest.raises(DeviceError, match="sees no CUDA device"):
        device_arguments("cuda:1")
    assert device_arguments("cpu") == {"use_cpu": True, "bf16": False, "activation_checkpointing": False}


def test_training_runs_on_the_very_device_that_was_asked_for(tmp_path):
    made = training_arguments(TrainingArguments, tmp_path, schedule=Schedule(), device="cpu:0")
    assert made.device == torch.device("cpu:0") != torch.device("cpu")
    assert Trainer(tiny_model(), made).accelerator.device == torch.device("cpu:0")


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_training_on_the_second_gpu_leaves_the_first_alone(tmp_path):
    made = training_arguments(TrainingArguments, tmp_path, schedule=Schedule(), device="cuda:1")
    trainer = Trainer(tiny_model(), made)
    assert trainer.accelerator.device == next(trainer.model.parameters()).device == torch.device("cuda:1")
    assert made.n_gpu == 1
