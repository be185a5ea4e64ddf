"""Fine-tune a causal language model on a mixture, with loss on the answers only.

    accelerate launch recipes/sft.py                         # the embedded model, the quickstart's mixture
    accelerate launch --config_file recipes/accelerate/zero3.yaml recipes/sft.py \
        --config recipes/s_base/llama2_7b.yaml --run runs/mine
    torchrun --nproc_per_node 2 recipes/sft.py --config recipes/embedded/sft.yaml

Keys are those of TRL's `SFTConfig` and `ModelConfig`, and of `PolicyArguments` for the rows. Flags win over
the YAML file; unknown keys, and keys that would do nothing, are errors. A killed start goes on where it was.
"""

import sys
from pathlib import Path

from hf_qads.errors import QaDSError
from hf_qads.training.policy import fail, parse_policy, policy_rows

ROOT = Path(__file__).resolve().parents[1]


def main(argv: list[str]) -> Path:
    """Train, and return the folder of the model."""
    from trl import get_peft_config

    from hf_qads.pipeline.models import choose_share
    from hf_qads.runtime.progress import quiet
    from hf_qads.training import fine_tune

    argv = argv or ["--config", str(ROOT / "recipes/embedded/sft.yaml")]
    policy, training, model = parse_policy(argv, output_dir=Path("runs/sft"))
    quiet()
    name = model.model_name_or_path or "embedded"
    rows, source = policy_rows(policy, ROOT)
    if policy.fraction is not None:
        chosen = {"fraction": policy.fraction, "strategy": policy.strategy, "vectors": policy.vectors}
        rows = choose_share(rows, name, template=policy.template, **chosen)
    fine_tune(
        name,
        rows,
        folder=training.output_dir,
        revision=model.model_revision,
        template=policy.template,
        dtype=model.dtype or "float32",
        attention=model.attn_implementation,
        lora=get_peft_config(model),
        arguments=training,
        trust_remote_code=training.trust_remote_code,
        source=source,
        say=print if training.process_index == 0 else lambda _: None,
        keep_checkpoints=policy.keep_checkpoints,
        overwrite=policy.overwrite,
    )
    return Path(training.output_dir)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except QaDSError as error:
        fail(error)
