"""Stage 8: how good a model is, on the nine test sets of the paper."""

from pathlib import Path

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


__all__ = ["METRICS", "metric_path", "task_path"]
