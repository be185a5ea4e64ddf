"""What a comparison found is told on the cards of its run."""

import json

from hf_qads import stage
from hf_qads.publishing.facts.comparison import comparison
from tests.publishing.runs import SMALL, make_run

SAID = "qads is better than random by +0.031 nats per token [+0.010, +0.052], 5 and 5 seeds, 300 questions."


def with_comparison(path):
    run = make_run(path, sources=SMALL)
    (run.path / "compare").mkdir()
    tables = {
        "20000tokens/log_probability": {"sentences": [SAID, "kcenter against random: inconclusive, ..."]},
        "20000tokens/log_probability/in domain": {"lines": []},
    }
    (run.path / "compare" / "comparison.json").write_text(json.dumps({"tables": tables}))
    return run


def test_the_verdict_on_the_run_s_own_strategy_stands_on_the_mixture_s_card(tmp_path):
    run = with_comparison(tmp_path / "run")
    told = comparison(run)
    assert "better than random by" in told
    assert "kcenter" not in told
    folder = stage(run.path, tmp_path / "staged")
    card = next(path for path in folder.rglob("README.md") if "better than random by" in path.read_text())
    assert "## Evidence" in card.read_text()


def test_nothing_is_told_where_nothing_was_compared(tmp_path):
    assert comparison(make_run(tmp_path / "run", sources=SMALL)) == ""
