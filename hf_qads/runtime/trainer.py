"""Train to the end, through kills, and leave a whole model folder."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hf_qads.errors import TrainingError
from hf_qads.runtime import files
from hf_qads.runtime.checkpoints import damaged, last_checkpoint
from hf_qads.runtime.run_claims import FACTS, RUN


def fit(trainer: Any, folder: Path, *, facts: Mapping[str, Any], keep_checkpoints: bool = False) -> Path:
    """Run a trainer, from its last whole checkpoint where there is one, and save the model.

    Args:
        trainer: a `Trainer` of transformers or TRL; its checkpoints lie in its `output_dir`.
        folder: the model appears here, with tokenizer and `training.json`. A folder of its own appears whole
            or not at all; in the `output_dir`, `training.json` comes last and so marks a whole model.
        facts: what to record about the run; loss curve, time and steps are added.
        keep_checkpoints: leave the checkpoints in `output_dir`.

    Returns:
        `folder`.

    Raises:
        TrainingError: the loss stopped being a number, or the checkpoint asked for is not whole.
    """
    work = Path(trainer.args.output_dir)
    checkpoint = _checkpoint(trainer.args.resume_from_checkpoint, work)
    had_card = (work / "README.md").exists()
    began = time.monotonic()
    result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    curve = loss_curve(trainer.state.log_history)
    if not np.isfinite([result.training_loss, *(loss for _, loss in curve)]).all():
        raise TrainingError(
            f"The loss stopped being a number in {work}. Lower the learning rate, or look for broken rows."
        )
    finished = work / "finished"
    trainer.save_model(str(finished))  # every rank takes part: sharded weights are gathered
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        # A pickle has no place in a folder that people share.
        files.remove(finished / "training_args.bin")
        measured = {
            "steps": trainer.state.global_step,
            "epochs": trainer.state.epoch,
            "loss": result.training_loss,
            "loss_curve": curve,
            "seconds": round(time.monotonic() - began, 1),
            "resumed_from": checkpoint.name if checkpoint else None,
            "processes": trainer.args.world_size,
        }
        _put(finished, folder, work, {**facts, **measured})
        if not had_card:
            files.remove(work / "README.md")  # the trainer's own card, which knows nothing of the data
        if not keep_checkpoints:
            _clear(work, whole_folder=work.resolve() != folder.resolve())
    trainer.accelerator.wait_for_everyone()
    return folder


def _checkpoint(asked: str | None, work: Path) -> Path | None:
    if not asked or asked in ("True", "true"):
        return last_checkpoint(work)
    if damage := damaged(Path(asked)):
        raise TrainingError(
            f"The checkpoint {asked} cannot be used: {damage}. Leave it out to use the newest."
        )
    return Path(asked)


def _put(finished: Path, folder: Path, work: Path, facts: Mapping[str, Any]) -> None:
    """Move a finished model into place, `training.json` last."""
    if work.resolve() == folder.resolve():
        files.remove(folder / FACTS)
        for path in sorted(finished.iterdir()):
            files.remove(folder / path.name)
            os.replace(path, folder / path.name)
        files.remove(finished)
        files.write_json(folder / FACTS, facts)
        return
    with files.atomic_path(folder) as temporary:
        os.replace(finished, temporary)
        files.write_json(temporary / FACTS, facts)


def _clear(work: Path, *, whole_folder: bool) -> None:
    if whole_folder:
        files.remove(work)
        return
    for path in (*work.glob("checkpoint-*"), work / RUN):
        files.remove(path)


def loss_curve(history: Sequence[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """`(step, loss)` pairs out of a trainer's log history."""
    return [(int(entry["step"]), float(entry["loss"])) for entry in history if "loss" in entry]
