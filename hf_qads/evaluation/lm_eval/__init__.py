"""Tasks for EleutherAI's lm-eval, judged by `hf_qads.answers`."""
