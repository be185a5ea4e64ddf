"""Share of outputs whose last stated conclusion is the gold answer."""

from typing import Any

import datasets
import evaluate

from hf_qads.answers.checking import KINDS, check
from hf_qads.statistics.intervals import wilson

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
Accuracy of mathematical answers. The last answer that an output boxes or announces counts, else its last
statement; an output that never concludes, or is cut off, is wrong. Numbers, letters, lists and words are
compared by type, formulas by math-verify in worker processes with a time limit.
"""
_INPUTS = """
Args:
    predictions: what a model wrote, whole.
    references: the gold answers.
    benchmark: whose rules decide; the configuration's name where it is left out, else math.
    options: per item, the texts of a multiple-choice question in order, or None.
Returns:
    accuracy, in [0, 1]; low and high, its 95 % Wilson interval; right; n.
"""


class MathAccuracy(evaluate.Metric):  # type: ignore[misc]
    """Accuracy by the rules of one of nine test sets."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
        )

    def _compute(
        self,
        predictions: list[str],
        references: list[str],
        benchmark: str | None = None,
        options: list[Any] | None = None,
    ) -> dict[str, float]:
        named = self.config_name if self.config_name in KINDS else "math"
        choices = options or [None] * len(predictions)
        right = sum(
            check(output, gold, benchmark=benchmark or named, options=shown).right
            for output, gold, shown in zip(predictions, references, choices, strict=True)
        )
        low, high = wilson(right, len(predictions))
        return {
            "accuracy": right / len(predictions),
            "low": low,
            "high": high,
            "right": right,
            "n": len(predictions),
        }
