"""Rows to vectors: the masked mean of a language model's last hidden state over BOS and block."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hf_qads.embedding.pooling import POOLINGS
from hf_qads.errors import EmbeddingError
from hf_qads.rows.forward import Body, forward_rows
from hf_qads.rows.rendering import Renderer, template_of
from hf_qads.rows.sequences import context_length, windows
from hf_qads.runtime import progress
from hf_qads.runtime.batching import BATCH_TOKENS, TokenBudget
from hf_qads.runtime.devices import useful_tokens
from hf_qads.runtime.files import atomic_path

logger = logging.getLogger(__name__)

WINDOW = 16_384  # rows sorted by length together: enough that hardly anything is padded
DTYPES = ("float16", "float32")
NOT_FINITE = "the vector is not finite"


class RowEncoder(Protocol):
    """What makes an array row of each row: `Encoder` vectors, `GradientMaker` gradients."""

    size: int

    def encode(self, rows: Sequence[Mapping[str, Any]], out: NDArray[Any]) -> dict[int, str]:
        """Write an array row (size,) for each row to `out`; index of a row -> why it has none."""
        ...


class Encoder:
    """Makes vectors with one model; keeps the token budget that fits the memory.

    Attributes:
        size: entries of a vector.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        template: str = "plain",
        device: Any = None,
        batch_tokens: int = BATCH_TOKENS,
        pooling: str = "mean",
    ) -> None:
        """Take a model of transformers (or one with PEFT adapters); `device` moves it, None leaves it.

        Raises:
            EmbeddingError: there is no such pooling.
            ScoringError: the tokenizer or template does not serve.
        """
        if pooling not in POOLINGS:
            raise EmbeddingError(f"pooling={pooling!r} is none of {', '.join(POOLINGS)}. Choose one of them.")
        self.pool = POOLINGS[pooling]
        self.renderer = Renderer(tokenizer, template_of(model, template))
        self.context = context_length(model.config, tokenizer)
        self.vocabulary = model.get_input_embeddings().num_embeddings
        if device is not None:
            model.to(device)
        self.device = model.device
        self.budget = TokenBudget(useful_tokens(batch_tokens, self.device))
        self._body = Body(model)
        self.size = self._body.width

    def encode(self, rows: Sequence[Mapping[str, Any]], out: NDArray[Any]) -> dict[int, str]:
        """Write the vectors of `rows` to `out` (n, d).

        Returns:
            index of a row -> why it has no vector; its row of `out` is NaN.

        Cost: one forward pass without the vocabulary's head; ids of all rows in memory.
        """
        return forward_rows(
            self._forward,
            self.renderer,
            rows,
            out,
            context=self.context,
            vocabulary=self.vocabulary,
            budget=self.budget,
            not_finite=NOT_FINITE,
        )

    def _forward(self, ids: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        pooled: NDArray[np.float32] = self.pool(*self._body.states(ids)).cpu().numpy()
        return pooled


def embed(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, Any]],
    *,
    pooling: str = "mean",
    template: str = "plain",
    out: Path | str | None = None,
    dtype: str = "float32",
    device: Any = None,
    batch_tokens: int = BATCH_TOKENS,
) -> NDArray[Any]:
    """Embed rows by the masked mean of the model's last hidden state over BOS and block.

    Args:
        model: a model of transformers, best the pre-experienced one.
        tokenizer: its fast tokenizer.
        rows: a list of mappings or a dataset, (n), with any of the usual column pairs.
        pooling: `mean`, or `weighted` by position: the i-th of n tokens weighs i / (1 + ... + n), as RDS+ has
            it, for `select(..., features={"weighted_vectors": ...})`.
        template: `plain`, `chat` or a format string; a model's own `qads_template` holds instead of `plain`.
        out: a file name ending in `.npy` to write to; it appears whole, at the end.
        dtype: of the vectors, `float32` or `float16`.
        device: where to move the model first; None leaves it where it is.
        batch_tokens: most tokens of a batch, padding included; halved where memory runs out.

    Returns:
        Vectors (n, d), or a read-only memmap of `out`. A row that does not fit the context, or has no
        question or answer, gets NaN, and a warning in the log counts such rows by reason;
        `Encoder.encode` returns the reason of each.

    Raises:
        EmbeddingError: `dtype` or `out` is none of those above.
        ScoringError: the tokenizer or template does not serve.
        SourceError: the rows have no known columns.

    Cost: one forward pass over the rows' tokens, without the head on the vocabulary; n x d numbers.

    Source: section 3.3 (vectors of the pre-experienced model).
    """
    if dtype not in DTYPES:
        raise EmbeddingError(f"dtype={dtype!r} is none of {', '.join(DTYPES)}. Choose one of them.")
    encoder = Encoder(
        model, tokenizer, template=template, device=device, batch_tokens=batch_tokens, pooling=pooling
    )
    shape = (len(rows), encoder.size)
    if out is None:
        vectors = np.empty(shape, dtype=dtype)
        _embed_to(encoder, rows, vectors)
        return vectors
    path = Path(out)
    if path.suffix != ".npy":
        raise EmbeddingError(f"out={str(out)!r} does not end in .npy. Name the file that vectors go to.")
    with atomic_path(path) as temporary:
        memmap = np.lib.format.open_memmap(temporary, mode="w+", dtype=dtype, shape=shape)
        _embed_to(encoder, rows, memmap)
        memmap.flush()
        del memmap
    read: NDArray[Any] = np.load(path, mmap_mode="r")
    return read


def fill(
    encoder: RowEncoder, rows: Sequence[Mapping[str, Any]], out: NDArray[Any], *, what: str = "embedding"
) -> Counter[str]:
    """Write an array row of each of `rows` to `out` (n, size), window by window; `what` titles the bar.

    Returns:
        reason -> how many rows have none; theirs are NaN.
    """
    counts: Counter[str] = Counter()
    with progress.bar(len(rows), what) as bar:
        start = 0
        for window in windows(rows, WINDOW):
            counts.update(encoder.encode(window, out[start : start + len(window)]).values())
            start += len(window)
            bar.update(len(window))
    return counts


def _embed_to(encoder: Encoder, rows: Sequence[Mapping[str, Any]], vectors: NDArray[Any]) -> None:
    counts = fill(encoder, rows, vectors)
    if counts:
        told = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
        logger.warning("%d rows have no vector: %s.", counts.total(), told)
