"""Index of test sets' questions: which of them a text repeats, exactly, by an n-gram or nearly."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from hf_qads.errors import FilteringError
from hf_qads.filtering.minhash import NearIndex
from hf_qads.filtering.ngrams import Tokens, words
from hf_qads.filtering.questions import (
    MIN_DISTINCTIVE_TOKENS,
    contains_question,
    is_distinctive,
    numbers,
    shared,
    stem,
)

SHARE: Final = 0.5  # of a question's runs of three tokens that a row must have beside a common n-gram
METHODS: Final = ("exact", "ngram", "near")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BATCH_CHARACTERS: Final = 200_000
_MARK_BITS: Final = 22  # at most: a table that stays in the processor's cache is several times as fast


class Match(NamedTuple):
    """A text that repeats a benchmark's question.

    `share` is the share of the question's runs of three tokens that the text has too, in [0, 1].
    """

    text: int
    benchmark: str
    question: int
    method: str
    share: float


class QuestionIndex:
    """Finds the benchmark question that a text repeats.

    - `exact`: the same letters and digits, with or without the answer choices on either side.
    - `ngram`: the text has `ngram` tokens in a row in common with the question (without its choices). Of a
      question with fewer tokens it has all, as a question of their own (see `contains_question`).
    - `near`: the runs of three tokens of both agree by at least `near` (Jaccard), by MinHash.

    A question that says too little without its choices ("Which is true?") is compared with them; one that
    says too little at all is found by `exact` and `near` only.

    A task with other numbers is another task, and task authors reuse sentences. So an `ngram` match counts
    only when the text has all the question's numbers and half of its runs of three tokens; a `near` match
    only when both have the same numbers. `confirm=False` lets every common n-gram count.

    Args:
        questions: benchmark -> its questions.
        ngram: tokens in a row; None leaves this way out. A token is a word, a number or a CJK character.
        near: least Jaccard similarity in (0, 1]; None leaves this way out.
        confirm: whether to compare numbers, as said above.

    Raises:
        FilteringError: `ngram` or `near` is out of range, or a question is no text.

    Cost: some 100 bytes per token of the benchmarks.
    """

    def __init__(
        self,
        questions: Mapping[str, Sequence[str]],
        *,
        ngram: int | None = 13,
        near: float | None = None,
        confirm: bool = True,
    ) -> None:
        if ngram is not None and ngram < 2:
            raise FilteringError(f"ngram must be 2 or more tokens, got {ngram}. 13 is usual.")
        if near is not None and not 0 < near <= 1:
            raise FilteringError(f"near must be in (0, 1], got {near}. 0.8 is usual.")
        self.names = tuple(questions)
        self._places = [(name, i) for name, texts in questions.items() for i in range(len(texts))]
        texts = [text for given in questions.values() for text in given]
        for (name, number), text in zip(self._places, texts, strict=True):
            _check_text(name, number, text)
        self.questions = texts
        self._ngram, self._confirm = ngram, confirm
        told = [_distinctive_part(text) for text in texts]
        self._words = [given for _, given in told]
        self._numbers = [numbers(given) for given in self._words]
        tokens = Tokens([text for text, _ in told])
        distinctive = np.array([is_distinctive(given) for given in self._words], dtype=bool)
        self._whole = _Lookup(Tokens(texts).whole, np.arange(len(texts)))
        self._stems = _Lookup(tokens.whole[distinctive], np.flatnonzero(distinctive))
        self._grams = _Lookup(*tokens.ngrams(ngram)) if ngram else None
        self._short = _Lookup(*_rarest(tokens, distinctive & (tokens.counts < (ngram or 0))))
        self._near = NearIndex(self._words, near) if near is not None else None

    def find(self, texts: Sequence[str]) -> list[Match]:
        """The matches of `texts`, by text; of several in one benchmark and way, the one with most in common.

        Cost: about 10 million characters a second on one core.
        """
        found: list[Match] = []
        for start, batch in _batches(texts):
            best: dict[tuple[int, str], Match] = {}
            for match in self._in_batch(batch):
                key = (match.text, match.benchmark)
                old = best.get(key)
                if old is None or _rank(match) < _rank(old):
                    best[key] = match
            found += [best[key]._replace(text=key[0] + start) for key in sorted(best)]
        return found

    def _in_batch(self, texts: Sequence[str]) -> Iterator[Match]:
        tokens = Tokens(texts)
        stems = [stem(text) for text in texts]
        cut = [i for i, text in enumerate(texts) if len(stems[i]) != len(text)]
        without_choices = Tokens([stems[i] for i in cut])
        exact = [self._whole.pairs(tokens.whole), self._stems.pairs(tokens.whole)]
        exact += [
            (np.array(cut, dtype=np.int64)[i], q) for i, q in [self._stems.pairs(without_choices.whole)]
        ]
        for rows, asked in exact:
            yield from (
                self._match(t, q, "exact", 1.0) for t, q in zip(rows.tolist(), asked.tolist(), strict=True)
            )
        if self._grams is not None and self._ngram is not None:
            yield from self._by_ngram(texts, *self._grams.pairs(*tokens.ngrams(self._ngram)))
            yield from self._by_short(
                texts, stems, *self._short.pairs(*tokens.ngrams(MIN_DISTINCTIVE_TOKENS))
            )
        if self._near is not None:
            yield from self._by_near(stems)

    def _by_ngram(self, texts: Sequence[str], rows: np.ndarray, asked: np.ndarray) -> Iterator[Match]:
        pairs = np.unique(rows * len(self.questions) + asked)
        known: dict[int, tuple[list[str], Counter[str]]] = {}
        for row, question in zip(
            *(part.tolist() for part in np.divmod(pairs, len(self.questions))), strict=True
        ):
            if row not in known:
                tokens = words(texts[row])
                known[row] = (tokens, numbers(tokens))
            given, given_numbers = known[row]
            if self._confirm and not self._numbers[question] <= given_numbers:
                continue
            share = shared(self._words[question], given)
            if share >= SHARE or not self._confirm:
                yield self._match(row, question, "ngram", share)

    def _by_short(
        self, texts: Sequence[str], stems: Sequence[str], rows: np.ndarray, asked: np.ndarray
    ) -> Iterator[Match]:
        for row, question in sorted(set(zip(rows.tolist(), asked.tolist(), strict=True))):
            if any(contains_question(self._words[question], text) for text in {texts[row], stems[row]}):
                yield self._match(row, question, "ngram", 1.0)

    def _by_near(self, stems: Sequence[str]) -> Iterator[Match]:
        assert self._near is not None
        for row, question, tokens in self._near.pairs(stems):
            if not self._confirm or self._numbers[question] == numbers(tokens):
                yield self._match(row, question, "near", shared(self._words[question], tokens))

    def _match(self, text: int, question: int, method: str, share: float) -> Match:
        name, number = self._places[question]
        return Match(text, name, number, method, share)


class _Lookup:
    """Which questions have a hash: hashes that repeat keep all their questions."""

    def __init__(self, hashes: np.ndarray, questions: np.ndarray) -> None:
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._questions = hashes[order], questions[order]
        bits = min(_MARK_BITS, len(hashes).bit_length() + 6)
        self._shift = np.uint64(64 - bits)
        self._marked = np.zeros(2**bits, dtype=bool)  # most hashes fail here, at a look each
        self._marked[self._hashes >> self._shift] = True

    def pairs(self, hashes: np.ndarray, owners: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(text, question) for every hash that both have; 0 is no hash."""
        hit = np.flatnonzero(self._marked[hashes >> self._shift] & (hashes != 0))
        first = np.searchsorted(self._hashes, hashes[hit], side="left")
        counts = np.searchsorted(self._hashes, hashes[hit], side="right") - first
        starts = np.repeat(first - np.cumsum(counts) + counts, counts)
        asked = self._questions[starts + np.arange(counts.sum())]
        texts = np.repeat(hit if owners is None else owners[hit], counts)
        return texts, asked


