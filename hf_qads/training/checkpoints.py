"""Checkpoints that can be trusted: which is the newest whole one, and whose they are."""

import json
import logging
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hf_qads import files
from hf_qads.errors import TrainingError

logger = logging.getLogger(__name__)

RUN = "run.json"  # beside the checkpoints: whose they are
FACTS = "training.json"  # beside a finished model: what it was trained on, and how


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


def claim(folder: Path, identity: Mapping[str, Any], *, discard: bool = False) -> None:
    """Write into `folder` which run its checkpoints belong to, or check that it is this one.

    Args:
        folder: where the trainer puts checkpoints; made when missing.
        identity: what must be equal for a checkpoint to be of use (data, model, schedule, seed).
        discard: remove what another run left, instead of refusing.

    Raises:
        TrainingError: the folder holds checkpoints or the finished model of another run.
    """
    wanted = json.loads(json.dumps(dict(identity), default=str))
    for name, what in ((RUN, "checkpoints"), (FACTS, "the finished model")):
        found = _read(folder / name)
        differs = sorted(key for key in wanted if found is not None and found.get(key) != wanted[key])
        if differs and not discard:
            raise TrainingError(
                f"{folder} holds {what} of another run (it differs in {', '.join(differs)}). "
                "Name another output_dir, or give overwrite: true to start anew."
            )
        if differs:
            for path in (*folder.glob("checkpoint-*"), folder / RUN, folder / FACTS):
                files.remove(path)
    files.write_json(folder / RUN, wanted)


def is_finished(folder: Path, identity: Mapping[str, Any]) -> bool:
    """Whether `folder` holds the finished model of the run that `identity` describes."""
    facts = _read(folder / FACTS)
    wanted = json.loads(json.dumps(dict(identity), default=str))
    return facts is not None and all(facts.get(key) == value for key, value in wanted.items())


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


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
