"""Whose checkpoints they are, and whether the run that wrote them is finished."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hf_qads.errors import TrainingError
from hf_qads.runtime import files

RUN = "run.json"  # beside the checkpoints: whose they are
FACTS = "training.json"  # beside a finished model: what it was trained on, and how


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
