"""Rows to the token sequences that a model reads, and sequences to padded batches."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ScoringError
from hf_qads.rows.columns import ColumnMapping, Pair, pair_or_reason, recognise
from hf_qads.rows.rendering import Block, Renderer
from hf_qads.schema import ANSWER, HISTORY, QUESTION

WINDOW = 2048  # rows rendered together: the offsets of all their characters are in memory at once
UNLIMITED = 1_000_000  # a tokenizer without a limit says 1e30


class Sequences(NamedTuple):
    """Token ids of the rows that a model can read.

    Attributes:
        ids: an int32 array of token ids per row; empty where the row has a reason.
        reasons: index of a row -> why it cannot be read.
    """

    ids: list[NDArray[np.int32]]
    reasons: dict[int, str]

    @property
    def kept(self) -> NDArray[np.int64]:
        """Indices of the rows that can be read."""
        return np.asarray([i for i in range(len(self.ids)) if i not in self.reasons], dtype=np.int64)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row, 0 where it has a reason."""
        return np.asarray([len(ids) for ids in self.ids], dtype=np.int64)


def context_length(config: Any, tokenizer: Any = None) -> int | None:
    """Most tokens that a model reads at once, or None where neither its config nor its tokenizer says."""
    limits = [getattr(config.get_text_config(), "max_position_embeddings", None)]
    limits.append(getattr(tokenizer, "model_max_length", None))
    known = [int(limit) for limit in limits if limit is not None and 0 < limit < UNLIMITED]
    return min(known, default=None)


def sequences(
    renderer: Renderer,
    rows: Sequence[Mapping[str, Any]],
    *,
    context: int | None,
    vocabulary: int | None = None,
) -> Sequences:
    """BOS and block of each row, as ids; never cut: a row that does not fit gets a reason.

    Args:
        renderer: of the model's tokenizer and template.
        rows: mappings with any of the column pairs of `hf_qads.rows.columns`.
        context: most tokens of a sequence, or None.
        vocabulary: how many token ids the model knows, or None.

    Raises:
        SourceError: the rows have no known pair of columns.
        ScoringError: the tokenizer gives an id that the model does not know.
    """
    ids, _, reasons = labelled(renderer, rows, context=context, vocabulary=vocabulary)
    return Sequences(ids, reasons)


def labelled(
    renderer: Renderer,
    rows: Sequence[Mapping[str, Any]],
    *,
    context: int | None,
    vocabulary: int | None = None,
) -> tuple[list[NDArray[np.int32]], list[tuple[int, int]], dict[int, str]]:
    """As `sequences`, with the positions `[start, stop)` of each row's answer within its ids."""
    ids: list[NDArray[np.int32]] = []
    answers: list[tuple[int, int]] = []
    reasons: dict[int, str] = {}
    first = len(renderer.bos)
    for window in windows(rows, WINDOW):
        for block in blocks_of(renderer, window, context=context):
            tokens, answer = np.empty(0, dtype=np.int32), (0, 0)
            if isinstance(block, str):
                reasons[len(ids)] = block
            else:
                tokens = np.asarray([*renderer.bos, *block.ids], dtype=np.int32)
                answer = (first + block.answer[0], first + block.answer[1])
            if vocabulary is not None and len(tokens) and tokens.max() >= vocabulary:
                raise ScoringError(
                    f"the tokenizer gives the id {tokens.max()}, but the model knows {vocabulary} ids. "
                    "Load the tokenizer that belongs to the model."
                )
            ids.append(tokens)
            answers.append(answer)
    return ids, answers, reasons


def padded(ids: Sequence[NDArray[np.int32]], pad: int, device: Any) -> tuple[Any, Any]:
    """Token ids (b, t), padded on the right, and their mask (b, t) as int64 tensors on `device`."""
    import torch

    longest = max(len(row) for row in ids)
    tokens = np.full((len(ids), longest), pad, dtype=np.int64)
    for place, row in enumerate(ids):
        tokens[place, : len(row)] = row
    lengths = np.asarray([len(row) for row in ids])
    mask = (np.arange(longest) < lengths[:, None]).astype(np.int64)
    return torch.from_numpy(tokens).to(device), torch.from_numpy(mask).to(device)


def windows(rows: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    """The rows of a list or dataset in lists of `size`, the last one shorter."""
    rest = iter(rows)
    while window := list(islice(rest, size)):
        yield window


def recognised(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | str]:
    """Rows with any of the usual column pairs as `history`, `question` and `answer`, or why they are none.

    Raises:
        SourceError: a row has no known pair of columns.
    """
    pairs: list[dict[str, Any] | str] = []
    known: dict[tuple[str, ...], ColumnMapping] = {}
    for row in rows:
        names = tuple(row)
        if names not in known:
            known[names] = recognise(names)
        pair = pair_or_reason(row, known[names])
        pairs.append(_row(pair) if isinstance(pair, Pair) else pair)
    return pairs


def blocks_of(
    renderer: Renderer, rows: Sequence[Mapping[str, Any]], *, context: int | None = None
) -> list[Block | str]:
    """The block of each row with any of the usual column pairs, or why it has none.

    Args:
        renderer: of the model's tokenizer and template.
        rows: mappings, or a dataset.
        context: most tokens with the BOS; None lets any length pass.

    Raises:
        SourceError: a row has no known pair of columns.
    """
    return [
        block
        if isinstance(block, str) or context is None or len(renderer.bos) + len(block.ids) <= context
        else f"longer than the context of {context} tokens"
        for block in rendered(renderer, recognised(rows))
    ]


def rendered(renderer: Renderer, pairs: Sequence[Mapping[str, Any] | str]) -> list[Block | str]:
    """The block of each row that `recognised` read, or the reason why there is none."""
    blocks = iter(renderer.blocks([pair for pair in pairs if isinstance(pair, Mapping)]))
    return [next(blocks) if isinstance(pair, Mapping) else pair for pair in pairs]


def _row(pair: Pair) -> dict[str, Any]:
    return {HISTORY: pair.history, QUESTION: pair.question, ANSWER: pair.answer}