def _check_text(name: str, number: int, text: object) -> None:
    if not isinstance(text, str):
        raise FilteringError(
            f"question {number} of the benchmark {name!r} is no text, got {text!r}. Leave it out."
        )
    if not text.isascii() and (lone := _SURROGATE.search(text)) is not None:
        raise FilteringError(
            f"question {number} of the benchmark {name!r} holds {lone[0]!r}, half a character, which no file "
            "can hold. Leave it out or correct it."
        )


def _distinctive_part(question: str) -> tuple[str, list[str]]:
    """The stem and its tokens; the whole question where its stem does not say enough to know it by."""
    cut = stem(question)
    tokens = words(cut)
    return (cut, tokens) if is_distinctive(tokens) else (question, words(question))


def _rarest(tokens: Tokens, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each wanted text the shortest distinctive run that the fewest texts have, and the text."""
    hashes, owners = tokens.ngrams(MIN_DISTINCTIVE_TOKENS)
    _, place, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    order = np.lexsort((counts[place], owners))
    order = order[wanted[owners[order]]]
    texts, first = np.unique(owners[order], return_index=True)
    return hashes[order[first]], texts


def _rank(match: Match) -> tuple[int, float, int]:
    return METHODS.index(match.method), -match.share, match.question


def _batches(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    start = size = 0
    for i, text in enumerate(texts):
        size += len(text)
        if size >= _BATCH_CHARACTERS:
            yield start, texts[start : i + 1]
            start, size = i + 1, 0
    if start < len(texts):
        yield start, texts[start:]
