"""Models to evaluate, and a name for each that changes when its weights do."""

import hashlib
from pathlib import Path
from typing import Any

from hf_qads.errors import EvaluationError

HEAD = 64 * 2**20  # bytes of a weight file that are hashed beside its size


def load_model(
    name: str,
    *,
    revision: str = "main",
    dtype: str = "auto",
    device: str | None = None,
    remote_code: bool = False,
) -> tuple[Any, Any]:
    """A causal language model and its tokenizer, from a folder or the Hub; a LoRA adapter with its base.

    Args:
        name: folder or Hub id.
        revision: of a Hub model.
        dtype: `auto`, `float32`, `bfloat16` or `float16`; on a CPU `auto` is float32.
        device: None takes CUDA where there is one, else the CPU.
        remote_code: run code from the model's repository.

    Raises:
        EvaluationError: there is no such model, or it is not whole.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = "float32" if dtype == "auto" and device == "cpu" else dtype
    if name.startswith((".", "/", "~")) and not Path(name).expanduser().is_dir():
        raise EvaluationError(f"There is no model at {name}. Train one with recipes/sft.py, or name another.")
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=remote_code)
        model = AutoModelForCausalLM.from_pretrained(
            name, revision=revision, dtype=dtype, trust_remote_code=remote_code
        )
    except (OSError, ValueError) as error:
        raise EvaluationError(f"The model {name} cannot be loaded: {error}") from error
    return model.to(device), tokenizer


def model_label(name: str) -> str:
    """The Hub id, or the name of a folder; never a local path."""
    path = Path(name)
    if not path.exists():
        return name
    path = path.resolve()
    return f"{path.parent.name}/{path.name}" if path.name == "model" else path.name


def weights_id(name: str) -> str:
    """What identifies a model in stored results: its label and, of a folder, a hash of its weight files."""
    path = Path(name)
    if not path.is_dir():
        return name
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted([*path.glob("*.safetensors"), *path.glob("*.bin"), *path.glob("config.json")]):
        digest.update(f"{file.name} {file.stat().st_size}".encode())
        with file.open("rb") as stream:
            digest.update(stream.read(HEAD))
    return f"{model_label(name)} {digest.hexdigest()}"
