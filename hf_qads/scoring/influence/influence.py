"""One-shot influence: how many anchors' answers does a row, as an example before them, make more probable?"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ScoringError
from hf_qads.rows.backbone import Backbone
from hf_qads.rows.rendering import Renderer, template_of
from hf_qads.runtime import distributed
from hf_qads.runtime.batching import BATCH_TOKENS
from hf_qads.scoring.influence.blocks import Texts, render
from hf_qads.scoring.influence.pair_scoring import PairScorer
from hf_qads.scoring.influence.result import NOT_FINITE, Float32, Influence, column_of, join

logger = logging.getLogger(__name__)

__all__ = ["Influence", "influence"]

Rows = Iterable[Mapping[str, Any]]
ANCHORS: Final = "anchors"
SAME_QUESTION: Final = "the anchor asks the prompt row's own question"


def influence(
    model: Any,
    tokenizer: Any,
    prompts: Rows,
    anchors: Rows | Mapping[str, Rows],
    *,
    template: str = "plain",
    folder: Path | str | None = None,
    device: str | None = None,
    batch_tokens: int = BATCH_TOKENS,
) -> Influence:
    """Score each prompt row by the share of anchors whose answer it makes more probable as an example.

    Args:
        model: a causal language model of transformers, perhaps with a PEFT adapter.
        tokenizer: its fast tokenizer. Neither a PAD nor an EOS token is needed.
        prompts: n rows with any of the usual column pairs: a list of dicts or a Dataset.
        anchors: a rows likewise, or a mapping from a set's name to its rows.
        template: `plain`, `chat`, or a format string: see `Renderer`. A model's own `qads_template` holds
            where this is left at `plain`.
        folder: where to keep finished shards. A later call with the same model and rows goes on from them;
            files of other models or rows are not read.
        device: where to move the model first; None leaves it where it is.
        batch_tokens: most tokens to forward at once, and to hold keys and values of. Halves when
            memory runs out.

    Returns:
        scores of every pair, the win rate of every prompt row, and the evidence for them. Rows, anchors and
        pairs that cannot be scored have a reason and a count. Under `torchrun` or `accelerate launch` the
        processes share the work, and each returns the whole result.

    Raises:
        ScoringError: there are no prompts or anchors, a set has the name of another column, none of the
            anchors can be scored, the tokenizer and the model do not belong together, or the model gives no
            finite log-probabilities.

    Cost: each example's tokens once, and each anchor's once per example; memory for the keys and values of
    `batch_tokens` tokens.

    Source: section 3.2, Eq. 1 to 3.
    """
    renderer = Renderer(tokenizer, template_of(model, template))
    named = anchors if isinstance(anchors, Mapping) else {ANCHORS: anchors}
    if not named:
        raise ScoringError("There are no anchor sets. Give at least one.")
    for name in named:
        column_of(str(name))
    rows = render(prompts, renderer, "prompts")
    sets = {str(name): render(one, renderer, f"anchors of {name!r}") for name, one in named.items()}
    if device is not None:
        model.to(device)
    backbone = Backbone(model)
    _check_context(backbone, len(renderer.bos), rows, sets)
    if batch_tokens < 1:
        raise ScoringError(f"batch_tokens={batch_tokens}, but it must be at least 1. Raise it.")
    scorer = PairScorer(
        backbone,
        renderer.bos,
        rows,
        sets,
        folder=None if folder is None else Path(folder),
        batch_tokens=batch_tokens,
    )
    with backbone.ready():
        zero = scorer.zero_shot()
        _check_finite(zero, sets)
        one = scorer.one_shot()
    parts = {
        name: _result(rows, texts, zero[name], one[name], backbone.context, len(renderer.bos))
        for name, texts in sets.items()
    }
    work, pairs = scorer.work, max(1, scorer.work.pairs)
    known = (work.tokens / pairs, work.least / pairs) if work.pairs else (float("nan"), float("nan"))
    result = join(parts, known)
    for reason, count in sorted(result.left_out.items()) if distributed.rank() == 0 else ():
        logger.warning("%d of %d pairs were not scored: %s.", count, result.one_shot.size, reason)
    return result


def _check_context(backbone: Backbone, bos: int, rows: Texts, sets: Mapping[str, Texts]) -> None:
    """Take out what the model cannot take in, with a reason.

    Raises:
        ScoringError: the tokenizer has ids that the model lacks, or no anchor of a set is left.
    """
    for texts in (rows, *sets.values()):
        largest = max((max(block.ids) for block in texts.blocks if block.ids), default=0)
        if largest >= backbone.vocabulary:
            raise ScoringError(
                f"The tokenizer gives the id {largest}, but the model knows {backbone.vocabulary} ids. "
                "Load the tokenizer that belongs to the model."
            )
    limit = backbone.context
    if limit is not None:
        too_long = f"longer than the context of {limit} tokens"
        rows.keep(bos + rows.lengths < limit, too_long)
        for texts in sets.values():
            texts.keep(bos + texts.needed <= limit, too_long)
    for name, texts in sets.items():
        # Without a BOS, nothing can predict a block's first token.
        texts.keep(texts.answer_starts > 0, "no token stands before the answer")
        if all(texts.reasons):
            raise ScoringError(
                f"No anchor of {name!r} can be scored. The first one, {texts.starts[0]!r}: "
                f"{texts.reasons[0]}."
            )


def _check_finite(zero: Mapping[str, Float32], sets: Mapping[str, Texts]) -> None:
    """Give anchors without a finite zero-shot score their reason.

    Raises:
        ScoringError: no anchor of a set has one.
    """
    for name, texts in sets.items():
        finite = np.isfinite(zero[name])
        if not finite.any():
            first = next(place for place, reason in enumerate(texts.reasons) if reason is None)
            raise ScoringError(
                f"The model gives no finite log-probability for any anchor of {name!r}, beginning with "
                f"{texts.starts[first]!r}. Look for NaN in its weights, or load it in float32 or bfloat16."
            )


def _result(
    rows: Texts, texts: Texts, zero: Float32, one: Float32, context: int | None, bos: int
) -> Influence:
    """The influence on one anchor set, every pair that is not scored counted under its first reason."""
    left_out: Counter[str] = Counter()
    open_pairs = np.ones(one.shape, dtype=bool)

    def leave_out(pairs: NDArray[np.bool_], reason: str) -> None:
        count = int((pairs & open_pairs).sum())
        if count:
            left_out[reason] += count
        open_pairs[np.broadcast_to(pairs, one.shape)] = False

    anchor_reasons = [
        why or (None if np.isfinite(score) else NOT_FINITE)
        for why, score in zip(texts.reasons, zero, strict=True)
    ]
    for number, why in enumerate(rows.reasons):
        if why is not None:
            leave_out(np.arange(len(one))[:, None] == number, f"prompt row: {why}")
    for number, why in enumerate(anchor_reasons):
        if why is not None:
            leave_out(np.arange(one.shape[1])[None] == number, f"anchor: {why}")
    same = np.array(rows.questions, dtype=object)[:, None] == np.array(texts.questions, dtype=object)
    leave_out(same.astype(bool), SAME_QUESTION)
    if context is not None:
        needed = bos + rows.lengths[:, None] + texts.needed[None]
        leave_out(needed > context, f"pair: longer than the context of {context} tokens")
    leave_out(~np.isfinite(one), NOT_FINITE)
    return Influence(
        one_shot=np.where(open_pairs, one, np.float32("nan")),
        zero_shot=np.where(np.isfinite(zero), zero, np.float32("nan")),
        answer_tokens=rows.answer_tokens,
        row_reasons=rows.reasons,
        anchor_reasons=anchor_reasons,
        left_out=dict(left_out),
    )
