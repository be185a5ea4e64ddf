"""Losses of rows under a language model: negative log-likelihood of answers, with and without a question.

The passes that IFD, perplexity and length share: one over question and answer, one over the answer alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hf_qads.rows.rendering import Block, Renderer, template_of
from hf_qads.rows.sequences import WINDOW, blocks_of, context_length, padded, windows
from hf_qads.runtime.batching import BATCH_TOKENS, TokenBudget, run_batches
from hf_qads.runtime.devices import useful_tokens

PARTS = ("answer", "alone", "whole")
ONE_TOKEN = "the answer has one token, which has no probability without a question"


class Losses(NamedTuple):
    """Mean negative log-likelihoods in nats per token, (n,) float64 each; NaN where a row has none.

    Attributes:
        answer: of the answer's tokens after the question.
        paired: the same over the tokens that `alone` has too: without a BOS the first token of a sequence
            has no probability, and is left out of both.
        alone: of the answer's tokens after nothing but BOS.
        whole: of all tokens of the row, question and answer.
        tokens: number of tokens of the answer; 0 where a row has none.
        reasons: index of a row -> why it has no losses.
        alone_reasons: index of a row -> why it has no `alone`, beside `reasons`.
    """

    answer: NDArray[np.float64]
    paired: NDArray[np.float64]
    alone: NDArray[np.float64]
    whole: NDArray[np.float64]
    tokens: NDArray[np.int64]
    reasons: dict[int, str]
    alone_reasons: dict[int, str]


class _Span(NamedTuple):
    """A sequence and the positions `[start, stop)` whose tokens' probabilities are asked for."""

    ids: NDArray[np.int32]
    start: int
    stop: int


def losses(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, Any]],
    *,
    parts: Sequence[str] = ("answer",),
    template: str = "plain",
    batch_tokens: int = BATCH_TOKENS,
) -> Losses:
    """Mean negative log-likelihood of rows' answers under a causal language model.

    Args:
        model: a causal language model of transformers.
        tokenizer: its fast tokenizer.
        rows: (n,) with any of the usual column pairs.
        parts: of `PARTS`, what is computed; the others are NaN. Without any, tokens are only counted.
        template: `plain`, `chat` or a format string; a model's own `qads_template` holds instead of `plain`.
        batch_tokens: most tokens of a batch, padding included; halved where memory runs out.

    Raises:
        ScoringError: the tokenizer or template does not serve, or the model has no head.
        SourceError: the rows have no known pair of columns.

    Cost: one forward pass over the rows' tokens for `answer` or `whole` or both, and one over the answers'
    tokens for `alone`; logits of the tokens asked for only. Ids of 2,048 rows in memory.
    """
    from hf_qads.rows.backbone import Backbone

    backbone = Backbone(model)
    renderer = Renderer(tokenizer, template_of(model, template))
    context = context_length(model.config, tokenizer)
    budget = TokenBudget(useful_tokens(batch_tokens, backbone.device))
    n, shift = len(rows), len(renderer.bos)
    found = {name: np.full(n, np.nan) for name in ("answer", "paired", "alone", "whole")}
    tokens = np.zeros(n, dtype=np.int64)
    reasons: dict[int, str] = {}
    alone_reasons: dict[int, str] = {}
    first = 0
    for window in windows(rows, WINDOW):
        blocks = blocks_of(renderer, window, context=context)
        kept = [place for place, block in enumerate(blocks) if isinstance(block, Block)]
        reasons |= {first + place: block for place, block in enumerate(blocks) if isinstance(block, str)}
        chosen: list[Block] = [block for block in blocks if isinstance(block, Block)]
        at = np.asarray(kept, dtype=np.int64) + first
        tokens[at] = [block.answer[1] - block.answer[0] for block in chosen]
        if "answer" in parts or "whole" in parts:
            spans = [_span(renderer.bos, block, whole="whole" in parts) for block in chosen]
            for place, block, span, logs in zip(
                at.tolist(), chosen, spans, _log_probs(backbone, spans, budget), strict=True
            ):
                skip = max(0, block.answer[0] + shift - span.start)
                answer = logs[skip : block.answer[1] + shift - span.start]
                found["answer"][place] = _mean(answer)
                # without a BOS the answer alone lacks its first token, and so does what it is compared with
                found["paired"][place] = _mean(answer[0 if shift else 1 :])
                found["whole"][place] = _mean(logs) if "whole" in parts else np.nan
        if "alone" in parts:
            spans = [
                _Span(np.asarray([*renderer.bos, *block.ids[slice(*block.answer)]], dtype=np.int32), 1, stop)
                for block, stop in ((b, shift + b.answer[1] - b.answer[0]) for b in chosen)
            ]
            for place, logs in zip(at.tolist(), _log_probs(backbone, spans, budget), strict=True):
                found["alone"][place] = _mean(logs)
                if not len(logs):
                    alone_reasons[place] = ONE_TOKEN
        first += len(window)
    return Losses(**found, tokens=tokens, reasons=reasons, alone_reasons=alone_reasons)


def _span(bos: list[int], block: Block, *, whole: bool) -> _Span:
    """The row's sequence; with `whole`, all of its tokens but a first one that has no probability."""
    stop = (len(block.ids) if whole else block.answer[1]) + len(bos)
    start = max(1, len(bos) if whole else block.answer[0] + len(bos))
    return _Span(np.asarray([*bos, *block.ids][:stop], dtype=np.int32), start, stop)


def _log_probs(backbone: Any, spans: Sequence[_Span], budget: TokenBudget) -> list[NDArray[np.float64]]:
    """Log-probabilities of each span's tokens, in nats."""
    import torch

    found: list[NDArray[np.float64]] = [np.empty(0)] * len(spans)

    def work(batch: NDArray[np.int64]) -> None:
        chosen = [spans[place] for place in batch.tolist()]
        ids, _ = padded([span.ids for span in chosen], 0, backbone.device)
        counts = [max(0, span.stop - span.start) for span in chosen]
        rows = np.repeat(np.arange(len(chosen)), counts)
        columns = np.concatenate([np.arange(span.start, max(span.start, span.stop)) for span in chosen])
        with backbone.ready():
            # Padding on the right of causal attention changes nothing before it, so no mask is needed.
            hidden = backbone.body(input_ids=ids, use_cache=False).last_hidden_state
            where = torch.from_numpy(rows).to(hidden.device), torch.from_numpy(columns).to(hidden.device)
            logs = backbone.log_probs(hidden[where[0], where[1] - 1], ids[where]).double().cpu().numpy()
        for place, part in zip(batch.tolist(), np.split(logs, np.cumsum(counts)[:-1]), strict=True):
            found[place] = part

    wanted = np.flatnonzero([span.stop > span.start for span in spans])
    run_batches(
        [len(spans[place].ids) for place in wanted.tolist()], budget, lambda batch: work(wanted[batch])
    )
    return found


def _mean(logs: NDArray[np.float64]) -> float:
    return -float(logs.mean()) if len(logs) else float("nan")
