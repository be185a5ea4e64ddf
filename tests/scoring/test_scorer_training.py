import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file
from transformers import Trainer, TrainingArguments, pipeline

from hf_qads.errors import ScoringError, TrainingError
from hf_qads.scoring.scorer.scorer import QaDSScorer
from hf_qads.scoring.scorer.training import train_scorer
from hf_qads.training.arguments import Schedule, training_arguments
from tests.models import tiny_model, tiny_rows, tiny_tokenizer

ROOT = Path(__file__).parents[2]
POOR = "I do not know, sorry. Ask me something else."


def scored(n, *, seed=0, source="sums", kind="reasoning"):
    """Rows of which every other one is poor, and their real scores."""
    rows = [{**row, "source": source, "kind": kind} for row in tiny_rows(n, seed=seed, source=source)]
    rows = [{**row, "answer": POOR} if place % 2 else row for place, row in enumerate(rows)]
    noise = np.random.default_rng(seed).normal(0, 0.05, n)
    return rows, np.clip(np.where(np.arange(n) % 2, 0.2, 0.8) + noise, 0, 1)


def arguments(folder, *, epochs=2.0, save_steps=0, **options):
    schedule = Schedule(epochs=epochs, learning_rate=3e-3, global_batch=8)
    return training_arguments(
        TrainingArguments, folder, schedule=schedule, device="cpu", save_steps=save_steps, **options
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    rows, scores = scored(72)
    chat, chat_scores = scored(24, seed=1, source="chat", kind="general")
    pool = [*rows, *chat, {"question": "long", "answer": "word " * 600}, {"question": "new", "answer": "x"}]
    result = train_scorer(
        tiny_model(),
        tiny_tokenizer(),
        pool,
        [*scores, *chat_scores, 0.5, np.nan],
        folder=folder / "scorer",
        arguments=arguments(folder / "checkpoints"),
        groups=[row.get("kind", "general") for row in pool],
        held_out=0.25,
        base_model="org/base",
    )
    return result, pool


def test_it_tells_good_from_poor_on_questions_it_never_saw(trained):
    found = trained[0].evaluation["agreement"]["all"]
    assert found["n"] == 24
    assert found["pearson"] > 0.9
    assert found["pearson_low"] <= found["pearson"] <= found["pearson_high"]


def test_agreement_is_told_per_group_and_per_source(trained):
    agreement = trained[0].evaluation["agreement"]
    assert {name: entry["n"] for name, entry in agreement["groups"].items()} == {
        "reasoning": 18,
        "general": 6,
    }
    assert {name: entry["n"] for name, entry in agreement["sources"].items()} == {"sums": 18, "chat": 6}
    assert agreement["length_alone"]["n"] == 24


def test_every_row_is_accounted_for(trained):
    result, pool = trained
    assert result.left_out == {"longer than the context of 512 tokens": 1, "no real score": 1}
    rows = result.evaluation["rows"]
    assert rows["given"] == len(pool) == rows["trained_on"] + rows["held_out"] + 2
    told = result.evaluation["labels"]["groups"]
    assert sum(sum(group["rows"]) for group in told.values()) == rows["trained_on"]


def test_the_held_out_rows_lie_beside_it(trained):
    result, pool = trained
    table = pq.read_table(result.folder / "held_out.parquet").to_pylist()
    by_id = {row["row_id"]: row for row in pool if "row_id" in row}
    scores, _ = QaDSScorer(result.folder).predict([by_id[row["row_id"]] for row in table])
    np.testing.assert_allclose([row["predicted"] for row in table], scores, atol=1e-5)
    assert {row["group"] for row in table} == {"reasoning", "general"}
    assert {row["qads_reason"] for row in table} == {None}


def test_it_is_an_ordinary_classifier_folder_without_pickles_or_paths(trained, tmp_path):
    folder = trained[0].folder
    assert (
        pipeline("text-classification", model=str(folder))("Question: 1\nAnswer: 2\n\n")[0]["label"]
        in "12345"
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "evaluation.json",
        "held_out.parquet",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    texts = [path.read_text() for path in folder.iterdir() if path.suffix in (".json", ".md")]
    assert not any(str(folder.parent) in text for text in texts)
    assert json.loads((folder / "config.json").read_text())["qads_template"] == "plain"


def test_a_run_that_is_interrupted_goes_on_and_ends_the_same(tmp_path, monkeypatch):
    rows, scores = scored(32)

    def train(name):
        return train_scorer(
            tiny_model(),
            tiny_tokenizer(),
            rows,
            scores,
            folder=tmp_path / name / "scorer",
            arguments=arguments(tmp_path / name / "checkpoints", epochs=3, save_steps=3),
            held_out=0,
        )

    whole = train("whole")
    step, done = Trainer.training_step, []

    def killed(self, *given, **named):
        done.append(1)
        if len(done) == 8:
            raise KeyboardInterrupt
        return step(self, *given, **named)

    monkeypatch.setattr(Trainer, "training_step", killed)
    with pytest.raises(KeyboardInterrupt):
        train("killed")
    assert not (tmp_path / "killed" / "scorer").exists()
    monkeypatch.setattr(Trainer, "training_step", step)
    # A checkpoint that a kill cut short is passed over.
    (tmp_path / "killed" / "checkpoints" / "checkpoint-7").mkdir()
    resumed = train("killed")
    assert resumed.evaluation["training"]["resumed"]
    assert not whole.evaluation["training"]["resumed"]
    mine, theirs = (load_file(result.folder / "model.safetensors") for result in (whole, resumed))
    for name, weights in mine.items():
        np.testing.assert_allclose(weights, theirs[name], atol=1e-6)
    with pytest.raises(TrainingError, match=r"checkpoints of another run \(it differs in .*rows"):
        train_scorer(
            tiny_model(),
            tiny_tokenizer(),
            rows[:-2],
            scores[:-2],
            folder=tmp_path / "other",
            arguments=arguments(tmp_path / "killed" / "checkpoints"),
        )


def test_equal_scores_are_told_and_give_no_correlation(tmp_path):
    rows, _ = scored(16)
    result = train_scorer(
        tiny_model(),
        tiny_tokenizer(),
        rows,
        [0.5] * 16,
        folder=tmp_path / "scorer",
        arguments=arguments(tmp_path / "work", epochs=1),
        held_out=0.3,
    )
    assert result.evaluation["labels"]["groups"]["all"] == {
        "edges": [0.5] * 6,
        "rows": [0, 0, 11, 0, 0],
        "all_scores_equal": True,
    }
    assert result.evaluation["agreement"]["all"]["reason"] == "all real scores are equal"


@pytest.mark.parametrize("kind", ["gpt2", "qwen3"])
def test_other_architectures_and_tokenizers_without_pad_are_trained(kind, tmp_path):
    from transformers import AutoTokenizer

    rows, scores = scored(16)
    tiny_model(kind).save_pretrained(tmp_path / "base")
    tiny_tokenizer(pad=False, bos=kind != "gpt2").save_pretrained(tmp_path / "base")
    result = train_scorer(
        tmp_path / "base",
        AutoTokenizer.from_pretrained(tmp_path / "base"),
        rows,
        scores,
        folder=tmp_path / "scorer",
        arguments=arguments(tmp_path / "work", epochs=1),
        dtype="bfloat16",
        labels="quantile",
    )
    found, reasons = QaDSScorer(result.folder).predict(rows)
    assert not reasons
    assert ((found >= 1) & (found <= 5)).all()
    assert result.evaluation["labels"]["method"] == "quantile"
    assert json.loads((result.folder / "config.json").read_text())["dtype"] == "bfloat16"


SCRIPT = """
import sys
import torch
from hf_qads.scoring.scorer.training import train_scorer
from tests.models import tiny_model, tiny_tokenizer
from tests.scoring.test_scorer_training import arguments, scored
torch.set_num_threads(1)
rows, scores = scored(48)
train_scorer(tiny_model(), tiny_tokenizer(), rows, scores, folder=sys.argv[1] + "/scorer",
             arguments=arguments(sys.argv[1] + "/work"), held_out=0.25)
"""


@pytest.mark.slow
def test_two_processes_train_one_scorer(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    found = {}
    for name, launcher in (("one", [sys.executable]), ("two", torchrun)):
        subprocess.run(
            [*launcher, tmp_path / "script.py", tmp_path / name],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            check=True,
            capture_output=True,
        )
        found[name] = json.loads((tmp_path / name / "scorer" / "evaluation.json").read_text())
    one, two = found["one"], found["two"]
    assert one["training"]["global_batch"] == two["training"]["global_batch"] == 8
    assert one["training"]["steps"] == two["training"]["steps"]
    assert one["rows"] == two["rows"]
    assert two["agreement"]["all"]["pearson"] > 0.8


@pytest.mark.slow
def test_lora_is_merged_into_an_ordinary_folder(tmp_path):
    peft = pytest.importorskip("peft")
    rows, scores = scored(48)
    base = tiny_model()
    before = {name: weights.clone() for name, weights in base.state_dict().items()}
    result = train_scorer(
        base,
        tiny_tokenizer(),
        rows,
        scores,
        folder=tmp_path / "scorer",
        arguments=arguments(tmp_path / "work", epochs=4),
        held_out=0.25,
        lora=peft.LoraConfig(r=8, lora_alpha=32, target_modules="all-linear"),
    )
    assert result.evaluation["agreement"]["all"]["pearson"] > 0.8
    assert result.evaluation["training"]["lora"]
    assert (result.folder / "model.safetensors").exists()
    assert not (result.folder / "adapter_config.json").exists()
    assert all((base.state_dict()[name] == weights).all() for name, weights in before.items())


def test_the_base_models_own_template_goes_into_the_scorer(tmp_path):
    rows, scores = scored(8)
    base = tiny_model()
    base.config.qads_template = "Q: {question}\nA: {answer}\n"
    work = arguments(tmp_path / "work", epochs=1)
    result = train_scorer(base, tiny_tokenizer(), rows, scores, folder=tmp_path / "scorer", arguments=work)
    assert json.loads((result.folder / "config.json").read_text())["qads_template"].startswith("Q: ")
    assert QaDSScorer(result.folder).load().renderer.template.startswith("Q: ")


def test_a_tokenizer_that_auto_tokenizer_reads_otherwise_is_refused(tmp_path):
    # Saved beside a Qwen2 model, AutoTokenizer opens it as Qwen2's, which splits words otherwise.
    rows, scores = scored(16)
    with pytest.raises(ScoringError, match=r"Load the tokenizer by\s+AutoTokenizer"):
        train_scorer(
            tiny_model("qwen2"),
            tiny_tokenizer(),
            rows,
            scores,
            folder=tmp_path / "scorer",
            arguments=arguments(tmp_path / "work", epochs=1),
        )
    assert not (tmp_path / "scorer").exists()


def test_what_does_not_fit_together_is_refused(tmp_path):
    rows, scores = scored(8)
    given = (tiny_model(), tiny_tokenizer(), rows)
    work = arguments(tmp_path / "work")
    with pytest.raises(ScoringError, match="8 rows, but 7 scores"):
        train_scorer(*given, scores[:7], folder=tmp_path / "s", arguments=work)
    with pytest.raises(ScoringError, match="8 rows, but 1 groups"):
        train_scorer(*given, scores, folder=tmp_path / "s", arguments=work, groups=["a"])
    with pytest.raises(ScoringError, match="Use two folders"):
        train_scorer(*given, scores, folder=tmp_path / "work", arguments=work)
    with pytest.raises(ScoringError, match="no row is left"):
        train_scorer(*given, np.full(8, np.nan), folder=tmp_path / "s", arguments=work)
    with pytest.raises(ScoringError, match="no scorer can be built on"):
        train_scorer(tmp_path / "none", given[1], rows, scores, folder=tmp_path / "s", arguments=work)
