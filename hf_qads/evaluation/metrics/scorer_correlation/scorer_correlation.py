"""Agreement of predicted quality scores with measured ones."""

import math
from typing import Any

import datasets
import evaluate
import numpy as np

from hf_qads.statistics.correlation import correlations

_CITATION = """\
@misc{ni2024exploring,
  title={Exploring the Mystery of Influential Data for Mathematical Reasoning},
  author={Xinzhe Ni and Yeyun Gong and Zhibin Gou and Yelong Shen and Yujiu Yang and Nan Duan and
    Weizhu Chen},
  year={2024},
  eprint={2404.01067},
  archivePrefix={arXiv}
}
"""
_DESCRIPTION = """\
Pearson and Spearman correlation between a scorer's predictions and real quality scores, over all rows and, as
scores of pools with good and poor sources are bimodal, also within groups.
"""
_INPUTS = """
Args:
    predictions: the scorer's scores; rows with NaN are left out and counted.
    references: the real scores.
    groups: per row, the name of its group (such as its source), or None.
Returns:
    pearson and spearman, each with its 95 % bootstrap interval (NAME_low, NAME_high), n, left_out; with
    groups also within_pearson and within_spearman: the means over groups of at least ten rows.
"""
LEAST = 10


class ScorerCorrelation(evaluate.Metric):  # type: ignore[misc]
    """Pearson and Spearman, with an interval, over all rows and within groups."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features(
                {"predictions": datasets.Value("float64"), "references": datasets.Value("float64")}
            ),
        )

    def _compute(self, predictions: Any, references: Any, groups: Any = None) -> dict[str, float]:
        said, real = np.asarray(predictions, dtype=float), np.asarray(references, dtype=float)
        whole = np.isfinite(said) & np.isfinite(real)
        shown = ("pearson", "pearson_low", "pearson_high", "spearman", "spearman_low", "spearman_high")
        agreed = correlations(said, real)
        found: dict[str, float] = {name: _number(getattr(agreed, name)) for name in shown}
        found |= {"n": agreed.n, "left_out": int((~whole).sum())}
        if groups is None:
            return found
        names = np.asarray(groups, dtype=str)
        inside = [whole & (names == name) for name in np.unique(names)]
        pairs = [correlations(said[one], real[one], resamples=0) for one in inside if one.sum() >= LEAST]
        for name in ("pearson", "spearman"):
            known = [value for pair in pairs if (value := getattr(pair, name)) is not None]
            found[f"within_{name}"] = float(np.mean(known)) if known else math.nan
        return found


def _number(value: float | None) -> float:
    return math.nan if value is None else value
