"""Agreement of predicted quality scores with measured ones."""

import math
from typing import Any

import datasets
import evaluate
import numpy as np

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
    pearson with pearson_low and pearson_high (95 %, Fisher's z), spearman, n, left_out; with groups also
    within_pearson and within_spearman: the means over groups of at least ten rows.
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
        pearson = correlation(said[whole], real[whole])
        low, high = interval(pearson, int(whole.sum()))
        found = {
            "pearson": pearson,
            "pearson_low": low,
            "pearson_high": high,
            "spearman": correlation(ranks(said[whole]), ranks(real[whole])),
            "n": int(whole.sum()),
            "left_out": int((~whole).sum()),
        }
        if groups is None:
            return found
        names = np.asarray(groups, dtype=str)
        inside = [whole & (names == name) for name in np.unique(names)]
        inside = [chosen for chosen in inside if chosen.sum() >= LEAST]
        pairs = [
            (correlation(said[one], real[one]), correlation(ranks(said[one]), ranks(real[one])))
            for one in inside
        ]
        means = np.nanmean(pairs, axis=0) if pairs else (math.nan, math.nan)
        return {**found, "within_pearson": float(means[0]), "within_spearman": float(means[1])}


def correlation(first: Any, second: Any) -> float:
    """Pearson's coefficient; NaN where one side does not vary."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])


def ranks(values: Any) -> Any:
    """Ranks from 1, ties by their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]


def interval(coefficient: float, n: int) -> tuple[float, float]:
    """95 % interval of a correlation by Fisher's z."""
    if n < 4 or not math.isfinite(coefficient):
        return -1.0, 1.0
    if abs(coefficient) >= 1:
        return coefficient, coefficient
    middle, half = math.atanh(coefficient), 1.959963984540054 / math.sqrt(n - 3)
    return math.tanh(middle - half), math.tanh(middle + half)
