"""Train to the end, through kills, and leave a whole model folder."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hf_qads import files
from hf_qads.errors import TrainingError
from hf_qads.training.checkpoints import last_checkpoint
from hf_qads.training.facts import FACTS, loss_curve


def fit(trainer: Any, folder: Path, *, facts: Mapping[str, Any], keep_checkpoints: bool = False) -> Path:
    """Run a trainer, from its last whole checkpoint where there is one, and save the model.

    Args:
        trainer: a `Trainer` of transformers or TRL; its checkpoints lie in its `output_dir`.
        folder: the model appears here, whole or not at all, with tokenizer and `training.json`. It must not
            be the `output_dir`.
        facts: what to record about the run; loss curve, time and steps are added.
        keep_checkpoints: leave the checkpoints in `output_dir`.

    Returns:
        `folder`.

    Raises:
        TrainingError: the loss stopped being a number, or `folder` is the `output_dir`.
    """
    work = Path(trainer.args.output_dir)
    if work.resolve() == folder.resolve():
        raise TrainingError(f"{folder} is meant for the finished model and for checkpoints. Use two folders.")
    checkpoint = last_checkpoint(work)
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
        with files.atomic_path(folder) as temporary:
            os.replace(finished, temporary)
            files.write_json(temporary / FACTS, {**facts, **measured})
        if not keep_checkpoints:
            files.remove(work)
    trainer.accelerator.wait_for_everyone()
    return folder
