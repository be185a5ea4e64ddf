"""DeepSpeed ZeRO and FSDP2: training that shares a model out over processes, also on CPUs, and resuming it.

accelerate 1.15 counts processes for DeepSpeed, and turns FSDP on, only where it finds an accelerator. Here is
what it leaves out on a CPU, where both run over Gloo, and what DeepSpeed needs to go on with other processes.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from hf_qads.errors import TrainingError
from hf_qads.runtime import files

PLAIN, DEEPSPEED, FSDP = "no sharding", "DeepSpeed", "FSDP"
UNIVERSAL: Final = "latest_universal"  # DeepSpeed's own name of the file beside the folder that it names


def launched_by_deepspeed() -> bool:
    """Whether `accelerate launch` started this process with a DeepSpeed configuration."""
    return _is_set("ACCELERATE_USE_DEEPSPEED")


def fsdp_on_cpu(accelerator: Any) -> bool:
    """Turn FSDP on for the processes of an FSDP launch that have no GPU; whether it was done.

    accelerate would train them by plain data parallelism, each with the whole model.

    Args:
        accelerator: just made, with no model prepared.
    """
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin

    state = accelerator.state
    if not (_is_set("ACCELERATE_USE_FSDP") and state.distributed_type == DistributedType.MULTI_CPU):
        return False
    state.fsdp_plugin = FullyShardedDataParallelPlugin()
    if state.mixed_precision != "no":
        state.fsdp_plugin.set_mixed_precision(state.mixed_precision)
    PartialState().distributed_type = state.distributed_type = DistributedType.FSDP
    return True


def fit_checkpoint(trainer: Any, checkpoint: Path) -> None:
    """Make a checkpoint fit the processes that go on from it, however many wrote it. All ranks call this.

    Plain and FSDP checkpoints hold whole states. DeepSpeed's hold a part for each process: where the number
    is another one, a copy in DeepSpeed's universal form is put into the checkpoint, and loaded.

    Args:
        trainer: a `Trainer` of transformers, before `train`.
        checkpoint: a whole one.

    Raises:
        TrainingError: it was written under another sharding, or DeepSpeed cannot convert it.

    Cost: 12 bytes of disk per parameter, and their reading and writing, where the number is another one.
    """
    wanted = DEEPSPEED if trainer.is_deepspeed_enabled else FSDP if trainer.is_fsdp_enabled else PLAIN
    found = sharding(checkpoint)
    if found != wanted:
        raise TrainingError(
            f"{checkpoint} was written under {found}, and this start is under {wanted}, which cannot read "
            "its optimizer. Launch it as before, or give overwrite: true to start anew."
        )
    if found != DEEPSPEED or len(_optimizer_parts(checkpoint)) == trainer.args.world_size:
        return
    if trainer.is_world_process_zero():
        make_universal(checkpoint)
    trainer.accelerator.wait_for_everyone()
    plugin = trainer.accelerator.state.deepspeed_plugin
    settings = plugin.deepspeed_config
    settings["checkpoint"] = {**settings.get("checkpoint", {}), "load_universal": True}
    if plugin.zero_stage == 3:
        _mend_after_loading(trainer, checkpoint)


def sharding(checkpoint: Path) -> str:
    """What a checkpoint was written under: `DeepSpeed`, `FSDP` or `no sharding`."""
    if any(checkpoint.glob("global_step*")):
        return DEEPSPEED
    return FSDP if any(checkpoint.glob("pytorch_model_fsdp*")) else PLAIN


def make_universal(checkpoint: Path) -> None:
    """Put a copy of a DeepSpeed checkpoint into it that any number of processes can load.

    Raises:
        TrainingError: DeepSpeed's converter fails.
    """
    if (checkpoint / UNIVERSAL).exists():
        return
    source = _step_folder(checkpoint)
    made = checkpoint / f"{source.name}_universal"
    work = checkpoint.parent / f".{checkpoint.name}.universal.part"
    files.remove(work)
    files.remove(made)
    convert = [sys.executable, "-m", "deepspeed.checkpoint.ds_to_universal", "--inject_missing_state"]
    places = ["--input_folder", str(source), "--output_folder", str(work / made.name)]
    alone = {name: value for name, value in os.environ.items() if name not in ("RANK", "LOCAL_RANK")}
    done = subprocess.run([*convert, *places], capture_output=True, text=True, env=alone, check=False)
    if done.returncode:
        reason = " ".join(done.stderr.strip().splitlines()[-1:])
        raise TrainingError(
            f"DeepSpeed cannot convert {checkpoint} for another number of processes: {reason}. Start as many "
            "as before, or give overwrite: true."
        )
    os.replace(work / made.name, made)
    (work / UNIVERSAL).write_text(made.name, encoding="utf-8")
    os.replace(work / UNIVERSAL, checkpoint / UNIVERSAL)
    files.remove(work)


def _mend_after_loading(trainer: Any, checkpoint: Path) -> None:
    """Undo what DeepSpeed 0.19 does to an optimizer that ZeRO-3 loads from a universal checkpoint.

    All groups of parameters get the settings of the first, weight decay among them, and all parameters one
    counter of steps, which each then raises.
    """
    import torch
    from transformers import TrainerCallback

    path = checkpoint / (checkpoint / UNIVERSAL).read_text(encoding="utf-8") / "zero" / "optimizer_state.pt"

    class Mend(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            saved = torch.load(path, map_location="cpu", weights_only=False)["optimizer_state_dict"]
            optimizer = trainer.model_wrapped.optimizer.optimizer
            for group, settings in zip(optimizer.param_groups, saved["param_groups"], strict=True):
                group.update({name: value for name, value in settings.items() if name != "params"})
            for state in optimizer.state.values():
                if torch.is_tensor(state.get("step")):
                    state["step"] = state["step"].clone()

    trainer.add_callback(Mend())


def _optimizer_parts(checkpoint: Path) -> list[Path]:
    return sorted(_step_folder(checkpoint).glob("*zero_pp_rank_*_optim_states.pt"))


def _step_folder(checkpoint: Path) -> Path:
    return checkpoint / (checkpoint / "latest").read_text(encoding="utf-8").strip()


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes")
