"""Near duplicates of real pools: the code of this package against datasketch.

    python benchmarks/near_duplicates.py POOLS [--near 0.8] [--ways this datasketch]

POOLS is a folder of parquet files with columns `question` and `answer`. Both ways get the same tokens and as
many permutations in the same bands, look rows up in order, compare candidates exactly (Jaccard of runs of
three tokens, same numbers) and leave out each row that is near to an earlier one that stays. Times are
seconds of this process's own processor time. `pip install datasketch` for the other way.
"""

import argparse
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from hf_qads.filtering.minhash import PERMUTATIONS, SEED, band_rows, near_duplicates
from hf_qads.filtering.ngrams import Tokens, words
from hf_qads.filtering.questions import SHINGLE, numbers

BATCH = 500


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pools", type=Path)
    parser.add_argument("--near", type=float, default=0.8)
    parser.add_argument("--ways", nargs="+", default=["this", "datasketch"])
    arguments = parser.parse_args()
    texts = [text for path in sorted(arguments.pools.glob("*.parquet")) for text in _texts(path)]
    texts = list(dict.fromkeys(texts))  # exact duplicates are found by their hash
    print(f"{len(texts):,} rows, {sum(map(len, texts)) / 1e6:.0f} M characters, near={arguments.near}")
    tokens, _ = _timed(lambda: sum(len(own) for _, own in _runs(texts)))
    print(f"{'tokens and runs alone':22} {tokens:8.2f} s")
    ways: dict[str, Callable[[list[str], float], set[int]]] = {
        "this": this,
        "datasketch": by_datasketch,
    }
    found: dict[str, set[int]] = {}
    for way in arguments.ways:
        seconds, found[way] = _timed(lambda way=way: ways[way](texts, arguments.near))
        print(f"{way:22} {seconds:8.2f} s  {len(found[way]):7,} rows left out")
    union = set().union(*found.values())
    for way, rows in found.items():
        print(f"of {len(union):,} rows that any way leaves out, {way} misses {len(union - rows):,}")


def this(texts: list[str], near: float) -> set[int]:
    """The way of this package."""

    def read(there: np.ndarray) -> Iterable[tuple[int, str]]:
        return ((row, texts[row]) for row in np.flatnonzero(there).tolist())

    stays = near_duplicates(read, np.ones(len(texts), dtype=bool), near)
    return set(np.flatnonzero(stays != np.arange(len(texts))).tolist())


def by_datasketch(texts: list[str], near: float) -> set[int]:
    """Signatures and index of datasketch."""
    from datasketch import MinHash, MinHashLSH

    size = band_rows(near)
    index = MinHashLSH(num_perm=PERMUTATIONS, params=(PERMUTATIONS // size, size))
    blank = MinHash(num_perm=PERMUTATIONS, seed=SEED, hashfunc=int)

    def signed() -> Iterator[tuple[int, np.ndarray, Any]]:
        for row, hashes in _runs(texts):
            made = blank.copy()
            made.update_batch((hashes & np.uint64(0xFFFFFFFF)).tolist())
            yield row, hashes, made

    return _first_wins(texts, near, signed(), index.query, lambda row, made: index.insert(row, made))


def _first_wins(
    texts: list[str],
    near: float,
    signed: Iterator[tuple[int, np.ndarray, Any]],
    query: Callable[[Any], Iterable[int]],
    insert: Callable[[int, Any], None],
) -> set[int]:
    runs: dict[int, np.ndarray] = {}
    known: dict[int, bytes] = {}
    found: set[int] = set()

    def figures(row: int) -> bytes:
        if row not in known:
            text = repr(sorted(numbers(words(texts[row])).items()))
            known[row] = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return known[row]

    for row, hashes, signature in signed:
        own = np.unique(hashes)
        if any(
            figures(early) == figures(row) and _jaccard(runs[early], own) >= near
            for early in sorted(query(signature))
        ):
            found.add(row)
            continue
        runs[row] = own
        insert(row, signature)
    return found


def _batches(texts: list[str]) -> Iterator[tuple[list[int], np.ndarray, np.ndarray]]:
    for first in range(0, len(texts), BATCH):
        hashes, owners = Tokens(texts[first : first + BATCH]).ngrams(SHINGLE)
        if len(hashes):
            starts = np.flatnonzero(np.diff(owners, prepend=-1))
            yield (owners[starts] + first).tolist(), hashes, starts


def _runs(texts: list[str]) -> Iterator[tuple[int, np.ndarray]]:
    for rows, hashes, starts in _batches(texts):
        yield from zip(rows, np.split(hashes, starts[1:]), strict=True)


def _jaccard(left: np.ndarray, right: np.ndarray) -> float:
    both = len(np.intersect1d(left, right, assume_unique=True))
    return both / (len(left) + len(right) - both)


def _texts(path: Path) -> list[str]:
    table = pq.read_table(path, columns=["question", "answer"]).to_pydict()
    return [f"{q}\n{a}" for q, a in zip(table["question"], table["answer"], strict=True)]


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


if __name__ == "__main__":
    main()
