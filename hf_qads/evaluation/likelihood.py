"""How probable the right answers are to a model, and whether a second model finds them more so."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.rows.backbone import Backbone
from hf_qads.rows.rendering import Renderer
from hf_qads.rows.sequences import padded
from hf_qads.runtime.batching import BATCH_TOKENS, TokenBudget, run_batches
from hf_qads.runtime.devices import useful_tokens
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
    import torch

    renderer = Renderer(tokenizer, template)
    backbone = Backbone(model)
    blocks = renderer.blocks(list(rows))
    found = np.full(len(rows), np.nan)
    shift = len(renderer.bos)
    spans: list[tuple[int, NDArray[np.int32], int, int]] = []
    for place, block in enumerate(blocks):
        if not isinstance(block, str) and shift + len(block.ids) <= (backbone.context or 10**9):
            # the first token of a sequence has no probability
            start, stop = max(1, block.answer[0] + shift), block.answer[1] + shift
            spans.append((place, np.asarray([*renderer.bos, *block.ids], dtype=np.int32), start, stop))

    def work(batch: NDArray[np.int64]) -> None:
        chosen = [spans[index] for index in batch]
        tokens, _ = padded([ids for _, ids, _, _ in chosen], 0, backbone.device)
        # Padding on the right of causal attention changes nothing before it, so no mask is needed.
        states = backbone.body(input_ids=tokens, use_cache=False).last_hidden_state
        answers = [(row, start, stop) for row, (_, _, start, stop) in enumerate(chosen)]
        hidden = torch.cat([states[row, start - 1 : stop - 1] for row, start, stop in answers])
        targets = torch.cat([tokens[row, start:stop] for row, start, stop in answers])
        said = backbone.log_probs(hidden, targets).double().cpu().numpy()
        ends = np.cumsum([stop - start for _, start, stop in answers])
        for (place, _, _, _), part in zip(chosen, np.split(said, ends[:-1]), strict=True):
            found[place] = part.mean()

    budget = TokenBudget(useful_tokens(batch_tokens, backbone.device))
    with backbone.ready():
        run_batches([len(ids) for _, ids, _, _ in spans], budget, work)
    return found


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
