"""How probable the right answers are to a model, and whether a second model finds them more so."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.rows.losses import losses
from hf_qads.runtime.batching import BATCH_TOKENS
from hf_qads.statistics.intervals import Z


def answer_log_probabilities(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, Any]],
    *,
    template: str = "plain",
    batch_tokens: int = BATCH_TOKENS,
) -> NDArray[np.float64]:
    """Mean log-probability of each row's answer tokens, (n,), in nats per token; NaN where it does not fit.

    Args:
        model: a causal language model of transformers.
        tokenizer: its fast tokenizer.
        rows: with `question` and `answer`.
        template: how rows are rendered.
        batch_tokens: most tokens of a batch, padding included; halves where memory runs out.

    Cost: the rows' tokens through the model's body, and the answers' through its head.

    Source: section 3.2, Eq. 1.
    """
    return -losses(model, tokenizer, rows, template=template, batch_tokens=batch_tokens).answer


@dataclass(frozen=True)
class Difference:
    """Mean difference of paired measurements, with its 95 % interval.

    Attributes:
        mean: second minus first.
        low: of the interval.
        high: of the interval.
        n: pairs in which both were measured.
    """

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}], n={self.n}"


def paired_difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> Difference:
    """Mean of `second - first` over the pairs where both are numbers, with the normal interval.

    Args:
        first: (n,) measurements of one model.
        second: (n,) of the other, on the same items in the same order.
    """
    gaps = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    gaps = gaps[np.isfinite(gaps)]
    if len(gaps) < 2:
        return Difference(float(gaps.mean()) if len(gaps) else math.nan, -math.inf, math.inf, len(gaps))
    half = Z * gaps.std(ddof=1) / math.sqrt(len(gaps))
    return Difference(float(gaps.mean()), float(gaps.mean() - half), float(gaps.mean() + half), len(gaps))
