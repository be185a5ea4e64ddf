"""Data augmentation: query evolution and sampled reasoning paths (MuggleMath, rejection sampling).

Source: arXiv 2310.05506.
"""

from hf_qads.augmenting.augment import augment
from hf_qads.augmenting.result import Augmented

__all__ = ["Augmented", "augment"]
