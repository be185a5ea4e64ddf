import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict
from torch.utils.data import DataLoader

import hf_qads
from hf_qads.errors import SelectionError
from hf_qads.selection import STRATEGIES, Picks, QaDSSampler, select

RNG = np.random.default_rng(0)
VECTORS = RNG.standard_normal((200, 6)).astype(np.float32)
SCORES = RNG.uniform(1, 5, 200)
ROWS = list(range(200))


def sampler_of(**asked):
    return QaDSSampler(ROWS, **{"vectors": VECTORS, "scores": SCORES, **asked})


def test_rank_order_is_the_selections_order():
    sampler = sampler_of(size=50)
    assert list(sampler) == select(VECTORS, SCORES, size=50).order.tolist()
    assert len(sampler) == 50


def test_a_fraction_is_a_share_of_the_rows():
    assert list(sampler_of(fraction=0.25)) == list(sampler_of(size=50))


def test_all_rows_are_the_picks_and_then_the_start_rows():
    picked = select(VECTORS, SCORES, size=180)
    assert list(sampler_of()) == [*picked.order, *picked.start]
    assert list(sampler_of(fraction=1.0)) == list(sampler_of(size=200)) == list(sampler_of())


def test_rows_without_a_score_are_left_out_and_counted():
    scores = SCORES.copy()
    scores[::10] = np.nan
    sampler = sampler_of(scores=scores)
    assert sampler.left_out == 20
    assert sorted(sampler) == sorted(set(ROWS) - set(range(0, 200, 10)))


def test_columns_of_a_dataset_are_read():
    dataset = Dataset.from_dict({"qads_score": SCORES, "qads_embedding": VECTORS.tolist(), "ifd": SCORES / 5})
    assert list(QaDSSampler(dataset, size=40)) == list(sampler_of(size=40))
    hardest = QaDSSampler(dataset, size=40, strategy="ifd", start=0)
    assert list(hardest) == np.argsort(-SCORES)[:40].tolist()


def test_a_function_serves_as_the_strategy():
    def best(pool, size):
        order = pool.free()[np.argsort(-pool.scores[pool.free()])][:size]
        return Picks(order, pool.scores[order])

    assert list(sampler_of(size=40, strategy=best)) == list(sampler_of(size=40, strategy="quality"))


def test_influence_serves_where_there_is_no_score():
    dataset = Dataset.from_dict({"qads_influence": SCORES / 5})
    assert list(QaDSSampler(dataset, size=5, strategy="quality", start=0)) == np.argsort(-SCORES)[:5].tolist()


def test_ranks_serve_where_there_are_no_vectors():
    dataset = Dataset.from_dict({"qads_rank": [2, None, 0, 1], "qads_score": [1.0, 2.0, 3.0, 4.0]})
    assert list(QaDSSampler(dataset)) == [2, 3, 0]
    assert list(QaDSSampler(dataset, size=2)) == [2, 3]
    with pytest.raises(SelectionError, match="size=4 but 3 rows can be sampled"):
        QaDSSampler(dataset, size=4)


def test_shuffling_changes_with_the_epoch_and_not_with_the_rank():
    sampler = sampler_of(size=50, shuffle=True)
    first = list(sampler)
    assert first == list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert first != second
    assert sorted(first) == sorted(second) == sorted(sampler_of(size=50))
    other_rank = sampler_of(size=50, shuffle=True)
    other_rank.set_epoch(1)
    assert list(other_rank) == second


def test_without_shuffling_epochs_are_alike():
    sampler = sampler_of(size=50)
    first = list(sampler)
    sampler.set_epoch(7)
    assert list(sampler) == first


def test_the_strategy_runs_once():
    sizes = []

    def counted(pool, size):
        sizes.append(size)
        return STRATEGIES["qads"](pool, size)

    assert len(sampler_of(strategy=counted, fraction=0.5)) == 100
    assert sizes == [100]


def test_rows_without_a_rank_are_counted():
    rows = Dataset.from_dict({"qads_rank": [2, None, 0, 1]})
    sampler = QaDSSampler(rows)
    assert (list(sampler), sampler.left_out) == ([2, 3, 0], 1)
    assert list(QaDSSampler(rows, fraction=0.1)) == [2]  # one row at least
    with pytest.raises(SelectionError, match="needs vectors"):
        QaDSSampler(rows, scores=np.ones(4))  # given scores are not passed over for the ranks


