"""The base model of a config: loading it, and what of it the stages' results depend on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_qads.config.schema import Model
from hf_qads.runtime import files, models
from hf_qads.runtime.devices import pick_device
from hf_qads.schema import EMBEDDING, RANK

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

EXPERIENCED = "model"  # the folder of the pre-experienced model within its stage's


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


def load_to_train(model: Model, *, device: str | None) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """The same to be trained: on a CPU in float32, since small steps are lost in half precision.

    Raises:
        ModelError: it cannot be loaded.
    """
    on_cpu = pick_device(device).type == "cpu"
    return load(model.model_copy(update={"dtype": "float32"}) if on_cpu else model, device=device)


def with_dtype(model: Model, kept: Path, *, device: str | None) -> Model:
    """`model` with its dtype decided where that is `auto`: once per run, by the process that comes first.

    Args:
        model: of a config.
        kept: the run's file of the decision; written where it is not there, else it holds.
        device: as in the config.
    """
    if model.dtype != "auto":
        return model
    if not kept.exists():
        chosen = models.pick_dtype(
            model.name,
            revision=model.revision,
            device=device,
            trust_remote_code=model.trust_remote_code,
        )
        files.write_text(kept, f"{chosen}\n")
    return model.model_copy(update={"dtype": kept.read_text(encoding="utf-8").strip()})


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
