"""Forward pass over rows in padded batches, with a reason for every row without a result; a model's body."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.rows.rendering import Renderer
from hf_qads.rows.sequences import sequences
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