def test_a_fraction_is_one_of_the_rows_that_can_be_sampled():
    scores = np.where(np.arange(200) < 100, np.nan, SCORES)
    sampler = sampler_of(scores=scores, fraction=0.9)
    assert (len(sampler), sampler.left_out) == (90, 100)


@pytest.mark.parametrize(
    "dataset", [iter([]), Dataset.from_dict({"qads_embedding": []})], ids=["iterable", "empty"]
)
def test_a_dataset_that_cannot_be_sampled_is_refused(dataset):
    with pytest.raises(SelectionError, match="dataset"):
        QaDSSampler(dataset)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"size": 10, "fraction": 0.1}, "not both"),
        ({"fraction": 0.0}, r"in \(0, 1\]"),
        ({"fraction": 1.1}, r"in \(0, 1\]"),
        ({"size": -1}, "size=-1"),
        ({"size": 201}, "size=201 but 200 rows can be sampled"),
        ({"vectors": VECTORS[:10]}, "10 vectors for a dataset of 200 rows"),
        ({"scores": SCORES[:10]}, "10 scores for a dataset of 200 rows"),
        ({"size": "3"}, "size must be a whole number, got '3'"),
        ({"fraction": "0.1"}, r"fraction must be a number in \(0, 1\], got '0.1'"),
        ({"seed": -1}, "seed=-1 is negative"),
        ({"vectors": None}, "needs vectors"),
        ({"strategy": "best"}, "not known"),
    ],
)
def test_wrong_use_is_refused(asked, says):
    with pytest.raises(SelectionError, match=says):
        sampler_of(**asked)


def test_a_dataset_whose_length_has_changed_is_refused():
    rows = list(ROWS)
    sampler = QaDSSampler(rows, vectors=VECTORS, scores=SCORES, size=50)
    rows.pop()
    with pytest.raises(
        SelectionError, match=r"200 rows, this one has 199.*dataset.select\(list\(sampler\)\)"
    ):
        list(sampler)
    with pytest.raises(SelectionError, match="199"):
        sampler.check(rows)


def test_a_loader_draws_the_rows_in_rank_order():
    sampler = sampler_of(size=50)
    loader = DataLoader(ROWS, batch_size=8, sampler=sampler)
    assert torch.cat(list(loader)).tolist() == list(sampler)


def test_a_trainer_draws_the_rows_in_rank_order(tmp_path):
    from transformers import Trainer, TrainingArguments

    seen: list[int] = []

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, row):
            seen.extend(row.tolist())
            return {"loss": (self.weight - 1).square().sum()}

    class SampledTrainer(Trainer):
        def _get_train_sampler(self, train_dataset=None):
            sampler.check(train_dataset if train_dataset is not None else self.train_dataset)
            return sampler

    dataset = Dataset.from_dict({"row": ROWS})
    sampler = QaDSSampler(dataset, vectors=VECTORS, scores=SCORES, size=48)
    arguments = TrainingArguments(
        tmp_path,
        per_device_train_batch_size=8,
        num_train_epochs=1,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = SampledTrainer(model=Model(), args=arguments, train_dataset=dataset)
    trainer.train()
    assert seen == list(sampler)


TWO_PROCESSES = Path(__file__).with_name("two_processes.py")


@pytest.mark.slow
@pytest.mark.parametrize(("size", "padding"), [(48, 0), (45, 3)])
def test_two_processes_share_the_rows(tmp_path, size, padding):
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(29_600 + size)]
    environment = {**os.environ, "PYTHONPATH": str(Path(hf_qads.__file__).parents[1])}
    command = [sys.executable, *launch, TWO_PROCESSES, str(size), tmp_path]
    subprocess.run(command, check=True, timeout=300, env=environment)
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    expected = list(sampler_of(size=size, shuffle=True))
    for epoch in range(2):
        drawn = ranks[0][epoch] + ranks[1][epoch]
        assert sorted(set(drawn)) == sorted(expected)  # none lost
        assert len(drawn) == size + padding  # none twice, but for what accelerate repeats to fill a batch
    assert ranks[0][0] != ranks[0][1]


def test_a_dataset_of_several_splits_is_told_to_name_one():
    rows = Dataset.from_dict({"qads_score": [1.0, 2.0]})
    with pytest.raises(SelectionError, match=r"has splits \('train', 'test'\), .* dataset\['train'\]"):
        QaDSSampler(DatasetDict({"train": rows, "test": rows}), size=1)
