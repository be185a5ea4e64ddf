"""Near duplicates by MinHash, through datasketch: candidates from its LSH, then the exact similarity."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from hf_qads.filtering.ngrams import Tokens, words
from hf_qads.filtering.questions import SHINGLE, jaccard

PERMUTATIONS = 128
SEED = 1


def signature(hashes: np.ndarray) -> Any:
    """MinHash of a set of 64-bit hashes (their lower half is used).

    Cost: about 50 microseconds.
    """
    made = _blank().copy()  # drawing the permutations takes longer than using them
    made.update_batch((hashes & np.uint64(0xFFFFFFFF)).tolist())
    return made


@cache
def _blank() -> Any:
    from datasketch import MinHash

    return MinHash(num_perm=PERMUTATIONS, seed=SEED, hashfunc=int)


class NearIndex:
    """Questions by their runs of three tokens; finds those that a text nearly equals.

    A Jaccard similarity of `near` needs at least that share of the text's runs to be in some question. Most
    texts fail this cheap test, and only the others get a signature. Questions shorter than three tokens are
    left to the exact comparison.
    """

    def __init__(self, questions: Sequence[list[str]], near: float) -> None:
        from datasketch import MinHashLSH

        self._near, self._words = near, questions
        joined = Tokens([" ".join(tokens) for tokens in questions])
        hashes, owners = joined.ngrams(SHINGLE)
        self._known = np.unique(hashes)
        # A lower threshold than asked for: LSH misses pairs near its own; the exact test sorts out the rest.
        self._lsh = MinHashLSH(threshold=max(0.1, near - 0.15), num_perm=PERMUTATIONS)
        borders = np.searchsorted(owners, np.arange(len(questions) + 1))
        with self._lsh.insertion_session() as session:
            for question in range(len(questions)):
                own = hashes[borders[question] : borders[question + 1]]
                if len(own):
                    session.insert(question, signature(own), check_duplication=False)

    def pairs(self, stems: Sequence[str]) -> Iterator[tuple[int, int, list[str]]]:
        """(text, question, the text's tokens) for every pair that is at least `near` alike."""
        tokens = Tokens(stems)
        hashes, owners = tokens.ngrams(SHINGLE)
        if not len(self._known) or not len(hashes):
            return
        there = self._known[np.minimum(np.searchsorted(self._known, hashes), len(self._known) - 1)] == hashes
        counts = np.bincount(owners, minlength=len(stems))
        inside = np.bincount(owners, weights=there, minlength=len(stems))
        borders = np.concatenate([[0], np.cumsum(counts)])
        # Runs are counted with repeats here and as a set by Jaccard; half the bound makes up for repeats.
        for text in np.flatnonzero((counts > 0) & (inside >= self._near * counts * 0.5)).tolist():
            own = hashes[borders[text] : borders[text + 1]]
            distinct, first = np.unique(own, return_index=True)
            if there[borders[text] : borders[text + 1]][first].sum() < self._near * len(distinct):
                continue
            given: list[str] | None = None
            for question in sorted(self._lsh.query(signature(distinct))):
                given = words(stems[text]) if given is None else given
                if jaccard(self._words[question], given) >= self._near:
                    yield text, question, given
