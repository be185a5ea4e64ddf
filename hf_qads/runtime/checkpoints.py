"""Checkpoint integrity: which checkpoint of a trainer of transformers can be trusted."""

import json
import logging
import struct
import zipfile
from pathlib import Path

logger = logging.getLogger(__name__)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint of `folder` that is whole, or None.

    One that a kill or a full disk cut short is passed over, and named in the log.
    """
    named = [path for path in folder.glob("checkpoint-*") if path.name.rpartition("-")[2].isdigit()]
    for path in sorted(named, key=lambda path: int(path.name.rpartition("-")[2]), reverse=True):
        damage = damaged(path)
        if damage is None:
            return path
        logger.warning("%s is not whole (%s); an earlier state is used.", path, damage)
    return None


def damaged(checkpoint: Path) -> str | None:
    """What makes a checkpoint unusable, or None.

    The trainer writes `trainer_state.json` last, so its absence betrays a kill; the sizes of weights and
    optimizer files betray a copy that was cut off.
    """
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "trainer_state.json is missing or cut off"
    weights = [path for path in checkpoint.rglob("*.safetensors") if path.is_file()]
    for path in weights:
        if not _whole_safetensors(path):
            return f"{path.name} is cut off"
    for path in checkpoint.rglob("*.pt"):
        if not zipfile.is_zipfile(path):
            return f"{path.name} is cut off"
    sharded = any(path.is_dir() for path in checkpoint.iterdir())  # DeepSpeed and FSDP write folders
    return None if weights or sharded else "it holds no weights"


def _whole_safetensors(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(8)
        if len(head) < 8:
            return False
        (length,) = struct.unpack("<Q", head)
        try:
            header = json.loads(stream.read(length))
        except ValueError:
            return False
    ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    return path.stat().st_size == int(8 + length + max(ends, default=0))
