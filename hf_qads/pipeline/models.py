"""The base model of a config: loading it, and what of it the stages' results depend on."""

from typing import TYPE_CHECKING, Any

from hf_qads.config.schema import Model
from hf_qads.runtime import models
from hf_qads.schema import EMBEDDING, RANK

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def load(model: Model, *, device: str | None) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """Load the model of a config, and its tokenizer.

    Raises:
        ModelError: it cannot be loaded.
    """
    return models.load_model(
        model.name,
        revision=model.revision,
        dtype=model.dtype,
        device=device,
        max_length=model.max_length,
        trust_remote_code=model.trust_remote_code,
    )


def model_key(model: Model) -> dict[str, Any]:
    """What of a model a stage's result depends on: its settings, and the fingerprint of its files."""
    return {**model.model_dump(), "weights": models.fingerprint(model.name, revision=model.revision)}


def choose_share(
    rows: "Dataset",
    model: str,
    *,
    fraction: float,
    strategy: str,
    vectors: str | None = None,
    template: str = "plain",
) -> "Dataset":
    """The share of a dataset's rows that `QaDSSampler` chooses, in its order.

    Args:
        rows: with ranks or embeddings, or else vectors are made.
        model: the model that makes vectors where neither the rows nor `vectors` bring any.
        fraction: of the rows, in (0, 1].
        strategy: of the choice.
        vectors: a file (.npy) with the rows' vectors.
        template: how rows are rendered for vectors.
    """
    import numpy as np

    from hf_qads.embedding.encoder import embed
    from hf_qads.selection.sampler import QaDSSampler

    found: Any = np.load(vectors, mmap_mode="r") if vectors else None
    if found is None and not {EMBEDDING, RANK} & set(rows.column_names):
        found = embed(*models.load_model(model), rows, template=template)
    return rows.select(list(QaDSSampler(rows, fraction=fraction, vectors=found, strategy=strategy)))
