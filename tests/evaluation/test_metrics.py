"""Metrics as `evaluate` modules, and tasks for lm-eval."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hf_qads.errors import EvaluationError
from hf_qads.evaluation import METRICS, metric_path, task_path
from hf_qads.evaluation.staging import push_metric, stage_metric

TASKS = sorted(Path(task_path()).glob("*.yaml"))
USE = {
    "math_accuracy": (
        "metric.compute(predictions=['The answer is $x^2+2x+1$.', 'It is'], references=['(x+1)^2', '5'])",
        "{'accuracy': 0.5, 'low': 0.09453120573423074, 'high': 0.9054687942657693, 'right': 1, 'n': 2}",
    ),
    "selection_coverage": (
        "metric.compute(predictions=[1, 0, 0], references=[[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])",
        "{'radius': 5.0, 'mean_distance': 2.0, 'chosen': 1, 'n': 3}",
    ),
    # deviations (-2.125, -1.125, 0.875, 2.375) and (-2, -1, 2, 1) / 10: 0.95 / sqrt(12.1875 * 0.1)
    "scorer_correlation": (
        "{key: round(value, 3) for key, value in metric.compute("
        "predictions=[1, 2, 4, 5.5, None], references=[0.1, 0.2, 0.5, 0.4, 0.3]).items()}",
        "{'pearson': 0.861, 'pearson_low': -1.0, 'pearson_high': 1.0, 'spearman': 0.8, 'spearman_low': -1.0, "
        "'spearman_high': 1.0, 'n': 4, 'left_out': 1}",
    ),
}


def run(code, folder, environment=None):
    """Run code where the package cannot be imported and nothing is cached."""
    kept = {key: value for key, value in (environment or os.environ).items() if key != "PYTHONPATH"}
    guard = "import sys; sys.modules['hf_qads'] = None\nimport evaluate\n"
    done = subprocess.run(
        [sys.executable, "-c", guard + code],
        cwd=folder,
        env=kept | {"HF_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()


def test_metrics_work_from_an_empty_directory_without_the_package(tmp_path):
    for name in METRICS:
        stage_metric(name, tmp_path / name)
    code = "".join(f"metric = evaluate.load('./{name}')\nprint({use})\n" for name, (use, _) in USE.items())
    assert run(code, tmp_path) == [expected for _, expected in USE.values()]


@pytest.mark.slow
def test_metric_pushed_as_a_space_carries_its_code(tmp_path):
    from tests.hub_server import HubServer

    with HubServer() as hub:
        environment = hub.env(tmp_path)
        push = (
            "from hf_qads.evaluation.staging import push_metric\n"
            "push_metric('math_accuracy', 'me/math_accuracy')"
        )
        done = subprocess.run(
            [sys.executable, "-c", push],
            env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        empty = tmp_path / "empty"
        empty.mkdir()
        use, expected = USE["math_accuracy"]
        code = f"metric = evaluate.load('me/math_accuracy', 'math')\nprint({use})\n"
        assert run(code, empty, environment)[-1] == expected


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_features_citation_and_card(name):
    import evaluate

    metric = evaluate.load(metric_path(name))
    assert set(metric.features) == {"predictions", "references"}
    assert metric.citation.lstrip().startswith("@")
    card = (Path(metric_path(name)) / "README.md").read_text()
    assert yaml.safe_load(card.split("---")[1])["tags"] == ["evaluate", "metric"]
    assert "**Limits.**" in card


def test_correlation_within_groups_is_told_apart():
    import evaluate

    metric = evaluate.load(metric_path("scorer_correlation"))
    said = [*range(10), *range(20, 30)]
    real = [*reversed(range(10)), *reversed(range(20, 30))]
    found = metric.compute(predictions=said, references=real, groups=["a"] * 10 + ["b"] * 10)
    assert found["pearson"] > 0.7
    assert found["within_pearson"] == pytest.approx(-1.0)


def test_names_that_do_not_fit_are_errors(tmp_path):
    with pytest.raises(EvaluationError, match="There is no metric"):
        metric_path("accuracy")
    with pytest.raises(EvaluationError, match="must be named"):
        push_metric("math_accuracy", "me/other")


class Loader(yaml.SafeLoader):
    """YAML as lm-eval reads it: `!function module.name` is that function."""


def function(loader, node):
    module, name = loader.construct_scalar(node).split(".")
    return getattr(importlib.import_module(f"hf_qads.evaluation.lm_eval.{module}"), name)


Loader.add_constructor("!function", function)
DOCS = {
    "qads_gsm8k": ({"question": "q", "answer": "9 * 2\n#### 18"}, "The answer is 18.", "The answer is 81."),
    "qads_math": ({"problem": "q", "solution": "$\\boxed{\\frac12}$"}, "\\boxed{0.5}", "\\boxed{2}"),
    "qads_svamp": ({"Body": "b.", "Question": "q?", "Answer": "51.0"}, "The answer is 51.", "I do not know."),
    "qads_aqua_rat": (
        {"question": "q", "options": ["A)3", "B)4"], "correct": "B"},
        "The answer is 4.",
        "The answer is A.",
    ),
    "qads_mmlu_math": (
        {"question": "q", "choices": ["3", "4"], "answer": 1, "subject": "formal_logic"},
        "The answer is B.",
        "The answer is 3.",
    ),
    "qads_sat_math": (
        {"query": "Q: q? Answer Choices: (A)3 (B)4\nA:", "choices": ["(A)3", "(B)4"], "gold": [1]},
        "The answer is (B).",
        "The answer is",
    ),
}


@pytest.mark.parametrize("path", TASKS, ids=[path.stem for path in TASKS])
def test_every_task_reads_asks_and_judges(path):
    task = yaml.load(path.read_text(), Loader)
    doc, right, wrong = DOCS[task["task"]]
    assert task["task"] == path.stem
    asked = task["doc_to_text"]
    asked = asked(doc) if callable(asked) else asked
    assert asked.startswith("Question: ")
    assert asked.endswith("\nAnswer:")
    assert task["process_results"](doc, [right]) == {"acc": 1.0}
    assert task["process_results"](doc, [wrong]) == {"acc": 0.0}


def test_there_is_a_task_for_every_test_set_on_the_hub():
    from hf_qads.evaluation.benchmarks import BENCHMARKS

    assert {path.stem for path in TASKS} == {f"qads_{one.name}" for one in BENCHMARKS.values() if one.hub}
