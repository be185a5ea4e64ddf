"""Rows to vectors: pooled hidden states of a language model, in memory or on disk."""

from hf_qads.embedding.encoder import embed
from hf_qads.embedding.gradients import gradient_subspace, gradients
from hf_qads.embedding.vectors import Vectors

__all__ = ["Vectors", "embed", "gradient_subspace", "gradients"]
