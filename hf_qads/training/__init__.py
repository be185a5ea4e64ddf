"""Fine-tuning (SFT): rows to token ids, arguments, a resumable run, facts for the model card."""

from hf_qads.training.fine_tuning import fine_tune

__all__ = ["fine_tune"]
