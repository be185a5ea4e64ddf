"""Quality-aware Diverse Selection (QaDS) of fine-tuning data for the Hugging Face ecosystem."""
