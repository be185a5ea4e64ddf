"""What ships inside the package: a pool of maths problems, a small language model, a scorer."""

from pathlib import Path

__all__ = ["language_model_path", "scorer_path"]


def language_model_path() -> Path:
    """Folder of the embedded causal language model, as `AutoModelForCausalLM.from_pretrained` takes it."""
    return Path(__file__).parent / "language_model"


def scorer_path() -> Path:
    """Folder of the embedded scorer, as `AutoModelForSequenceClassification.from_pretrained` takes it."""
    return Path(__file__).parent / "scorer"
