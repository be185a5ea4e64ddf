"""Rows that cells may choose: features and lengths follow the run, and what is left out is counted."""

import json
import shutil

import pytest

from hf_qads.config import loading
from hf_qads.embedded import language_model_path
from hf_qads.errors import ConfigError
from hf_qads.pipeline.choosing import Candidates
from hf_qads.pipeline.run import run

RAW = {
    "name": "embedded",
    "model": {"path": "embedded"},
    "sources": [{"path": "embedded_word_problems", "rows": 20}, {"path": "embedded_chat", "rows": 20}],
    "anchors": {"sources": ["embedded_target_words"], "size": 4, "pool": 8},
    "prompts": 12,
    "experience": None,
    "scorer": {"type": "probe"},
}
FORMAT = "{question} => {answer}"


def made(folder, **changes):
    return run(loading.parse({**RAW, **changes}), folder, until="scores", say=lambda _: None)


def opened(folder, place, **changes):
    candidates = Candidates(made(folder, **changes), place)
    return candidates, candidates.order("rds", 8, seed=0).tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"anchors": {"sources": ["embedded_target"], "size": 6, "pool": 8}},
        {"model": {"path": "embedded", "template": FORMAT}},
    ],
    ids=["anchors", "template"],
)
def test_candidates_of_a_run_that_is_redone_are_those_of_a_fresh_run(tmp_path, change):
    opened(tmp_path / "run", tmp_path / "out")
    again, picked = opened(tmp_path / "run", tmp_path / "out", **change)
    fresh, expected = opened(tmp_path / "fresh", tmp_path / "other", **change)
    assert picked == expected
    assert again.lengths.tolist() == fresh.lengths.tolist()


def test_a_strategy_with_a_target_is_refused_where_the_run_has_no_anchors(tmp_path):
    lines = [
        {"question": f"What is {n} + 1?", "answer": str(n + 1), "qads_score": 1 + n % 5} for n in range(20)
    ]
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    scored = {"sources": [{"path": str(rows)}], "scorer": {"type": "precomputed"}, "anchors": None}
    with pytest.raises(ConfigError, match=r"no target rows to compare its rows with\. Give it `anchors`"):
        opened(tmp_path / "run", tmp_path / "out", **scored)


def test_every_row_that_is_no_candidate_is_counted_once_by_its_reason(tmp_path):
    short = {"model": {"path": "embedded", "max_length": 110}, "scorer": None}
    folder = made(tmp_path / "run", **short)
    whole = Candidates(folder, tmp_path / "out")
    assert whole.left_out["no score"] > 0
    assert len(whole.rows) + sum(whole.left_out.values()) == 40
    part = Candidates(folder, tmp_path / "out", sources=["embedded_chat"], max_characters=200)
    assert part.left_out["their source is not among those named"] == 20
    assert part.left_out["longer than 200 characters"] > 0
    assert len(part.rows) + sum(part.left_out.values()) == 40


def test_lengths_are_counted_without_the_weights(tmp_path):
    model = tmp_path / "model"
    shutil.copytree(language_model_path(), model)
    folder = made(tmp_path / "run", model={"path": str(model)})
    for weights in model.glob("*.safetensors"):
        weights.unlink()
    assert (Candidates(folder, tmp_path / "out").lengths > 0).all()
