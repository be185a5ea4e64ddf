"""The explorer of a scored pool: a Gradio app that is also a Space."""

from hf_qads.publishing.space.local import explore

__all__ = ["explore"]
