"""Forward pass over rows in packed or padded batches, with a reason for every row without a result."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.rows.rendering import Renderer
from hf_qads.rows.sequences import padded, sequences
from hf_qads.runtime.batching import TokenBudget, run_batches

Ids = Sequence[NDArray[np.int32]]


def without_adapter(model: Any) -> Any:
    """The model of transformers within a PEFT wrapper; its adapters stay, they live inside the layers."""
    if "peft" in sys.modules:
        from peft import PeftModel

        if isinstance(model, PeftModel):
            return model.get_base_model()
    return model


def body(model: Any) -> Any:
    """The part of a model that makes hidden states, without a head on the vocabulary or on classes."""
    return without_adapter(model).base_model


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Evaluation mode, without dropout; put back afterwards as it was."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


class Body:
    """A model's body that gives the last hidden states of a batch of rows.

    Rows are packed side by side, without padding, where that gives what each row gives alone, which is tried
    once; else, and on a GPU in float32, they are padded.

    Attributes:
        width: entries of a hidden state.
    """

    def __init__(self, model: Any, *, pad: int = 0) -> None:
        """Take a model of transformers, where it is; `pad` is the id to pad with."""
        self.module = body(model)
        self.device = model.device
        self.pad = pad
        half = str(model.dtype) in ("torch.float16", "torch.bfloat16")
        self._packed: Any = None
        self.width, packs = self._try(model.get_input_embeddings().num_embeddings)
        if packs and (self.device.type == "cpu" or (self.device.type == "cuda" and half)):
            from hf_qads.runtime.packing import PackedBody

            self._packed = PackedBody(self.module)

    def states(self, ids: Ids) -> tuple[Any, Any]:
        """Hidden states (b, t, d) of b rows, padded on the right to the longest, and their mask (b, t)."""
        import torch

        tokens, mask = padded(ids, self.pad, self.device)
        with torch.inference_mode(), evaluating(self.module):
            if self._packed is None:
                found = self.module(input_ids=tokens, attention_mask=mask, use_cache=False)
                return found.last_hidden_state, mask
            lengths = [len(row) for row in ids]
            hidden, _ = self._packed.forward(tokens[mask.bool()][None], lengths)
            rows = torch.nn.utils.rnn.pad_sequence(hidden[0].split(lengths), batch_first=True)
            return rows, mask

    def _try(self, vocabulary: int) -> tuple[int, bool]:
        """Width of the hidden states, and whether the second of two packed rows is as it is alone."""
        import torch

        from hf_qads.runtime.packing import PackedBody

        ids = torch.arange(12, device=self.device)[None] * 7919 % vocabulary
        with torch.inference_mode(), evaluating(self.module):
            alone = self.module(input_ids=ids[:, 7:], use_cache=False).last_hidden_state.float()
            packed = PackedBody(self.module)
            if not packed.shares:
                return int(alone.shape[-1]), False
            try:
                found = packed.forward(ids, [7, 5])[0][:, 7:].float()
            except (TypeError, ValueError, RuntimeError, LookupError):  # whatever such a model stumbles over
                return int(alone.shape[-1]), False
        near = (found - alone).norm() <= alone.norm() * (1e-3 if self.module.dtype == torch.float32 else 0.1)
        return int(alone.shape[-1]), bool(near)


def forward_rows(
    forward: Callable[[Ids], NDArray[np.float32]],
    renderer: Renderer,
    rows: Sequence[Mapping[str, Any]],
    out: NDArray[Any],
    *,
    context: int | None,
    vocabulary: int,
    budget: TokenBudget,
    not_finite: str,
) -> dict[int, str]:
    """Write what a model makes of each row to `out`, by batches of rows of like length.

    Args:
        forward: token ids of a batch of b rows -> its results (b, ...).
        renderer: of the model's tokenizer and template.
        rows: (n,) mappings with any of the usual column pairs.
        out: (n, ...) of a floating type.
        context: most tokens of a row, or None.
        vocabulary: how many token ids the model knows.
        budget: most tokens of a batch, padding included; halves where memory runs out.
        not_finite: the reason of a row whose result is no number.

    Returns:
        index of a row -> why it has no result; its place in `out` is NaN.

    Raises:
        SourceError: the rows have no known pair of columns.
        ScoringError: the tokenizer gives an id that the model does not know.

    Cost: one forward pass over the rows' tokens; ids of all rows in memory.
    """
    ids, reasons = sequences(renderer, rows, context=context, vocabulary=vocabulary)
    out[list(reasons)] = np.nan
    kept = np.asarray([i for i in range(len(ids)) if i not in reasons], dtype=np.int64)

    def work(batch: NDArray[np.int64]) -> None:
        places = kept[batch]
        out[places] = forward([ids[place] for place in places])

    # A result that overflows the type of `out` becomes infinite, which is counted below.
    with np.errstate(over="ignore"):
        run_batches([len(ids[i]) for i in kept], budget, work)
    finite = np.isfinite(out[kept])
    for place in kept[~finite.all(axis=tuple(range(1, out.ndim)))].tolist():
        out[place] = np.nan
        reasons[place] = not_finite
    return reasons
