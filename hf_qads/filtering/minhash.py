"""Near duplicates inside a large pool: MinHash signatures cut into bands that are compared by sorting."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

import numpy as np

from hf_qads.filtering.ngrams import Tokens, words
from hf_qads.filtering.questions import SHINGLE, numbers

PERMUTATIONS: Final = 128
SEED: Final = 1
CROWD: Final = 32
_BATCH: Final = 500


def near_duplicates(
    texts: Callable[[np.ndarray], Iterable[tuple[int, str]]], there: np.ndarray, near: float
) -> np.ndarray:
    """For each row the first earlier row that is near to it and stays; a row without one stays itself.

    Two rows are near with a Jaccard similarity of at least `near` of their runs of three tokens, and the same
    numbers. A row that is near only to one that went stays: what stays for a row is always near to it.

    Rows meet that share a band of their signatures and their numbers, so that a template's rows with other
    numbers are in nobody's way. A pair at the threshold is missed at most once in a hundred times, a closer
    one far less often, as long as at most 32 (`CROWD`) rows that stay share a band and the numbers; of a
    larger crowd, rows meet the first 32 in each band.

    Args:
        texts: gives (row, text), in the order of the rows, for the rows of a mask (n,). Called three times.
        there: (n,) bool, the rows to look at. A text with fewer than three tokens is near to none.
        near: least similarity, in (0, 1].

    Returns:
        (n,) int64, the row that stays for each row.

    Cost: 8 bytes a row for each band (32 bands for `near` of 0.7, 21 for 0.8, 12 for 0.9), and 40 more while
        they are sorted. For a row that stays and shares a band and its numbers with another, 8 bytes a token
        and 200 for each band that it shares.
    """
    keys = _band_keys(texts(there), len(there), near)
    for row, text in texts(_keep_shared(keys)):
        own = keys[row]
        own[own != 0] ^= _hash_numbers(text)
    stays = np.arange(len(there))
    groups: dict[int, list[int]] = {}
    runs: dict[int, np.ndarray] = {}
    for rows, hashes, starts in _runs(texts(_keep_shared(keys))):
        for row, hashed in zip(rows.tolist(), np.split(hashes, starts[1:]), strict=True):
            own, bands = np.unique(hashed), [band for band in keys[row].tolist() if band]
            met = {early for band in bands for early in groups.get(band, ())}
            found = next((early for early in sorted(met) if _jaccard(runs[early], own) >= near), None)
            if found is not None:
                stays[row] = found
                continue
            runs[row] = own
            for band in bands:
                if len(group := groups.setdefault(band, [])) < CROWD:
                    group.append(row)
    return stays


def band_rows(near: float) -> int:
    """Rows per band that miss a pair at the threshold (0.04 or more) at most once in a hundred times."""
    for rows in range(PERMUTATIONS // 4, 1, -1):
        if (1 - near**rows) ** (PERMUTATIONS // rows) <= 0.01:
            return rows
    return 1


def _band_keys(texts: Iterable[tuple[int, str]], count: int, near: float) -> np.ndarray:
    """(count, bands) uint64, a key for each band of a row's signature; 0 for rows without one."""
    size = band_rows(near)
    keys = np.zeros((count, PERMUTATIONS // size), dtype=np.uint64)
    drawn = np.random.default_rng(SEED).integers(2**32, size=(*keys.shape[1:], size, 2), dtype=np.uint32)
    drawn[..., 0] |= 1  # odd, so that no two hashes become one
    for rows, hashes, starts in _runs(texts):
        halves = hashes.astype(np.uint32)
        for band, permutations in enumerate(drawn):
            key = np.zeros(len(rows), dtype=np.uint64)
            for factor, shift in permutations:
                key ^= np.minimum.reduceat(halves * factor + shift, starts)
                key *= np.uint64(0x9E3779B97F4A7C15)
                key ^= key >> np.uint64(29)
            keys[rows, band] = np.maximum(key, 1)
    return keys


def _runs(texts: Iterable[tuple[int, str]]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """By batches: rows with a run of three tokens, the hashes of all runs, and where each row's start."""
    left = iter(texts)
    while batch := list(islice(left, _BATCH)):
        hashes, owners = Tokens([text for _, text in batch]).ngrams(SHINGLE)
        if len(hashes):
            starts = np.flatnonzero(np.diff(owners, prepend=-1))
            yield np.array([row for row, _ in batch])[owners[starts]], hashes, starts


def _keep_shared(keys: np.ndarray) -> np.ndarray:
    """Put 0 in place of keys that no other row has in their band; which rows have one left, (n,) bool."""
    for band in keys.T:
        _, places, counts = np.unique(band, return_inverse=True, return_counts=True)
        band[counts[places] == 1] = 0
    return np.asarray(keys.any(axis=1))


def _hash_numbers(text: str) -> np.uint64:
    found = repr(sorted(numbers(words(text)).items()))
    return np.uint64(int.from_bytes(hashlib.blake2b(found.encode(), digest_size=8).digest()))


def _jaccard(left: np.ndarray, right: np.ndarray) -> float:
    both = len(np.intersect1d(left, right, assume_unique=True))
    return both / (len(left) + len(right) - both)
