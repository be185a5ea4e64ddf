"""What ships inside the package: a pool of maths problems, a small language model, a scorer."""

from pathlib import Path

__all__ = ["compare_quick_path", "language_model_path", "quickstart_path", "scorer_path"]


def compare_quick_path() -> Path:
    """Config of a small comparison of strategies on what ships here."""
    return Path(__file__).parent / "compare_quick.yaml"


def language_model_path() -> Path:
    """Folder of the embedded causal language model, as `AutoModelForCausalLM.from_pretrained` takes it."""
    return Path(__file__).parent / "language_model"


def quickstart_path() -> Path:
    """Config of the quickstart, which goes the whole way on what ships here."""
    return Path(__file__).parent / "quickstart.yaml"


def scorer_path() -> Path:
    """Folder of the embedded scorer, as `AutoModelForSequenceClassification.from_pretrained` takes it."""
    return Path(__file__).parent / "scorer"
