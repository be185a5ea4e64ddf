"""Time and memory of strategies at a million rows, and the engine beside other packages.

    python benchmarks/strategies.py rds --rows 1000000 --dim 1024 --targets 500 --size 10000
    python benchmarks/strategies.py deita --rows 1000000 --dim 1024 --size 10000
    python benchmarks/strategies.py semdedup --rows 1000000 --dim 256 --size 100000    # and d4
    python benchmarks/strategies.py every --rows 200000 --dim 384 --size 10000         # each in turn
    python benchmarks/strategies.py peers --rows 100000 --dim 128 --size 1000          # see below
    python benchmarks/strategies.py faiss                                              # beside torch

`peers` runs beside the packages `k-center` and `gist-select`, where they are installed.
Vectors are those of `benchmarks/selection.py`, float16 in a memory-mapped file. Memory is what no file
backs, sampled; it includes Python and torch, about 0.3 GB. What one would write instead is timed on a share
of the work and extrapolated: for `rds` the whole matrix of similarities in blocks with its sort, for Deita
a product of each row with all taken rows, one row at a time, for SemDeDup the comparison of every row with
every other. `--threads` sets the threads of torch and faiss; `--clock processor` takes the processor's time
instead of the wall's, for a machine that does other work.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from selection import Memory, make_vectors

from hf_qads.neighbours import nearest
from hf_qads.selection import STRATEGIES, select

WORDS = np.array([f"word{number}" for number in range(2_000)])
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def timed(run: Callable[[], Any], clock: Callable[[], float]) -> tuple[float, float, Any]:
    """Seconds, peak gigabytes, and what came out."""
    memory = Memory()
    began = clock()
    with memory.watch():
        made = run()
    return clock() - began, memory.peak / 1e9, made


def given(rows: int, targets: np.ndarray, wanted: set[str]) -> dict[str, Any]:
    """Columns and features for every strategy."""
    generator = np.random.default_rng(1)
    names = ("ifd", "perplexity", "answer_tokens", "wici", "deita_complexity", "deita_quality")
    columns = {name: generator.uniform(0.1, 1.2, rows) for name in names}
    columns["source"] = generator.integers(0, 20, rows)
    features: dict[str, Any] = {}
    target_features: dict[str, Any] = {"weighted_vectors": targets}
    if wanted & {"bm25", "dsir"}:
        features["text"] = [" ".join(generator.choice(WORDS, 60)) for _ in range(rows)]
        target_features["text"] = features["text"][:50]
    if "less" in wanted:
        features["gradients"] = generator.standard_normal((rows, 256), dtype=np.float32)
        target_features["gradients"] = generator.standard_normal((50, 256), dtype=np.float32)
    if "instag" in wanted:
        features["tags"] = [generator.choice(WORDS, 4).tolist() for _ in range(rows)]
    return {"columns": columns, "features": features, "target_features": target_features}


def instead(
    strategy: str, vectors: np.ndarray, targets: np.ndarray, size: int, clock: Callable[[], float]
) -> float:
    """Seconds of what one would write, from a share of it."""
    part = torch.from_numpy(vectors[:20_000].astype(np.float32))
    unit = torch.nn.functional.normalize(part, dim=1)
    wanted = torch.nn.functional.normalize(torch.from_numpy(targets.astype(np.float32)), dim=1)
    began = clock()
    if strategy == "rds":
        (unit @ wanted.T).sort(dim=0, descending=True)
        return (clock() - began) * len(vectors) / len(part)
    if strategy == "deita":
        taken = unit[torch.arange(size) % len(unit)]
        for row in range(200):  # on average half of the rows are taken already
            (taken[: size // 2] @ unit[row]).max()
        return (clock() - began) / 200 * size
    unit @ unit[:2_000].T
    return (clock() - began) * (len(vectors) / len(part)) * (len(vectors) / 2_000) / 2


def peers(vectors: np.ndarray, size: int, clock: Callable[[], float]) -> None:
    """K-center by this engine and by the packages `k-center` and `gist-select`."""
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    seconds, _, ours = timed(
        lambda: select(rows, size=size, strategy="kcenter", start=[0], coverage=False), clock
    )
    print(f"select(strategy='kcenter')   {seconds:8.2f} s", flush=True)
    try:
        from k_center import KCenter

        model = KCenter(n_clusters=size + 1, random_state=None)  # None starts from the first row
        seconds, _, _ = timed(lambda: model.fit(rows), clock)
        same = np.array_equal(np.asarray(model.center_indices_)[1:], ours.order)
        print(f"k-center (Rust)              {seconds:8.2f} s   same picks: {same}", flush=True)
    except ImportError as error:
        print(f"k-center: {error}")
    scores = np.random.default_rng(2).uniform(1, 5, len(rows))
    seconds, _, ours = timed(
        lambda: select(rows, scores, size=size, strategy="gist", start=[], coverage=False), clock
    )
    print(
        f"select(strategy='gist')      {seconds:8.2f} s   objective {objective(rows, scores, ours.order):.2f}"
    )
    try:
        from gist import EuclideanDistance, LinearUtility, gist

        seconds, _, theirs = timed(
            lambda: gist(rows, LinearUtility(scores), EuclideanDistance(), size, seed=0), clock
        )
        worth = objective(rows, scores, np.asarray(theirs.indices))
        print(f"gist-select                  {seconds:8.2f} s   objective {worth:.2f}", flush=True)
    except ImportError as error:
        print(f"gist-select: {error}")


def objective(rows: np.ndarray, scores: np.ndarray, picked: np.ndarray) -> float:
    """Sum of scores plus the smallest distance between two picks."""
    chosen = rows[picked]
    apart = nearest(chosen, chosen, 1, metric="euclidean", itself=np.arange(len(chosen))).values
    return float(scores[picked].sum() + apart.min())


def by_faiss(clock: Callable[[], float]) -> None:
    """The same neighbours with the products by faiss and by torch."""
    generator = np.random.default_rng(0)
    print("| queries x rows x dimensions, k | faiss, s | torch, s |\n|---|--:|--:|")
    for queries, rows, dim, k in (
        (500, 65_536, 1024, 100), (500, 65_536, 1024, 1000), (65_536, 1000, 1024, 1), (4096, 32_768, 384, 10),
        (100, 65_536, 768, 1),
    ):  # fmt: skip
        left = generator.standard_normal((queries, dim), dtype=np.float32)
        right = generator.standard_normal((rows, dim), dtype=np.float32)
        times = [
            timed(lambda: nearest(left, right, k, backend=backend), clock)[0]  # noqa: B023
            for backend in ("faiss", "torch")
        ]
        print(f"| {queries:,} x {rows:,} x {dim}, {k} | {times[0]:.2f} | {times[1]:.2f} |", flush=True)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", help="a strategy, `every`, `peers` or `faiss`")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=1024)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--targets", type=int, default=500)
    parser.add_argument("--clusters", type=int, default=256)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--folder", type=Path, default=None, help="where the file of vectors goes")
    asked = parser.parse_args()
    clock = CLOCKS[asked.clock]
    if asked.threads:
        torch.set_num_threads(asked.threads)
    if asked.what == "faiss":
        return by_faiss(clock)
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        file = Path(folder) / "vectors.npy"
        vectors = make_vectors(asked.rows, asked.dim, asked.clusters, "float16", file)
        if asked.what == "peers":
            return peers(vectors, asked.size, clock)
        generator = np.random.default_rng(3)
        targets = vectors[np.sort(generator.choice(asked.rows, asked.targets, replace=False))].astype(
            np.float32
        )
        targets += 0.1 * generator.standard_normal(targets.shape, dtype=np.float32)
        names = sorted(STRATEGIES) if asked.what == "every" else [asked.what]
        more = given(asked.rows, targets, set(names))
        more["features"]["weighted_vectors"] = vectors
        scores = generator.uniform(1, 5, asked.rows)
        for name in names:
            seconds, peak, made = timed(
                lambda: select(
                    vectors, scores, size=asked.size, strategy=name, coverage=False,  # noqa: B023
                    start=100 if name in ("qads", "kcenter") else [], **more,  # noqa: B023
                ),
                clock,
            )  # fmt: skip
            line = f"{name:16} {asked.rows:,} x {asked.dim}, {len(made):,} picks: {seconds:8.1f} s"
            line += f", {peak:.2f} GB"
            if name in ("rds", "deita", "semdedup"):
                line += f"; written by hand: {instead(name, vectors, targets, asked.size, clock):,.0f} s"
            print(line, flush=True)


if __name__ == "__main__":
    main()
