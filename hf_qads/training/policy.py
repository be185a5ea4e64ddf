"""Arguments of `recipes/sft.py`, from the command line and a YAML file, beside those of TRL."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from hf_qads.errors import TrainingError
from hf_qads.runtime.distributed import world_size
from hf_qads.training.arguments import Schedule, shared_arguments
from hf_qads.training.mixture import load_mixture, mixture_facts
from hf_qads.training.tracking import default_tracker

if TYPE_CHECKING:
    from datasets import Dataset
    from trl import ModelConfig, SFTConfig

D = TypeVar("D")
BY_HAND = ("per_device_train_batch_size", "gradient_accumulation_steps")
NO_EVALUATION = "no rows are held out here: evaluate the model with recipes/evaluate.py"
QUANTISED = "weights are trained as they are: train LoRA on them, and quantise the result"
# Keys of TRL that would do nothing here: rows are tokenised by hf_qads, and loaded as question and answer.
REFUSED = {
    "assistant_only_loss": "the loss is on the last answer; completion_only_loss: false puts it on all",
    "dataset_text_field": "rows are read as question and answer; rename the columns to a usual pair",
    "dataset_kwargs": "rows are tokenised by hf_qads",
    "chat_template_path": "template: chat takes the tokenizer's template; save the tokenizer with this one",
    "truncation_mode": "a long answer loses its end; raise max_length",
    "model_init_kwargs": "dtype, attn_implementation and model_revision are keys of their own",
    "push_to_hub": "`hf-qads publish` sends the model with its card",
    "load_in_8bit": QUANTISED,
    "load_in_4bit": QUANTISED,
    "eval_strategy": NO_EVALUATION,
    "eval_packing": NO_EVALUATION,
    "eval_on_start": NO_EVALUATION,
    "do_eval": NO_EVALUATION,
    "do_predict": NO_EVALUATION,
}


def _help(text: str, default: Any = None) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass
class PolicyArguments:
    """The rows to train on, and the batch they come in."""

    run: str | None = _help("Run folder: its mixture is trained on, and RUN/model is written.")
    mixture: str | None = _help("Dataset folder, file or Hub id, where no run is given.")
    subset: str | None = _help("Configuration of the mixture, such as 10pct.")
    split: str = _help("Split of the mixture.", "train")
    revision: str | None = _help("Revision of a Hub dataset.")
    template: str = _help(
        "How a row is rendered: plain, chat, or text with {question} and {answer}.", "plain"
    )
    fraction: float | None = _help("Share of the rows that QaDSSampler chooses before training.")
    strategy: str = _help("Strategy of the choice that fraction makes.", "qads")
    vectors: str | None = _help(
        "File (.npy) with the rows' vectors, for that choice; else the rows' ranks or embeddings."
    )
    global_batch: int | None = _help("Rows per optimizer step, whatever the number of processes (128).")
    device_batch: int = _help("Most rows per device and pass.", 8)
    keep_checkpoints: bool = _help("Keep the checkpoints of a finished run.", False)
    overwrite: bool = _help("Train anew where another run's model or checkpoints are.", False)


def parse_policy(
    argv: Sequence[str], *, output_dir: Path
) -> "tuple[PolicyArguments, SFTConfig, ModelConfig]":
    """Read flags and `--config FILE.yaml`: flags win, unknown keys are errors.

    What neither sets comes from `shared_arguments`, so the policy trains as the pre-experienced model and
    the scorer do, and holds the global batch. The tracker is trackio where it is installed, else none.

    Args:
        argv: the command line without the program's name.
        output_dir: where the model goes if neither a run nor an output_dir is given.

    Raises:
        TrainingError: an unknown key, a wrong value, no such file, or two batch sizes that disagree.
    """
    from trl import ModelConfig, SFTConfig, TrlParser

    argv = _apart(argv)
    given = _given(argv)
    first = _parse(TrlParser((PolicyArguments,), allow_abbrev=False), argv, known_only=True)[0]
    explicit = [key for key in BY_HAND if key in given]
    batch = first.global_batch or Schedule().global_batch
    defaults = shared_arguments(schedule=Schedule(global_batch=batch), device_batch=first.device_batch)
    if explicit:
        if "device_batch" in given:
            raise TrainingError(f"device_batch and {explicit[0]} are both given. Keep one of them.")
        defaults.update(per_device_train_batch_size=first.device_batch, gradient_accumulation_steps=1)
    defaults |= {"report_to": default_tracker(), "project": "hf_qads"}
    defaults["output_dir"] = str(Path(first.run) / "model" if first.run else output_dir)
    if "gradient_checkpointing" in given:
        defaults.pop("activation_checkpointing")
    parser = TrlParser((PolicyArguments, SFTConfig, ModelConfig), allow_abbrev=False)
    parser.set_defaults_with_config(**{key: value for key, value in defaults.items() if key not in given})
    policy, training, model = _parse(parser, argv, known_only=False)
    _refuse_idle(given, training, model)
    if model.use_peft and not model.lora_target_modules:
        model.lora_target_modules = "all-linear"
    actual = training.per_device_train_batch_size * training.gradient_accumulation_steps * world_size()
    if policy.global_batch and policy.global_batch != actual:
        raise TrainingError(
            f"global_batch={policy.global_batch}, but {' and '.join(explicit)} with {world_size()} processes "
            f"make {actual}. Leave one of them out."
        )
    if policy.run and policy.mixture:
        raise TrainingError(
            f"run={policy.run} and mixture={policy.mixture} are both given. Keep one of them."
        )
    return policy, training, model


def parse_yaml(cls: type[D], argv: Sequence[str]) -> D:
    """Read flags and `--config FILE.yaml` into a dataclass: flags win, unknown keys are errors.

    Raises:
        TrainingError: an unknown key, a wrong value, or no such file.
    """
    from trl import TrlParser

    argv = _apart(argv)
    _given(argv)
    parsed: D = _parse(TrlParser((cls,), allow_abbrev=False), argv, known_only=False)[0]
    return parsed


def _refuse_idle(given: set[str], training: Any, model: Any) -> None:
    """Refuse a key that was given and would do nothing."""
    for key in sorted(given & REFUSED.keys()):
        holder = training if hasattr(training, key) else model
        default = type(holder).__dataclass_fields__[key].default
        value = getattr(getattr(holder, key), "value", getattr(holder, key))
        if value != default:
            raise TrainingError(f"{key}={value} does nothing here: {REFUSED[key]}. Leave it out.")
    lora = sorted(key for key in given if key.startswith("lora_") or key in ("use_rslora", "use_dora"))
    if lora and not model.use_peft:
        raise TrainingError(f"{lora[0]} does nothing without use_peft: true. Add it, or leave {lora[0]} out.")


def policy_rows(policy: PolicyArguments, root: Path) -> "tuple[Dataset, dict[str, Any]]":
    """The rows that are asked for, and what a model's card says of where they came from.

    Args:
        policy: of a run's mixture, a named dataset, or else the quickstart's.
        root: where else than here `runs/quickstart` is looked for.

    Raises:
        TrainingError: there is no such mixture.
    """
    folder = Path(policy.run or "runs/quickstart") / "mixture"
    if not policy.run and not folder.exists():
        folder = root / folder
    if not policy.mixture and not folder.is_dir():
        made_by = f"hf-qads run CONFIG.yaml --out {policy.run}" if policy.run else "hf-qads quickstart"
        raise TrainingError(
            f"There is no mixture at {folder}. Make it with `{made_by}`, or name one with --mixture."
        )
    name = policy.mixture or str(folder)
    rows = load_mixture(name, subset=policy.subset, split=policy.split, revision=policy.revision)
    chosen: dict[str, Any] = {"subset": policy.subset, "split": policy.split, "revision": policy.revision}
    if policy.fraction is not None:
        chosen |= {"fraction": policy.fraction, "strategy": policy.strategy}
    return rows, mixture_facts(name, **chosen)


def _apart(argv: Sequence[str]) -> list[str]:
    pairs = [part.split("=", 1) if part.startswith("--config=") else [part] for part in argv]
    return [part for pair in pairs for part in pair]


def _given(argv: Sequence[str]) -> set[str]:
    """The keys that the command line and the config file set."""
    keys = {argument[2:].split("=")[0].replace("-", "_") for argument in argv if argument.startswith("--")}
    if "--config" not in argv:
        return keys
    place = list(argv).index("--config") + 1
    path = Path(argv[place]) if place < len(argv) else Path()
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"The config file {path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise TrainingError(f"The config file {path} is no YAML: {error}") from error
    if not isinstance(config, dict):
        raise TrainingError(f"The config file {path} holds no `key: value` lines.")
    return keys | set(config)


def _parse(parser: Any, argv: Sequence[str], *, known_only: bool) -> tuple[Any, ...]:
    try:
        parsed: tuple[Any, ...] = parser.parse_args_and_config(
            list(argv), return_remaining_strings=known_only, fail_with_unknown_args=not known_only
        )
    except (ValueError, TypeError) as error:
        raise TrainingError(" ".join(str(error).split())) from error
    return parsed


def fail(error: Exception) -> "None":
    """End a recipe with one line and exit code 2."""
    sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
    raise SystemExit(2)
