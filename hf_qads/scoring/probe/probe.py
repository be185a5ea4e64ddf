"""Linear probe: a small head on vectors, so that scoring a pool costs no more than embedding it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ScoringError
from hf_qads.runtime import files
from hf_qads.scoring.labels import LEVELS

WEIGHTS = "probe.safetensors"
FACTS = "probe.json"
VERSION = 1
Array = NDArray[np.float64]
PENALTIES = np.logspace(-5, 6, 34)
WIDTHS = (0.1, 0.3, 1.0)
LANDMARKS = 1024
FEWEST_FOR_KERNEL = 50  # with fewer rows the leave-one-out error cannot tell a kernel from luck
BLOCK = 16_384


@dataclass(frozen=True)
class Probe:
    """Ridge regression of the quality score on vectors, linear or in a Gaussian kernel's features.

    Attributes:
        mean: of the vectors it was fitted on, (d,).
        scale: their standard deviation, 1 where a dimension does not vary, (d,).
        landmarks: standardised vectors that others are compared with, (m, d); none where it is linear.
        width: of the kernel, `exp(-width * squared distance / d)`; 0 where it is linear.
        weight: (m,), or (d,) where it is linear.
        bias: added to the weighted sum.
        penalty: the ridge penalty that leave-one-out error chose.
    """

    mean: Array
    scale: Array
    landmarks: Array
    width: float
    weight: Array
    bias: float
    penalty: float

    def predict(self, vectors: NDArray[Any]) -> NDArray[np.float32]:
        """Scores (n,) in [1, 5] of vectors (n, d); NaN where a vector is not finite.

        Raises:
            ScoringError: the vectors have another number of dimensions.

        Cost: O(n m d), or O(n d) where it is linear.
        """
        if vectors.ndim != 2 or vectors.shape[1] != len(self.mean):
            raise ScoringError(
                f"the probe was fitted on vectors of {len(self.mean)} dimensions, but got shape "
                f"{vectors.shape}. Embed with the model whose vectors it was fitted on."
            )
        scores = np.full(len(vectors), np.nan, dtype=np.float32)
        for start in range(0, len(vectors), BLOCK):
            values = np.asarray(vectors[start : start + BLOCK], dtype=np.float64)
            finite = np.isfinite(values).all(axis=1)
            x = (values[finite] - self.mean) / self.scale
            features = kernel(x, self.landmarks, self.width) if self.width else x
            raw = features @ self.weight + self.bias
            scores[start : start + BLOCK][finite] = np.clip(raw, 1.0, float(LEVELS))
        return scores

    def save(self, folder: Path, facts: Mapping[str, Any] | None = None) -> None:
        """Write `probe.safetensors` and `probe.json` into a folder."""
        from safetensors.numpy import save

        names = ("mean", "scale", "landmarks", "weight")
        tensors = {name: np.ascontiguousarray(getattr(self, name)) for name in names}
        (folder / WEIGHTS).write_bytes(save(tensors))
        numbers = {"width": self.width, "bias": self.bias, "penalty": self.penalty}
        own = {"version": VERSION, "dimensions": len(self.mean), **numbers}
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
                mean=tensors["mean"],
                scale=tensors["scale"],
                landmarks=tensors["landmarks"],
                weight=tensors["weight"],
                width=float(facts["width"]),
                bias=float(facts["bias"]),
                penalty=float(facts["penalty"]),
            )
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ScoringError(f"{folder} holds no whole probe ({error}). Train it again.") from error


def fit_probe(vectors: NDArray[Any], targets: NDArray[np.floating], *, seed: int = 0) -> Probe:
    """Fit a linear probe and some with a Gaussian kernel; leave-one-out error chooses.

    Args:
        vectors: (n, d), finite.
        targets: (n,) in [1, 5].
        seed: of the landmarks, where there are more rows than `LANDMARKS`.

    Cost: O(n d min(n, d)) and O(n m (d + m)) time for m landmarks; some float64 copies of the vectors.
    """
    values, y = np.asarray(vectors, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    # Float16 vectors of a dimension that does not vary differ by rounding alone.
    scale = np.where(scale > 1e-6 * max(1e-30, float(scale.max())), scale, 1.0)
    x = (values - mean) / scale
    best, landmarks, width, weight = ridge(x, y), x[:0], 0.0, None
    drawn = np.random.default_rng(seed).permutation(len(x))[:LANDMARKS]
    for candidate in WIDTHS if len(x) >= FEWEST_FOR_KERNEL else ():
        among = x[np.sort(drawn)]
        # The kernel's own inner product, as far as the landmarks span it (Nystroem).
        eigenvalues, eigenvectors = np.linalg.eigh(kernel(among, among, candidate))
        kept = eigenvalues > 1e-9 * eigenvalues[-1]
        whiten = eigenvectors[:, kept] / np.sqrt(eigenvalues[kept])
        fitted = ridge(kernel(x, among, candidate) @ whiten, y)
        if fitted.error < best.error:
            best, landmarks, width, weight = fitted, among, candidate, whiten @ fitted.weight
    chosen = best.weight if weight is None else weight
    return Probe(mean, scale, landmarks, width, chosen, best.bias, best.penalty)


class Ridge(NamedTuple):
    """A ridge regression with an unpenalised intercept, and the sum of its squared leave-one-out errors."""

    weight: Array
    bias: float
    penalty: float
    error: float


def ridge(features: Array, y: Array) -> Ridge:
    """Ridge regression of y (n,) on features (n, d); the penalty has the smallest leave-one-out error."""
    centre, level = features.mean(axis=0), float(y.mean())
    left, singular, right = _thin_svd(features - centre)
    rest = y - level
    seen = left.T @ rest
    best, chosen = np.inf, float(PENALTIES[-1])
    for penalty in PENALTIES:
        shrunk = singular**2 / (singular**2 + penalty)
        slack = 1 - (left**2) @ shrunk - 1 / len(y)
        if slack.min() < 1e-6:  # it goes through every point: what is left out cannot be told by rounding
            continue
        errors = (rest - left @ (shrunk * seen)) / slack
        error = float(errors @ errors)
        if error < best:
            best, chosen = error, float(penalty)
    weight = right @ (singular / (singular**2 + chosen) * seen)
    return Ridge(weight, level - float(centre @ weight), chosen, best)


def kernel(x: Array, landmarks: Array, width: float) -> Array:
    """Gaussian kernel (n, m) of standardised vectors (n, d) and landmarks (m, d)."""
    squared = (x**2).sum(axis=1)[:, None] + (landmarks**2).sum(axis=1) - 2 * x @ landmarks.T
    closeness: Array = np.exp(-width / x.shape[1] * np.maximum(squared, 0.0))
    return closeness


def _thin_svd(x: Array) -> tuple[Array, Array, Array]:
    """U (n, r), s (r,), V (d, r) of x, by the eigenvectors of its smaller Gram matrix."""
    wide = x.shape[0] < x.shape[1]
    gram = x @ x.T if wide else x.T @ x
    eigenvalues, eigenvectors = np.linalg.eigh(gram)
    kept = eigenvalues > max(1e-10 * float(eigenvalues[-1]), 1e-30)
    singular, basis = np.sqrt(eigenvalues[kept]), eigenvectors[:, kept]
    other = (x.T if wide else x) @ basis / singular
    return (basis, singular, other) if wide else (other, singular, basis)
