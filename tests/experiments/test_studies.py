"""Studies of a small embedded run: cells that differ have other keys, and unequal tokens are refused."""

import json

import pytest

from hf_qads.config import loading
from hf_qads.config.experiments import Arm, Budget, parse
from hf_qads.errors import ConfigError, SelectionError
from hf_qads.experiments.compare import choose
from hf_qads.experiments.scaling import SELECTED, ScalingStudy
from hf_qads.experiments.validity import ScoreValidity, write
from hf_qads.pipeline.choosing import Candidates
from hf_qads.pipeline.run import run
from hf_qads.runfolder import RunFolder

RUN = {
    "name": "embedded",
    "model": {"path": "embedded"},
    "sources": [{"path": "embedded_word_problems", "rows": 20}, {"path": "embedded_chat", "rows": 12}],
    "augment": {"model": "rules", "licence": "apache-2.0", "questions": 8},
    "anchors": {"sources": ["embedded_target_words"], "size": 4, "pool": 8},
    "prompts": 12,
    "experience": None,
    "scorer": {"type": "probe"},
    "decontaminate": None,
}
EVALUATE = {"benchmarks": ["embedded"], "rows": 4}


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return run(loading.parse(RUN), folder, until="scores", say=lambda _: None).path


def scaling(scored, out, **changes):
    section = {"run": str(scored), "seeds": 1, "tokens": 60, "evaluate": EVALUATE, **changes}
    return ScalingStudy(parse({"name": "study", "scaling": section}), out, say=lambda _: None)


def validity(scored, out, **changes):
    section = {"run": str(scored), "scores": ["qads_score"], "groups": 2, "tokens": 60, "evaluate": EVALUATE}
    return ScoreValidity(parse({"name": "study", "validity": section | changes}), out, say=lambda _: None)


def test_the_selected_part_is_another_cell_where_another_strategy_selects_it(scored, tmp_path):
    names = [
        {cell.arm: cell.name for cell in scaling(scored, tmp_path, strategies=["random", last]).cells}
        for last in ("qads", "quality")
    ]
    assert names[0][SELECTED] != names[1][SELECTED]
    assert names[0]["random"] == names[1]["random"]


def test_parts_and_groups_with_fewer_tokens_than_are_trained_on_are_refused(scored, tmp_path):
    with pytest.raises(ConfigError, match=r"tokens: 1000000 is more than .*base pool has .* at most"):
        scaling(scored, tmp_path, tokens=1_000_000)
    with pytest.raises(ConfigError, match=r"qads_score, group 1 has [\d,]+, qads_score, group 2 has"):
        validity(scored, tmp_path, tokens=1_000_000)


def test_gains_are_not_told_where_the_untrained_model_was_not_measured(scored, tmp_path):
    study = validity(scored, tmp_path, seeds=2)
    for cell in study.cells[1:]:
        values = {"embedded": {"log_probability": [-1.0, -1.2, -1.1, -1.3 + 0.01 * cell.seed]}}
        result = {"cell": vars(cell), "tokens": 58, "score": 3.0, "values": values}
        (tmp_path / "cells" / cell.name).mkdir(parents=True)
        (tmp_path / "cells" / cell.name / "result.json").write_text(json.dumps(result))
    text = write(study, {})
    assert "| qads_score |  |  | 58 to 58 |" in text
    assert "The untrained model is not measured yet, so gains over it are not known." in text
    saved = (tmp_path / "validity.json").read_text()
    assert "NaN" not in saved
    (line,) = json.loads(saved)["scores"]
    assert line["gains"] == [None, None]
    assert line["tokens"] == [58, 58]


def test_a_ratio_that_leaves_no_row_of_a_budget_is_told_by_both(scored, tmp_path):
    few = Arm.model_validate({"name": "few", "ratio": {"rule": "fixed", "value": 0.001}})
    with pytest.raises(
        SelectionError, match=r"Arm few: its ratio .*0\.001.* leaves no row for a budget of 3 rows"
    ):
        choose(Candidates(RunFolder.open(scored), tmp_path), few, Budget(rows=3), seed=0)
