"""A small head on vectors that are there already: scoring a pool costs no more than embedding it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads import files
from hf_qads.errors import ScoringError
from hf_qads.scoring.labels import LEVELS

WEIGHTS = "probe.safetensors"
FACTS = "probe.json"
VERSION = 1
PENALTIES = np.logspace(-3, 6, 28)


@dataclass(frozen=True)
class Probe:
    """Ridge regression of the quality score on standardised vectors.

    Attributes:
        mean: of the vectors it was fitted on, (d,).
        scale: their standard deviation, 1 where a dimension does not vary, (d,).
        weight: (d,).
        bias: the score of a mean vector.
        penalty: the ridge penalty that leave-one-out error chose.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: float
    penalty: float

    def predict(self, vectors: NDArray[Any]) -> NDArray[np.float32]:
        """Scores (n,) in [1, 5] of vectors (n, d); NaN where a vector is not finite.

        Raises:
            ScoringError: the vectors have another number of dimensions.
        """
        if vectors.ndim != 2 or vectors.shape[1] != len(self.mean):
            raise ScoringError(
                f"the probe was fitted on vectors of {len(self.mean)} dimensions, but got shape "
                f"{vectors.shape}. Embed with the model whose vectors it was fitted on."
            )
        values = np.asarray(vectors, dtype=np.float64)
        finite = np.isfinite(values).all(axis=1)
        scores = np.full(len(values), np.nan, dtype=np.float32)
        raw = ((values[finite] - self.mean) / self.scale) @ self.weight + self.bias
        scores[finite] = np.clip(raw, 1.0, float(LEVELS))
        return scores

    def save(self, folder: Path, facts: Mapping[str, Any] | None = None) -> None:
        """Write `probe.safetensors` and `probe.json` into a folder."""
        from safetensors.numpy import save_file

        bias = np.asarray([self.bias])
        tensors = {"mean": self.mean, "scale": self.scale, "weight": self.weight, "bias": bias}
        save_file(tensors, folder / WEIGHTS)
        own = {"version": VERSION, "dimensions": len(self.mean), "penalty": self.penalty}
        files.write_json(folder / FACTS, {**(facts or {}), **own})

    @classmethod
    def load(cls, folder: Path | str) -> "Probe":
        """Read a probe that `train_probe` wrote.

        Raises:
            ScoringError: the folder holds none.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            facts = json.loads((Path(folder) / FACTS).read_text(encoding="utf-8"))
            tensors = load_file(Path(folder) / WEIGHTS)
            return cls(
                tensors["mean"],
                tensors["scale"],
                tensors["weight"],
                float(tensors["bias"][0]),
                float(facts["penalty"]),
            )
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ScoringError(f"{folder} holds no whole probe ({error}). Train it again.") from error


def fit_probe(vectors: NDArray[Any], targets: NDArray[np.floating]) -> Probe:
    """Fit ridge regression; the penalty is the one of smallest leave-one-out error.

    Args:
        vectors: (n, d), finite.
        targets: (n,) in [1, 5].

    Cost: O(n d min(n, d)) time; two float64 copies of the vectors.
    """
    values, y = np.asarray(vectors, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    # Float16 vectors of a dimension that does not vary differ by rounding alone.
    scale = np.where(scale > 1e-6 * max(1e-30, float(scale.max())), scale, 1.0)
    x = (values - mean) / scale
    bias = float(y.mean())
    rest = y - bias
    left, singular, right = _thin_svd(x)
    seen = left.T @ rest
    best, chosen = np.inf, float(PENALTIES[-1])
    for penalty in PENALTIES:
        shrunk = singular**2 / (singular**2 + penalty)
        leverage = (left**2) @ shrunk + 1 / len(y)
        errors = (rest - left @ (shrunk * seen)) / np.maximum(1 - leverage, 1e-9)
        error = float(errors @ errors)
        if error < best:
            best, chosen = error, float(penalty)
    weight = right @ (singular / (singular**2 + chosen) * seen)
    return Probe(mean, scale, weight, bias, chosen)


def _thin_svd(
    x: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """U (n, r), s (r,), V (d, r) of x, by the eigenvectors of its smaller Gram matrix."""
    wide = x.shape[0] < x.shape[1]
    gram = x @ x.T if wide else x.T @ x
    eigenvalues, eigenvectors = np.linalg.eigh(gram)
    kept = eigenvalues > max(1e-10 * float(eigenvalues[-1]), 1e-30)
    singular, basis = np.sqrt(eigenvalues[kept]), eigenvectors[:, kept]
    other = (x.T if wide else x) @ basis / singular
    return (basis, singular, other) if wide else (other, singular, basis)
