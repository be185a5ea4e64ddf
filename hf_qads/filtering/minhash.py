"""Near duplicates by MinHash: signatures of `rensa`, cut into bands that are compared by sorting."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np
from rensa import RMinHash

from hf_qads.filtering.ngrams import Tokens, words
from hf_qads.filtering.questions import SHINGLE, jaccard, numbers

PERMUTATIONS: Final = 128
SEED: Final = 1
CROWD: Final = 32
SLACK: Final = 0.15  # bands are for pairs that are less alike, so that hardly one at the threshold is missed
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
    keys = np.zeros((len(there), PERMUTATIONS // band_rows(near)), dtype=np.uint64)
    for rows, hashes, starts in _runs(texts(there)):
        keys[rows] = band_keys(hashes, starts, near)
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


def band_keys(hashes: np.ndarray, starts: np.ndarray, near: float) -> np.ndarray:
    """Keys of the bands of MinHash signatures: texts that share one in the same band may be near.

    Args:
        hashes: (g,) uint64, hashes of the runs of all texts, text after text.
        starts: (n,) where each text's hashes begin.
        near: the similarity to be found, in (0, 1].

    Returns:
        (n, bands) uint64, none of them 0.

    Cost: about 7 microseconds for a text of 200 runs.
    """
    size = band_rows(near)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        hashes, [*starts.tolist(), len(hashes)], PERMUTATIONS, SEED
    )
    bands = PERMUTATIONS // size
    digests = np.array(matrix.to_rows(), dtype=np.uint64)[:, : bands * size].reshape(-1, bands, size)
    keys = np.zeros(digests.shape[:2], dtype=np.uint64)
    for place in range(size):
        keys ^= digests[:, :, place]
        keys *= np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return np.maximum(keys, 1)


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


class NearIndex:
    """Questions by their runs of three tokens; finds those that a text nearly equals.

    A Jaccard similarity of `near` needs at least that share of the text's runs to be in some question. Most
    texts fail this cheap test, and only the others get a signature. Candidates share a band of a lower
    similarity than asked for, and are compared exactly. Questions shorter than three tokens are left to the
    exact comparison.
    """

    def __init__(self, questions: Sequence[list[str]], near: float) -> None:
        self._near, self._words = near, questions
        self._banded = max(0.1, near - SLACK)
        hashes, owners = Tokens([" ".join(tokens) for tokens in questions]).ngrams(SHINGLE)
        self._known = np.unique(hashes)
        starts = np.flatnonzero(np.diff(owners, prepend=-1))
        self._groups: dict[tuple[int, int], list[int]] = {}
        for question, bands in zip(owners[starts].tolist(), self._bands(hashes, starts), strict=True):
            for band in enumerate(bands):
                self._groups.setdefault(band, []).append(question)

    def pairs(self, stems: Sequence[str]) -> Iterator[tuple[int, int, list[str]]]:
        """(text, question, the text's tokens) for every pair that is at least `near` alike."""
        hashes, owners = Tokens(stems).ngrams(SHINGLE)
        if not len(self._known) or not len(hashes):
            return
        there = self._known[np.minimum(np.searchsorted(self._known, hashes), len(self._known) - 1)] == hashes
        starts = np.flatnonzero(np.diff(owners, prepend=-1))
        sizes = np.diff(starts, append=len(hashes))
        # Runs are counted with repeats here and as a set by Jaccard; half the bound makes up for repeats.
        likely = np.add.reduceat(there, starts) >= self._near * sizes * 0.5
        chosen = np.repeat(likely, sizes)
        kept = np.cumsum(sizes[likely]) - sizes[likely]
        texts = owners[starts[likely]].tolist()
        for text, bands in zip(texts, self._bands(hashes[chosen], kept), strict=True):
            met = {question for band in enumerate(bands) for question in self._groups.get(band, ())}
            given = words(stems[text]) if met else []
            for question in sorted(met):
                if jaccard(self._words[question], given) >= self._near:
                    yield text, question, given

    def _bands(self, hashes: np.ndarray, starts: np.ndarray) -> list[list[int]]:
        found: list[list[int]] = band_keys(hashes, starts, self._banded).tolist() if len(starts) else []
        return found
