"""Evaluation: accuracy and log-probability on test sets; metrics for `evaluate`, tasks for lm-eval."""

from pathlib import Path

from hf_qads.evaluation.evaluating import Evaluated, evaluate

METRICS = ("math_accuracy", "selection_coverage", "scorer_correlation")


def metric_path(name: str) -> str:
    """Where a metric of this package lies, for `evaluate.load(metric_path("math_accuracy"))`.

    Raises:
        EvaluationError: there is no metric of that name.
    """
    from hf_qads.errors import EvaluationError

    if name not in METRICS:
        raise EvaluationError(f"There is no metric {name!r}. There are {', '.join(METRICS)}.")
    return str(Path(__file__).parent / "metrics" / name)


def task_path() -> str:
    """The folder with tasks for lm-eval: `lm_eval --include_path "$(...)" --tasks qads_gsm8k`."""
    return str(Path(__file__).parent / "lm_eval")


__all__ = ["METRICS", "Evaluated", "evaluate", "metric_path", "task_path"]
