"""Features: what strategies read of a row beside its vector, by name (texts, weighted vectors, gradients)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hf_qads.runtime.batching import BATCH_TOKENS
from hf_qads.schema import ANSWER, QUESTION

if TYPE_CHECKING:
    from hf_qads.embedding.encoder import Encoder
    from hf_qads.embedding.gradients import GradientMaker

TEXT: Final = "text"
VECTORS: Final = "vectors"
WEIGHTED: Final = "weighted_vectors"
GRADIENTS: Final = "gradients"
MADE: Final = (TEXT, VECTORS, WEIGHTED, GRADIENTS)


def feature_encoder(
    name: str,
    model: Any,
    tokenizer: Any,
    *,
    template: str = "plain",
    batch_tokens: int = BATCH_TOKENS,
    seed: int = 0,
) -> "Encoder | GradientMaker":
    """What makes the feature `name` of rows: `vectors`, `weighted_vectors` or `gradients`.

    Gradients put adapters on the model until the maker's `close`.
    """
    from hf_qads.embedding.encoder import Encoder
    from hf_qads.embedding.gradients import GradientMaker

    if name == GRADIENTS:
        return GradientMaker(model, tokenizer, template=template, batch_tokens=batch_tokens, seed=seed)
    pooling = "weighted" if name == WEIGHTED else "mean"
    return Encoder(model, tokenizer, pooling=pooling, template=template, batch_tokens=batch_tokens)


def text_of(row: Mapping[str, Any]) -> str:
    """Question and answer of a row, for strategies that compare words."""
    return f"{row[QUESTION]}\n{row[ANSWER]}"
