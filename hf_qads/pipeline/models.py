"""Loading the base model of a run, and what its results depend on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_qads.config.schema import Model
from hf_qads.errors import ConfigError
from hf_qads.runtime import files
from hf_qads.runtime.devices import pick_device

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

EMBEDDED = "embedded"


def model_path(model: Model) -> str:
    """Where the model's files are: a folder, or a Hub id."""
    if model.path == EMBEDDED:
        from hf_qads import embedded

        return str(embedded.language_model_path())
    return model.path


def fingerprint(model: Model) -> dict[str, Any]:
    """What of a model a result depends on: its settings, and the hashes of a local folder's files."""
    path = Path(model_path(model))
    found = (
        sorted(p for p in path.glob("*") if p.suffix in (".json", ".safetensors")) if path.is_dir() else []
    )
    return {**model.model_dump(), "files": {p.name: files.file_hash(p)[:16] for p in found}}


def check_model(model: Model) -> None:
    """Check that a local model is a folder with a config.

    Raises:
        ConfigError: it is not.
    """
    path = Path(model_path(model))
    if not path.is_dir():
        if path.exists() or model.path.startswith((".", "/", "~")):
            raise ConfigError(
                f"model {model.path!r} is not a folder. Give a model's folder, a Hub id, or `embedded`."
            )
    elif not (path / "config.json").is_file():
        raise ConfigError(
            f"model folder {model.path!r} has no config.json. Give the folder that save_pretrained wrote."
        )


def load_model(model: Model, *, device: str | None) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """Load a causal language model and its fast tokenizer, from safetensors only.

    Raises:
        ConfigError: there is no such model, or it lacks weights, a tokenizer, or a fast tokenizer.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = model_path(model)
    check_model(model)
    options = {"revision": model.revision, "trust_remote_code": model.trust_remote_code}
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, **options)
        loaded = AutoModelForCausalLM.from_pretrained(
            path, dtype=_dtype(model, Path(path), torch), use_safetensors=True, **options
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"model {path!r} cannot be loaded: {reason}. It needs config.json, safetensors weights and "
            "tokenizer files."
        ) from error
    if not tokenizer.is_fast:
        raise ConfigError(
            f"model {path!r} has a slow tokenizer only, which gives no character offsets. "
            "Save it with a tokenizer.json."
        )
    if model.max_length is not None:
        loaded.config.max_position_embeddings = min(model.max_length, loaded.config.max_position_embeddings)
    return loaded.eval().to(pick_device(device)), tokenizer


def _dtype(model: Model, path: Path, torch: Any) -> Any:
    """The dtype asked for; `auto` is float32 on a CPU, else what the weights were saved in."""
    if model.dtype != "auto":
        return getattr(torch, model.dtype)
    return "auto" if torch.cuda.is_available() else torch.float32
