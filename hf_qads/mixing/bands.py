"""Near duplicates inside a large pool: MinHash signatures cut into bands that are compared by sorting."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from hf_qads.mixing.near import PERMUTATIONS, signature
from hf_qads.mixing.questions import SHINGLE, jaccard, numbers
from hf_qads.mixing.tokens import Tokens, words

_BATCH: Final = 500


def band_keys(texts: Iterable[str], count: int, near: float) -> np.ndarray:
    """A 64-bit key per band and text; two texts that share one are candidates.

    Returns:
        (bands, count) uint64; 0 for a text with fewer than three tokens, which has no near duplicates.

    Cost: 8 bytes per band and text.
    """
    rows = band_rows(near)
    bands = PERMUTATIONS // rows
    keys = np.zeros((bands, count), dtype=np.uint64)
    at = 0
    waiting: list[str] = []
    for text in texts:
        waiting.append(text)
        if len(waiting) == _BATCH:
            at = _fill(keys, waiting, at, rows)
            waiting = []
    _fill(keys, waiting, at, rows)
    return keys


def band_rows(near: float) -> int:
    """Rows per band with which a pair at the threshold is missed at most once in a hundred times."""
    for rows in range(PERMUTATIONS // 4, 1, -1):
        if (1 - near**rows) ** (PERMUTATIONS // rows) <= 0.01:
            return rows
    return 1


def alike(left: str, right: str, near: float) -> bool:
    """Whether two texts are near duplicates: Jaccard of their runs of three tokens, and the same numbers."""
    a, b = words(left), words(right)
    return jaccard(a, b) >= near and numbers(a) == numbers(b)


def _fill(keys: np.ndarray, texts: list[str], at: int, rows: int) -> int:
    hashes, owners = Tokens(texts).ngrams(SHINGLE)
    borders = np.searchsorted(owners, np.arange(len(texts) + 1))
    odd = np.arange(1, 2 * rows, 2, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for text in range(len(texts)):
        own = np.unique(hashes[borders[text] : borders[text + 1]])
        if len(own):
            digest = signature(own).digest().astype(np.uint64)[: len(keys) * rows].reshape(len(keys), rows)
            mixed = (digest + np.uint64(1)) * odd
            mixed ^= mixed >> np.uint64(29)
            keys[:, at + text] = np.maximum(
                (mixed * np.uint64(0xBF58476D1CE4E5B9)).sum(axis=1, dtype=np.uint64), 1
            )
    return at + len(texts)
