"""Stage 7: fine-tuning, for the pre-experienced model, the scorer and the policy alike."""
