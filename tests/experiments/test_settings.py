"""Settings of an experiment, and the plan of a comparison: what is wrong is said before anything is done."""

import copy
import json

import numpy as np
import pytest

from hf_qads import cli
from hf_qads.config.experiments import parse
from hf_qads.errors import ConfigError, SelectionError
from hf_qads.experiments.compare import listed, settings_key
from hf_qads.experiments.planning import plan_text

RAW = {
    "name": "study",
    "compare": {
        "run": "embedded",
        "arms": ["qads"],
        "budgets": [{"tokens": 300}],
        "seeds": 3,
        "controls": ["untrained", "random"],
        "evaluate": {"benchmarks": ["gsm8k", "aqua_rat_test"], "out_of_domain": ["aqua_rat_test"], "rows": 8},
    },
}


def study(**changes):
    raw = copy.deepcopy(RAW)
    raw["compare"]["evaluate"] |= changes.pop("evaluate", {})
    raw["compare"] |= changes
    return parse(raw)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budgets": [{"rows": 9}, {"rows": 9}]}, "two budgets have one name: 9rows, 9rows"),
        (
            {"budgets": [{"share": 0.12345671}, {"share": 0.12345672}]},
            "two budgets have one name",
        ),
        ({"arms": ["qads", {"name": "untrained"}]}, "untrained is no name for an arm"),
        ({"control": "untrained"}, "'untrained' is one cell, without seeds: no verdict comes of it"),
        ({"control": "whole_pool", "controls": ["whole_pool"]}, "'whole_pool' is one cell"),
        ({"evaluate": {"benchmarks": ["gsmk8"]}}, "benchmark 'gsmk8' is not one of gsm8k"),
        (
            {"evaluate": {"out_of_domain": ["math"]}},
            "out_of_domain names math, which is none of",
        ),
        ({"evaluate": {"accuracy_only": ["svamp"]}}, "accuracy_only names svamp"),
        ({"evaluate": {"accuracy_only": ["svampp"]}}, "benchmark 'svampp' is not one of"),
    ],
)
def test_settings_that_name_two_things_alike_or_nothing_at_all_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        study(**change)


def test_two_shares_of_a_scaling_study_with_one_name_are_refused():
    scaling = {
        "run": "embedded",
        "shares": [0.12345671, 0.12345672, 1.0],
        "evaluate": {"benchmarks": ["gsm8k"]},
    }
    with pytest.raises(ConfigError, match="two shares have one name"):
        parse({"name": "study", "scaling": scaling})


def test_a_benchmark_is_known_by_its_own_name_wherever_the_catalogue_s_is_given():
    setting = study().compare.evaluate
    assert setting.benchmarks == ["gsm8k", "aqua_rat"]
    assert setting.out_of_domain == ["aqua_rat"]


def test_cells_are_listed_with_the_control_s_own_seeds_from_the_first_one_on():
    setting = study(budgets=[{"rows": 9}, {"rows": 5}], seeds=1, control_seeds=2, first_seed=4).compare
    assert listed(setting) == [
        ("untrained", "", 0),
        *[(arm, budget, 4) for budget in ("9rows", "5rows") for arm in ("random", "qads")],
        *[("random", budget, 5) for budget in ("9rows", "5rows")],
    ]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"arms": ["no_such"]}, SelectionError, "no_such"),
        ({"arms": [{"name": "qads", "options": {"powr": 2}}]}, SelectionError, "powr"),
        ({"pilot": "nowhere"}, ConfigError, "pilot: nowhere holds no finished cell"),
    ],
)
def test_the_plan_refuses_what_the_comparison_would(tmp_path, change, error, message):
    with pytest.raises(error, match=message):
        plan_text(study(**change), tmp_path)


def test_accuracy_that_comes_by_some_benchmarks_only_has_a_line_in_the_plan(tmp_path):
    lines = plan_text(study(evaluate={"accuracy_only": ["aqua_rat"]}), tmp_path).splitlines()[1:]
    assert [line.split(":")[0] for line in lines] == ["log-probability", "accuracy"]
    assert all("8 questions of 1 test set," in line for line in lines)


def plant(folder, experiment, *, rows, seconds=1.0):
    """Finished cells of a comparison, with values drawn."""
    rng = np.random.default_rng(rows)
    for number, (arm, budget, seed) in enumerate(listed(experiment.compare)):
        own = folder / "cells" / f"{rows}-{number}"
        own.mkdir(parents=True)
        values = {name: {"log_probability": rng.normal(size=rows).tolist()} for name in ("gsm8k", "aqua_rat")}
        cell = {"arm": arm, "budget": budget, "seed": seed, "key": str(number)}
        result = {"cell": cell, "settings": settings_key(experiment.compare), "values": values}
        (own / "times.json").write_text(json.dumps({"training": seconds}))
        (own / "result.json").write_text(json.dumps(result))


def test_cells_of_other_settings_are_no_pilot_in_the_folder_and_do_not_mix_in_one_that_is_named(tmp_path):
    before, now = study(evaluate={"rows": 12}), study()
    plant(tmp_path, before, rows=12)
    assert "by a prior" in plan_text(now, tmp_path)
    plant(tmp_path, now, rows=8, seconds=3600.0)
    assert "A cell took 3600 s: about 7.0 h." in plan_text(now, tmp_path)
    assert "by a pilot" in plan_text(now, tmp_path)
    assert "by a pilot" in plan_text(study(pilot=str(tmp_path)), tmp_path / "other")


def test_the_help_of_compare_names_the_folder_of_a_run_folder(capsys):
    with pytest.raises(SystemExit):
        cli.main(["compare", "--help"])
    assert "RUN/compare" in capsys.readouterr().out
