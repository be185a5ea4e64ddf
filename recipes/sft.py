"""Fine-tune a causal language model on a mixture, with loss on the answers only.

    accelerate launch recipes/sft.py                         # the embedded model, the quickstart's mixture
    accelerate launch recipes/sft.py --config recipes/embedded/sft.yaml --run runs/mine
    accelerate launch --config_file recipes/accelerate/zero3.yaml recipes/sft.py \
        --config recipes/s_base/llama2_7b.yaml --run runs/mine
    torchrun --nproc_per_node 2 recipes/sft.py --config recipes/embedded/sft.yaml

Keys are those of TRL's `SFTConfig` and `ModelConfig`, and of `PolicyArguments` for the rows. Flags win over
the YAML file; unknown keys are errors. A start after a kill goes on from the newest whole checkpoint.
"""

import sys
from pathlib import Path
from typing import Any

from hf_qads.errors import QaDSError, TrainingError
from hf_qads.training.policy import PolicyArguments, fail, parse_policy

ROOT = Path(__file__).resolve().parents[1]


def main(argv: list[str]) -> Path:
    """Train, and return the folder of the model."""
    from trl import SFTTrainer, get_peft_config

    from hf_qads.rows.rendering import template_of
    from hf_qads.runtime.models import EMBEDDED, load_model, public_name
    from hf_qads.runtime.progress import quiet, show_steps
    from hf_qads.runtime.run_claims import claim, is_finished
    from hf_qads.runtime.trainer import fit
    from hf_qads.training.facts import identity, training_facts
    from hf_qads.training.mixture import mixture_facts
    from hf_qads.training.rows import training_rows
    from hf_qads.training.tracking import attention

    policy, training, model_config = parse_policy(
        argv or ["--config", str(ROOT / "recipes/embedded/sft.yaml")], output_dir=Path("runs/sft")
    )
    quiet()
    name = model_config.model_name_or_path or EMBEDDED
    origin = mixture_of(policy)
    model, tokenizer = load_model(
        name,
        revision=model_config.model_revision,
        dtype=model_config.dtype or "float32",
        place=False,
        attention=model_config.attn_implementation or attention(),
        trust_remote_code=training.trust_remote_code,
    )
    template = template_of(model, policy.template)
    context = getattr(model.config, "max_position_embeddings", None) or training.max_length
    training.max_length = min(training.max_length or context, context)
    with training.main_process_first(desc="tokenising"):
        data = chosen(policy, origin, model, tokenizer)
        rows = training_rows(
            data,
            tokenizer,
            template=template,
            max_length=training.max_length,
            num_proc=training.dataset_num_proc,
        )
    folder = Path(training.output_dir)
    source = mixture_facts(
        origin, subset=policy.subset, split=policy.split, revision=policy.revision, fraction=policy.fraction
    )
    if policy.fraction is not None:
        source["strategy"] = policy.strategy
    who = identity(public_name(name), rows, training, template=template)
    if training.process_index == 0:
        print(f"Training rows: {rows}", flush=True)
        if is_finished(folder, who):
            print(f"{folder} holds this very model already.")
            return folder
        claim(folder, who, discard=policy.overwrite)
    elif is_finished(folder, who):
        return folder
    if model_config.use_peft and not model_config.lora_target_modules:
        model_config.lora_target_modules = "all-linear"
    trainer = SFTTrainer(
        model,
        training,
        train_dataset=rows.data,
        processing_class=tokenizer,
        peft_config=get_peft_config(model_config),
    )
    show_steps(trainer, "training")
    fit(
        trainer,
        folder,
        facts=training_facts(who, rows, trainer.model, source=source),
        keep_checkpoints=policy.keep_checkpoints,
    )
    if trainer.is_world_process_zero():
        print(f"Model: {folder}")
    return folder


def mixture_of(policy: PolicyArguments) -> str:
    """The dataset that is asked for: a run's mixture, a named one, or the quickstart's."""
    if policy.mixture:
        return policy.mixture
    folder = Path(policy.run or "runs/quickstart") / "mixture"
    if not policy.run and not folder.exists():
        folder = ROOT / folder
    if not folder.is_dir():
        made_by = f"hf-qads run CONFIG.yaml --out {policy.run}" if policy.run else "hf-qads quickstart"
        raise TrainingError(
            f"There is no mixture at {folder}. Make it with `{made_by}`, or name one with --mixture."
        )
    return str(folder)


def chosen(policy: PolicyArguments, origin: str, model: Any, tokenizer: Any) -> Any:
    """The rows of the mixture, all or those that the sampler chooses."""
    from hf_qads.training.mixture import load_mixture

    data = load_mixture(origin, subset=policy.subset, split=policy.split, revision=policy.revision)
    if policy.fraction is None:
        return data
    import numpy as np

    from hf_qads import QaDSSampler, embed
    from hf_qads.schema import EMBEDDING, RANK

    vectors = np.load(policy.vectors, mmap_mode="r") if policy.vectors else None
    if vectors is None and not {EMBEDDING, RANK} & set(data.column_names):
        vectors = embed(model, tokenizer, data, template=policy.template)
    sampler = QaDSSampler(data, fraction=policy.fraction, vectors=vectors, strategy=policy.strategy)
    return data.select(list(sampler))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except QaDSError as error:
        fail(error)
