"""Resumable training: the newest whole checkpoint, whose checkpoints they are, and a whole model folder.

The policy, the pre-experienced model and the scorers all train through `train_resumable`.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hf_qads.errors import TrainingError
from hf_qads.runtime import files
from hf_qads.runtime.checkpoints import damaged, last_checkpoint
from hf_qads.runtime.progress import show_steps
from hf_qads.runtime.sharded_training import fit_checkpoint

RUN = "run.json"  # beside the checkpoints: whose they are
FACTS = "training.json"  # beside a finished model: what it was trained on, and how
FINISHED = "finished"
# Arguments that say where, how fast, how often something is written, or how memory is saved; every other one
# can change the weights. The batch per device and its accumulation count by their product.
NOT_DECISIVE = frozenset(
    "output_dir do_train do_eval do_predict prediction_loss_only disable_tqdm debug local_rank use_cpu "
    "per_device_train_batch_size gradient_accumulation_steps per_device_eval_batch_size "
    "eval_accumulation_steps eval_delay eval_do_concat_batches eval_on_start eval_packing eval_steps "
    "eval_strategy eval_use_gather_object batch_eval_metrics bf16_full_eval fp16_full_eval "
    "include_for_metrics include_num_input_tokens_seen skip_memory_metrics torch_empty_cache_steps "
    "logging_first_step logging_nan_inf_filter logging_steps logging_strategy log_level log_level_replica "
    "log_on_each_node report_to run_name project trackio_bucket_id trackio_space_id trackio_static_space_id "
    "save_on_each_node save_only_model save_steps save_strategy save_total_limit enable_jit_checkpoint "
    "resume_from_checkpoint restore_callback_states_from_checkpoint push_to_hub hub_always_push "
    "hub_model_id hub_private_repo hub_revision hub_strategy hub_token dataloader_num_workers "
    "dataloader_multiprocessing_context dataloader_persistent_workers dataloader_pin_memory "
    "dataloader_prefetch_factor dataset_num_proc ddp_backend ddp_broadcast_buffers ddp_bucket_cap_mb "
    "ddp_find_unused_parameters ddp_static_graph ddp_timeout deepspeed fsdp fsdp_config parallelism_config "
    "activation_checkpointing activation_checkpointing_kwargs gradient_checkpointing "
    "gradient_checkpointing_kwargs activation_offloading torch_compile torch_compile_backend "
    "torch_compile_mode use_cache trust_remote_code".split()
)


def decisive(arguments: Any) -> dict[str, Any]:
    """Every argument of a training that can change the weights, as plain values.

    Args:
        arguments: `TrainingArguments` or a subclass.

    Returns:
        all that the class knows but those of `NOT_DECISIVE`, and `global_batch`.
    """
    known = arguments.to_dict()
    batch = known["per_device_train_batch_size"] * known["gradient_accumulation_steps"] * arguments.world_size
    kept = {name: value for name, value in known.items() if name not in NOT_DECISIVE}
    plain: dict[str, Any] = json.loads(json.dumps(kept, default=str))
    return {"global_batch": batch, **plain}


def train_resumable(
    trainer: Any, identity: Mapping[str, Any], *, title: str, discard: bool = False
) -> tuple[Path, dict[str, Any]]:
    """Run a trainer, from its newest whole checkpoint where there is one, and save the model.

    Args:
        trainer: a `Trainer` of transformers or TRL; its checkpoints lie in its `output_dir`.
        identity: what must be equal for its checkpoints to be of use: data, base model, arguments.
        title: what stands before the progress bar.
        discard: remove the checkpoints of another run instead of refusing.

    Returns:
        the folder of the finished model inside `output_dir`, and what was measured: steps, epochs, loss,
        loss curve, seconds, the checkpoint it went on from, processes.

    Raises:
        TrainingError: the checkpoints are of another run or another sharding, the one asked for is not whole,
            or the loss stopped being a number.
    """
    work = Path(trainer.args.output_dir)
    if trainer.is_world_process_zero():
        claim(work, identity, discard=discard)
    trainer.accelerator.wait_for_everyone()
    checkpoint = _checkpoint(trainer.args.resume_from_checkpoint, work)
    if checkpoint:
        fit_checkpoint(trainer, checkpoint)
    show_steps(trainer, title)
    began = time.monotonic()
    result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    curve = loss_curve(trainer.state.log_history)
    if not np.isfinite([result.training_loss, *(loss for _, loss in curve)]).all():
        raise TrainingError(
            f"The loss stopped being a number in {work}. Lower the learning rate, or look for broken rows."
        )
    finished = work / FINISHED
    trainer.save_model(str(finished))  # every rank takes part: sharded weights are gathered
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        files.remove(finished / "training_args.bin")  # a pickle has no place in a folder that people share
    return finished, {
        "steps": trainer.state.global_step,
        "epochs": trainer.state.epoch,
        "loss": result.training_loss,
        "loss_curve": curve,
        "seconds": round(time.monotonic() - began, 1),
        "resumed_from": checkpoint.name if checkpoint else None,
        "processes": trainer.args.world_size,
    }


def put_model(
    trainer: Any, finished: Path, folder: Path, facts: Mapping[str, Any], *, keep_checkpoints: bool = False
) -> None:
    """Move a finished model into place with its `training.json`, and clear the work folder away.

    A folder of its own appears whole or not at all; in the trainer's `output_dir`, `training.json` comes
    last and so marks a whole model. Every rank calls this; rank 0 moves.
    """
    work = Path(trainer.args.output_dir)
    if trainer.is_world_process_zero():
        if work.resolve() == folder.resolve():
            files.remove(folder / FACTS)
            for path in sorted(finished.iterdir()):
                files.remove(folder / path.name)
                os.replace(path, folder / path.name)
            files.remove(finished)
            files.write_json(folder / FACTS, dict(facts))
            stale = [] if keep_checkpoints else [*work.glob("checkpoint-*"), work / RUN]
        else:
            with files.atomic_path(folder) as temporary:
                os.replace(finished, temporary)
                files.write_json(temporary / FACTS, dict(facts))
            stale = [] if keep_checkpoints else [work]
        for path in stale:
            files.remove(path)
    trainer.accelerator.wait_for_everyone()


def claim(folder: Path, identity: Mapping[str, Any], *, discard: bool = False) -> None:
    """Write into `folder` which run its checkpoints belong to, or check that it is this one.

    Args:
        folder: where the trainer puts checkpoints; made when missing.
        identity: what must be equal for a checkpoint to be of use.
        discard: remove what another run left, instead of refusing.

    Raises:
        TrainingError: the folder cannot be written, or holds checkpoints or the finished model of another
            run.
    """
    check_claim(folder, identity, discard=discard)
    try:
        files.write_json(folder / RUN, _plain(identity))
    except OSError as error:
        raise TrainingError(
            f"{folder} cannot be written: {error.strerror}. Name a folder where you may write."
        ) from error


def check_claim(folder: Path, identity: Mapping[str, Any], *, discard: bool = False) -> None:
    """Check that a folder holds no checkpoints or finished model of another run, or remove them.

    Raises:
        TrainingError: it does, and `discard` is off.
    """
    wanted = _plain(identity)
    for name, what in ((RUN, "checkpoints"), (FACTS, "the finished model")):
        found = _read(folder / name)
        differs = [] if found is None else _differences(wanted, found)
        if differs and not discard:
            raise TrainingError(
                f"{folder} holds {what} of another run (it differs in {', '.join(differs)}). "
                "Name another output_dir, or give overwrite: true to start anew."
            )
        if differs:
            for path in (*folder.glob("checkpoint-*"), folder / RUN, folder / FACTS):
                files.remove(path)


def is_finished(folder: Path, identity: Mapping[str, Any]) -> bool:
    """Whether `folder` holds the finished model of the run that `identity` describes."""
    facts = _read(folder / FACTS)
    return facts is not None and not _differences(_plain(identity), facts)


def _differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Keys by which two records differ; of a record within them, its own keys."""
    names: list[str] = []
    for key, value in sorted(wanted.items()):
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            names += _differences(value, found[key])
        elif found.get(key) != value:
            names.append(key)
    return names


def _plain(identity: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(dict(identity), default=str))
    return plain


def _checkpoint(asked: str | None, work: Path) -> Path | None:
    if not asked or asked in ("True", "true"):
        return last_checkpoint(work)
    if damage := damaged(Path(asked)):
        raise TrainingError(
            f"The checkpoint {asked} cannot be used: {damage}. Leave it out to use the newest."
        )
    return Path(asked)


def loss_curve(history: Sequence[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """`(step, loss)` pairs out of a trainer's log history."""
    return [(int(entry["step"]), float(entry["loss"])) for entry in history if "loss" in entry]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
