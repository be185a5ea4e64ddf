"""What cells are given: the model as the run has it, the scores that they read, and a run that stays."""

import os
import shutil

import numpy as np
import pytest
import yaml

from hf_qads.config.experiments import parse
from hf_qads.errors import RunError
from hf_qads.evaluation import Evaluated
from hf_qads.experiments import workbench
from hf_qads.experiments.cells import Cell
from hf_qads.experiments.compare import ComparisonStudy
from hf_qads.experiments.scaling import ScalingStudy
from hf_qads.experiments.validity import ScoreValidity
from hf_qads.pipeline.run import reading
from hf_qads.runfolder import RunFolder
from tests.models import tiny_model, tiny_rows, tiny_tokenizer
from tests.pipeline.conftest import write_rows

MEASURED = {"benchmarks": ["embedded_words"], "rows": 2}


def quiet(line):
    """Says nothing."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workbench")
    tiny_model().save_pretrained(folder / "model")
    tiny_tokenizer(chat=True).save_pretrained(folder / "model")
    write_rows(folder / "sums.jsonl", tiny_rows(12, seed=1))
    raw = {
        "name": "tiny",
        "model": str(folder / "model"),
        "sources": [str(folder / "sums.jsonl")],
        "anchors": {"sources": [str(folder / "sums.jsonl")], "size": 2},
        "experience": None,
        "scorer": None,
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(raw))
    return folder


def comparison(run, out):
    section = {"run": str(run), "arms": ["qads"], "budgets": [{"rows": 3}], "evaluate": MEASURED}
    return ComparisonStudy(parse({"name": "tiny", "compare": section}), out, say=quiet)


@pytest.fixture(scope="module")
def made(files):
    """A scaling study, and the run that it had made."""
    section = {
        "run": str(files / "run.yaml"),
        "strategies": ["random", "perplexity_top"],
        "evaluate": MEASURED,
    }
    return ScalingStudy(parse({"name": "tiny", "scaling": section}), files / "out", say=quiet)


def test_a_score_that_a_strategy_reads_is_made_and_keyed_in_every_study(made, tmp_path):
    assert "perplexity" in made.bench.candidates.scores()
    run = RunFolder(tmp_path / "run")
    shutil.copytree(made.bench.run.path, run.path)
    section = {
        "run": str(run.path),
        "scores": ["perplexity_mid", "random"],
        "groups": 2,
        "tokens": 60,
        "evaluate": MEASURED,
    }
    cells = []
    for key in ("one", "other"):
        run.record("row_scores", {**run.line("row_scores"), "key": key})
        cells.append(ScoreValidity(parse({"name": "tiny", "validity": section}), tmp_path, say=quiet).cells)
    changed = {one.arm for one, other in zip(*cells, strict=True) if one.key != other.key}
    assert changed == {"perplexity_mid"}


def test_a_run_is_not_changed_while_comparisons_read_it(made, tmp_path):
    run = made.bench.run
    study, cell = comparison(run.path, tmp_path), Cell("arm", "", 0, "k")

    def work(cell, folder):
        comparison(run.path, tmp_path)  # another may read it, too
        with run.locked():
            return {}, {}

    assert "is in use by another run, or a comparison of it" in study.bench.do([cell], work)[cell.name]
    with run.locked(), pytest.raises(RunError, match="in use"):
        comparison(run.path, tmp_path)
    with reading(run):
        assert study.bench.do([cell], lambda *_: ({}, {})) == {}


def test_cells_train_and_measure_the_model_as_the_config_of_the_run_has_it(made, tmp_path, monkeypatch):
    run = RunFolder(tmp_path / "run")
    shutil.copytree(made.bench.run.path, run.path)
    config = run.config()
    config["model"] |= {"revision": "abc", "template": "chat", "max_length": 200}
    (run.path / "config.yaml").write_text(yaml.safe_dump({**config, "device": "cpu"}))
    (run.path / "date").write_text("2001-02-03\n")
    calls = []

    def fine_tune(model, rows, **given):
        calls.append((model, given, os.environ["HF_QADS_DATE"]))
        return dict.fromkeys(("rows", "tokens", "left_out", "steps", "loss"), 0)

    def evaluate(model, items, **given):
        calls.append((model, given, os.environ["HF_QADS_DATE"]))
        return {name: Evaluated(name, (), {"log_probability": np.zeros(2)}) for name in items}

    monkeypatch.setattr(workbench, "fine_tune", fine_tune)
    monkeypatch.setattr(workbench, "evaluate", evaluate)
    study = comparison(run.path, tmp_path / "out")
    assert study.cells[0].key != comparison(made.bench.run.path, tmp_path / "other").cells[0].key
    base, trained = [cell for cell in study.cells if cell.arm in ("untrained", "qads")][:2]
    assert study.bench.do([base, trained], study.work) == {}
    own, its = config["model"]["path"], str(study.out / "cells" / trained.name / "model")
    assert [(model, given["revision"]) for model, given, _ in calls] == [
        (own, "abc"), (own, "abc"), (its, None)
    ]  # fmt: skip
    for name, value in {"template": "chat", "max_length": 200, "device": "cpu"}.items():
        assert {given[name] for _, given, _ in calls} == {value}
    assert {day for *_, day in calls} == {"2001-02-03"}
