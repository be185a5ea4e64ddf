"""Ratios, mixtures, subsets, overlap with benchmarks, and the paper's presets."""

from hf_qads.mixing.mixture import Mixture, mix

__all__ = ["Mixture", "mix"]
