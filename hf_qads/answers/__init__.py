"""Final answers out of text, and whether they equal a gold answer."""

from hf_qads.answers.checking import KINDS, Verdict, check

__all__ = ["KINDS", "Verdict", "check"]
