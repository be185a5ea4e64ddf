"""What a comparison found is told on the cards of its run."""

import json

import pytest

from hf_qads import stage
from hf_qads.publishing.facts.comparison import verdicts
from tests.publishing.runs import SMALL, make_run

SAID = "qads is better than random by +0.031 nats per token [+0.010, +0.052], 5 and 5 seeds, 300 questions."


ARM = {"strategy": "qads", "start": 20, "metric": "euclidean", "options": {}, "ratio": None}


def with_comparison(path, **other):
    """A run with a comparison of its selection, or of one with other settings."""
    run = make_run(path, sources=SMALL)
    (run.path / "compare").mkdir()
    said = {"qads": SAID, "kcenter": "kcenter against random: inconclusive, ..."}
    tables = {
        "20000tokens/log_probability": {"sentences": said},
        "20000tokens/log_probability/in domain": {"lines": []},
    }
    arms = {"qads": ARM | other, "kcenter": ARM | {"strategy": "kcenter"}}
    stages = {line["stage"]: line["key"] for line in run.ledger()}
    record = {"tables": tables, "arms": arms, "stages": stages}
    (run.path / "compare" / "comparison.json").write_text(json.dumps(record))
    return run


def test_the_verdict_on_the_run_s_own_strategy_stands_on_the_mixture_s_card(tmp_path):
    run = with_comparison(tmp_path / "run")
    told = verdicts(run)
    assert "better than random by" in told
    assert "kcenter" not in told
    folder = stage(run.path, tmp_path / "staged")
    card = next(path for path in folder.rglob("README.md") if "better than random by" in path.read_text())
    assert "## Evidence" in card.read_text()


@pytest.mark.parametrize(
    "other", [{"options": {"power": 0.5}}, {"metric": "cosine"}, {"start": 100}, {"ratio": {"rule": "all"}}]
)
def test_a_verdict_on_another_selection_by_the_same_strategy_is_not_told(tmp_path, other):
    assert verdicts(with_comparison(tmp_path / "run", **other)) == ""


def test_a_verdict_on_scores_that_were_made_anew_since_is_not_told(tmp_path):
    run = with_comparison(tmp_path / "run")
    run.record("scores", {**run.line("scores"), "key": "another"})
    assert verdicts(run) == ""


def test_nothing_is_told_where_nothing_was_compared(tmp_path):
    assert verdicts(make_run(tmp_path / "run", sources=SMALL)) == ""
