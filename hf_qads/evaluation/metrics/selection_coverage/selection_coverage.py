"""How well the chosen rows of a pool stand for the rest of it."""

from typing import Any

import datasets
import evaluate
import numpy as np

from hf_qads.statistics.coverage import nearest_picked

_CITATION = """\
@inproceedings{sener2018active,
  title={Active Learning for Convolutional Neural Networks: A Core-Set Approach},
  author={Ozan Sener and Silvio Savarese},
  booktitle={International Conference on Learning Representations},
  year={2018}
}
"""
_DESCRIPTION = """\
Distance from every row of a pool to the nearest chosen row: its maximum is the radius that K-center selection
keeps small, its mean says how far a typical row is from one that was chosen.
"""
_INPUTS = """
Args:
    predictions: per row of the pool, 1 where it was chosen, else 0.
    references: per row of the pool, its vector.
    metric: euclidean, or cosine (1 minus the cosine similarity).
    block: chosen rows compared with at a time.
Returns:
    radius and mean_distance; chosen and n, in rows.
"""


class SelectionCoverage(evaluate.Metric):  # type: ignore[misc]
    """Radius and mean distance of a selection."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("int8"),
                    "references": datasets.List(datasets.Value("float32")),
                }
            ),
        )

    def _compute(
        self, predictions: Any, references: Any, metric: str = "euclidean", block: int = 1024
    ) -> dict[str, float]:
        vectors = np.asarray(references, dtype=np.float64)
        chosen = np.flatnonzero(predictions)
        if not len(chosen):
            raise ValueError("no row is chosen, so there is nothing to be near to")
        *_, distances = nearest_picked(vectors, vectors, chosen, [len(chosen)], metric=metric, block=block)
        distances[chosen] = 0.0
        return {
            "radius": float(distances.max()),
            "mean_distance": float(distances.mean()),
            "chosen": len(chosen),
            "n": len(vectors),
        }
