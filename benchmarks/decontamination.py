"""How fast rows that repeat benchmark questions are found, against the plain way.

    python benchmarks/decontamination.py POOLS BENCHMARKS [--rows 20000]

POOLS and BENCHMARKS are folders of parquet files with a column `question`. The plain way is what one writes
first: split each question into words, look each run of 13 up in a set. Both find the same rows (checked).
Times are seconds of this process's own processor time, so that other work on the machine counts little.
"""

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads.filtering.contamination import find_contamination
from hf_qads.filtering.ngrams import words
from hf_qads.filtering.question_index import QuestionIndex
from hf_qads.filtering.questions import stem

NGRAM = 13


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pools", type=Path)
    parser.add_argument("benchmarks", type=Path)
    parser.add_argument("--rows", type=int, default=20_000, help="rows that both ways read (default 20000)")
    arguments = parser.parse_args()
    benchmarks = {path.stem: _questions(path) for path in sorted(arguments.benchmarks.glob("*.parquet"))}
    pools = {path.stem: _questions(path) for path in sorted(arguments.pools.glob("*.parquet"))}
    everything = [question for questions in pools.values() for question in questions]
    sample = everything[:: max(1, len(everything) // arguments.rows)]
    size, whole = sum(map(len, sample)) / 1e6, sum(map(len, everything)) / 1e6
    print(
        f"{sum(map(len, benchmarks.values())):,} benchmark questions; {len(sample):,} rows, {size:.1f} M "
        "characters"
    )
    learn, known = _timed(lambda: runs_of(benchmarks))
    slow, plain_rows = _timed(lambda: plain(known, sample))
    build, index = _timed(lambda: QuestionIndex(benchmarks, ngram=NGRAM, confirm=False))
    fast, matches = _timed(lambda: index.find(sample))
    found = {match.text for match in matches}
    print(f"plain, set of runs          {learn:8.2f} s")
    print(
        f"plain, finding              {slow:8.2f} s   {len(plain_rows):6,} rows   {size / slow:.1f} M chars/s"
    )
    print(f"hashes, index               {build:8.2f} s")
    print(f"hashes, finding             {fast:8.2f} s   {len(found):6,} rows   {size / fast:.1f} M chars/s")
    print(f"times faster at finding     {slow / fast:8.1f}     missed by hashes: {len(plain_rows - found)}")
    some = sample[:: max(1, len(sample) // 2_000)]
    slow_near, slow_rows = plain_near(benchmarks, some, 0.7)
    near_index = QuestionIndex(benchmarks, ngram=None, near=0.7, confirm=False)
    fast_near, near_matches = _timed(lambda: near_index.find(some))
    both = {match.text for match in near_matches}
    print(f"MinHash of every row        {slow_near:8.2f} s   {len(slow_rows):6,} of {len(some):,} rows")
    print(f"after the cheap test        {fast_near:8.2f} s   {len(both):6,} rows, exact ones among them")
    print(f"times faster                {slow_near / fast_near:8.1f}     missed: {len(slow_rows - both)}")
    tables = {
        name: pa.table({"row_id": [f"{name}-{i:032x}" for i in range(len(texts))], "question": texts})
        for name, texts in pools.items()
    }
    for near in (None, 0.7):
        seconds, found = _timed(
            lambda near=near: find_contamination(benchmarks, tables, ngram=NGRAM, near=near)
        )
        print(
            f"whole pools, near={near}: {seconds:.1f} s for {sum(found.rows.values()):,} rows, "
            f"{whole:.0f} M characters; {sum(found.dropped.values()):,} rows found"
        )
    print(
        f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10:,.0f} MiB"
    )


def runs_of(benchmarks: dict[str, list[str]]) -> set[tuple[str, ...]]:
    """All runs of 13 words in the benchmarks' questions."""
    return {
        tuple(tokens[i : i + NGRAM])
        for questions in benchmarks.values()
        for tokens in (words(stem(question)) for question in questions)
        for i in range(len(tokens) - NGRAM + 1)
    }


def plain(known: set[tuple[str, ...]], texts: list[str]) -> set[int]:
    """The rows that share a run of 13 words with a question."""
    found = set()
    for number, text in enumerate(texts):
        tokens = words(text)
        if any(tuple(tokens[i : i + NGRAM]) in known for i in range(len(tokens) - NGRAM + 1)):
            found.add(number)
    return found


def plain_near(benchmarks: dict[str, list[str]], texts: list[str], near: float) -> tuple[float, set[int]]:
    """Seconds for finding, and the rows that a signature of every row says are near a question."""
    from datasketch import MinHash, MinHashLSH

    def sketch(text: str) -> MinHash:
        tokens = words(stem(text))
        made = MinHash(num_perm=128)
        made.update_batch([" ".join(tokens[i : i + 3]).encode() for i in range(max(1, len(tokens) - 2))])
        return made

    index = MinHashLSH(threshold=near, num_perm=128)
    sketches = [sketch(text) for questions in benchmarks.values() for text in questions]
    for number, made in enumerate(sketches):
        index.insert(number, made)
    start = time.process_time()
    found = set()
    for number, text in enumerate(texts):
        made = sketch(text)
        if any(made.jaccard(sketches[other]) >= near for other in index.query(made)):
            found.add(number)
    return time.process_time() - start, found


def _questions(path: Path) -> list[str]:
    found: list[str] = pq.read_table(path, columns=["question"])["question"].to_pylist()
    return found


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


if __name__ == "__main__":
    main()
