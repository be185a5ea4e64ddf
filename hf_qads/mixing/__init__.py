"""Ratios, mixtures and subsets."""

from hf_qads.mixing.mixture import Mixture, mix

__all__ = ["Mixture", "mix"]
