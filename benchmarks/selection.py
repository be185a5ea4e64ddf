"""Time and memory of exact selection against the loop that everybody writes.

    python benchmarks/selection.py --rows 100000 --dim 384 --size 10000
    python benchmarks/selection.py --vectors sentences.npy --size 10000       # from sentence_vectors.py
    python benchmarks/selection.py --rows 1000000 --dim 1024 --size 20000 --dtype float16 --memmap
    python benchmarks/selection.py --rows 100000 --dim 384 --size 10000 --owned 1000000

The plain loop keeps the distance of every row to its nearest picked row, and after each pick works out the
distances of all rows to the new one. It is written four ways: with torch and with numpy, as a matrix-vector
product with the squared lengths kept (the fastest) and as the norm of the differences (the one most often
seen). Where it would take minutes, its time is extrapolated from `--plain-picks` picks; every
pick costs the same. Picks are compared with the loop's as far as it ran. With `--check` all are replayed:
each must be worth the best there is at its turn, up to float32 rounding.

With `--owned`, so many further vectors count as picked before the first pick. What a user would write then is
the rows' distances to the nearest of them by blocks of `torch.cdist`, before the loop begins; that alone is
timed, and extrapolated from `--plain-picks` blocks of 10,000 rows and 1,000 owned vectors.

Vectors are made: `--clusters` Gaussian clusters of unequal spread around random centers. Scores are uniform
in [1, 5], or all equal with `--equal` (K-center).
"""

import argparse
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hf_qads.selection import select


class Memory:
    """Peak of the process's resident memory that no file backs, sampled from /proc."""

    def __init__(self) -> None:
        self.peak = 0

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Sample every 20 ms while the block runs."""
        done = threading.Event()

        def sample() -> None:
            while not done.wait(0.02):
                self.peak = max(self.peak, anonymous())

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def anonymous() -> int:
    """Resident bytes of this process without those that a file backs (the page cache)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


def make_vectors(rows: int, dim: int, clusters: int, dtype: str, file: Path | None) -> np.ndarray:
    """Clustered vectors (rows, dim), in memory or in `file`."""
    generator = np.random.default_rng(0)
    centers = generator.standard_normal((clusters, dim), dtype=np.float32)
    spreads = generator.uniform(0.2, 0.6, clusters).astype(np.float32)
    if file is None:
        vectors = np.empty((rows, dim), dtype)
    else:
        vectors = np.lib.format.open_memmap(file, mode="w+", dtype=dtype, shape=(rows, dim))
    for begin in range(0, rows, 65536):
        part = vectors[begin : begin + 65536]
        member = generator.integers(0, clusters, len(part))
        noise = generator.standard_normal((len(part), dim), dtype=np.float32)
        part[:] = centers[member] + spreads[member, None] * noise
    if file is None:
        return vectors
    vectors.flush()
    del vectors
    return np.load(file, mmap_mode="r")


def plain_torch(vectors: np.ndarray, scores: np.ndarray, start: np.ndarray, picks: int) -> list[int]:
    """The loop in torch, a matrix-vector product per pick."""
    x, weights = torch.from_numpy(vectors), torch.from_numpy(scores).float()
    norms = x.square().sum(1)
    best = torch.full((len(x),), torch.inf)
    free = torch.ones(len(x), dtype=torch.bool)
    order: list[int] = []
    for row in [*start.tolist(), *[None] * picks]:
        if row is None:
            row = int(torch.where(free, weights * best, -torch.inf).argmax())
            order.append(row)
        free[row] = False
        best = torch.minimum(best, (norms + norms[row] - 2 * (x @ x[row])).clamp_min_(0).sqrt_())
    return order


def plain_torch_differences(
    vectors: np.ndarray, scores: np.ndarray, start: np.ndarray, picks: int
) -> list[int]:
    """The loop in torch, the norm of all differences per pick."""
    x, weights = torch.from_numpy(vectors), torch.from_numpy(scores).float()
    best = torch.full((len(x),), torch.inf)
    free = torch.ones(len(x), dtype=torch.bool)
    order: list[int] = []
    for row in [*start.tolist(), *[None] * picks]:
        if row is None:
            row = int(torch.where(free, weights * best, -torch.inf).argmax())
            order.append(row)
        free[row] = False
        best = torch.minimum(best, torch.linalg.vector_norm(x - x[row], dim=1))
    return order


def plain_numpy(vectors: np.ndarray, scores: np.ndarray, start: np.ndarray, picks: int) -> list[int]:
    """The loop in numpy, a matrix-vector product per pick."""
    x, weights = vectors, scores.astype(np.float32)
    norms = np.einsum("ij,ij->i", x, x)
    best = np.full(len(x), np.inf, np.float32)
    free = np.ones(len(x), dtype=bool)
    order: list[int] = []
    for row in [*start.tolist(), *[None] * picks]:
        if row is None:
            row = int(np.where(free, weights * best, -np.inf).argmax())
            order.append(row)
        free[row] = False
        best = np.minimum(best, np.sqrt(np.maximum(norms + norms[row] - 2 * (x @ x[row]), 0)))
    return order


def plain_numpy_differences(
    vectors: np.ndarray, scores: np.ndarray, start: np.ndarray, picks: int
) -> list[int]:
    """The loop in numpy, the norm of all differences per pick."""
    weights = scores.astype(np.float32)
    best = np.full(len(vectors), np.inf, np.float32)
    free = np.ones(len(vectors), dtype=bool)
    order: list[int] = []
    for row in [*start.tolist(), *[None] * picks]:
        if row is None:
            row = int(np.where(free, weights * best, -np.inf).argmax())
            order.append(row)
        free[row] = False
        best = np.minimum(best, np.linalg.norm(vectors - vectors[row], axis=1))
    return order


LOOPS: dict[str, tuple[Callable[..., list[int]], float]] = {
    "torch, product": (plain_torch, 1.0),
    "torch, differences": (plain_torch_differences, 0.1),
    "numpy, product": (plain_numpy, 1.0),
    "numpy, differences": (plain_numpy_differences, 0.1),
}


def time_loops(vectors: np.ndarray, scores: np.ndarray, start: np.ndarray, size: int, picks: int) -> dict:
    """Seconds that each loop needs for `size` picks, extrapolated, and the picks that it made."""
    found = {}
    for name, (loop, share) in LOOPS.items():
        few = max(2, min(size, int(picks * share)))
        loop(vectors[:1000], scores[:1000], np.array([0]), 2)
        begin = time.perf_counter()
        loop(vectors, scores, start[:1], 0)
        setup = time.perf_counter() - begin
        begin, busy = time.perf_counter(), time.process_time()
        order = loop(vectors, scores, start, few)
        factor = (size + len(start)) / (few + len(start) - 1)
        found[name] = {
            "seconds": setup + (time.perf_counter() - begin - setup) * factor,
            "busy": (time.process_time() - busy) * factor,
            "picks": few,
            "order": order,
        }
    return found


def time_nearest(vectors: np.ndarray, owned: np.ndarray, blocks: int) -> float:
    """Seconds that the nearest distances of all rows to all owned vectors take by blocks, extrapolated."""
    x, rest = torch.from_numpy(vectors), torch.from_numpy(owned)
    pairs, begin = 0, time.perf_counter()
    for block in range(blocks):
        first, row = 1000 * block % len(rest), 10_000 * block % len(x)
        one, other = x[row : row + 10_000], rest[first : first + 1000]
        torch.cdist(one, other).amin(1)
        pairs += len(one) * len(other)
    return (time.perf_counter() - begin) * len(x) * len(rest) / pairs


def replay(vectors: np.ndarray, scores: np.ndarray, start: np.ndarray, order: np.ndarray) -> float:
    """Largest share by which any pick fell short of the best at its turn, in float32."""
    x, weights = torch.from_numpy(vectors), torch.from_numpy(scores).float()
    x = x - x.mean(0)
    norms = x.square().sum(1)
    best = torch.full((len(x),), torch.inf)
    worst = 0.0
    rows = torch.from_numpy(np.concatenate([start, order]))
    taken = torch.ones(len(x))
    for begin in range(0, len(rows), 64):
        part = rows[begin : begin + 64]
        squared = torch.addmm(norms[part].unsqueeze(1), x[part], x.T, alpha=-2).add_(norms).clamp_min_(0)
        for step, row in enumerate(part.tolist()):
            if begin + step >= len(start):
                values = weights * best.sqrt() * taken
                highest = float(values.max())
                if highest > 0:
                    worst = max(worst, 1 - float(values[row]) / highest)
            taken[row] = 0
            torch.minimum(best, squared[step], out=best)
    return worst


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, help="default: 100,000, or all of --vectors")
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--size", type=int, help="default: a tenth of the rows")
    parser.add_argument("--start", type=int, default=100)
    parser.add_argument("--owned", type=int, default=0, help="vectors that count as picked; then no --start")
    parser.add_argument("--dtype", choices=["float16", "float32"], default="float32")
    parser.add_argument("--clusters", type=int, default=256)
    parser.add_argument("--vectors", type=Path, help="an .npy file instead of made vectors")
    parser.add_argument("--memmap", action="store_true", help="keep the vectors in a file")
    parser.add_argument("--folder", type=Path, help="where that file goes, and stays")
    parser.add_argument("--metric", choices=["euclidean", "cosine"], default="euclidean")
    parser.add_argument("--equal", action="store_true", help="equal scores: K-center")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device")
    parser.add_argument("--plain-picks", type=int, default=300, help="0: do not run the plain loops")
    parser.add_argument("--coverage", action="store_true", help="ask for the coverage radius, too")
    parser.add_argument("--check", action="store_true", help="replay all picks")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()

    if given.metric == "cosine" and (given.plain_picks or given.check):
        parser.error("the plain loops here are Euclidean: for cosine, --plain-picks 0 and no --check")
    if given.owned and (given.check or given.memmap or given.vectors):
        parser.error("--owned goes with made vectors in memory, and without --check")

    if given.vectors is None:
        given.rows = given.rows or 100_000
    if given.size is not None and given.size < 1:
        parser.error("--size must be 1 or more")
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as scratch:
        vectors = open_vectors(given, Path(scratch))
        report = measure(given, vectors)
    if given.json:
        print(json.dumps(report, indent=2))
        return
    loops = report.pop("loops", {})
    for name, value in report.items():
        print(f"{name:32} {value}")
    for name, loop in loops.items():
        print(
            f"{'plain ' + name:32} {loop['seconds']:.1f} s (from {loop['picks']} picks), ratio "
            f"{loop['ratio']:.0f} ({loop['processor ratio']:.0f} in processor time), "
            + ("all picks equal" if loop["agree"] else f"first {loop['equal picks']} picks equal")
        )


def open_vectors(given: argparse.Namespace, scratch: Path) -> np.ndarray:
    """The vectors that the command line asks for."""
    if given.vectors is not None:
        vectors = np.load(given.vectors, mmap_mode="r" if given.memmap else None)
        return vectors[: given.rows]
    if not given.memmap:
        return make_vectors(given.rows + given.owned, given.dim, given.clusters, given.dtype, None)
    folder = given.folder or scratch
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"vectors-{given.rows}-{given.dim}-{given.dtype}-{given.clusters}.npy"
    if file.exists():
        return np.load(file, mmap_mode="r")
    return make_vectors(given.rows, given.dim, given.clusters, given.dtype, file)


def measure(given: argparse.Namespace, vectors: np.ndarray) -> dict[str, Any]:
    """Run the engine and the loops; all figures."""
    rows = len(vectors) - given.owned
    vectors, owned = vectors[:rows], vectors[rows:] if given.owned else None
    size = given.size or rows // 10
    scores = np.ones(rows) if given.equal else np.random.default_rng(1).uniform(1, 5, rows)
    start = 0 if given.owned else given.start
    asked = {
        "start": start,
        "already_selected": owned,
        "metric": given.metric,
        "device": given.device,
    }
    select(vectors[:2000].astype(np.float32), scores[:2000], size=50, **asked)  # warm up
    memory = Memory()
    before = anonymous()
    begin, busy = time.perf_counter(), time.process_time()
    with memory.watch():
        picked = select(vectors, scores, size=size, **asked)
        if given.coverage:
            picked.radius  # noqa: B018 - worked out on first use
    seconds, busy = time.perf_counter() - begin, time.process_time() - busy
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    report: dict[str, Any] = {
        "rows": rows,
        "dimensions": vectors.shape[1],
        "size": size,
        "vectors": f"{vectors.dtype}, {'memmap' if given.memmap else 'memory'}, {given.metric}",
        "scores": "equal" if given.equal else "uniform in [1, 5]",
        "coverage": given.coverage,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {given.threads} threads, load {load}",
        "engine, seconds": round(seconds, 2),
        "engine, processor seconds": round(busy, 2),
        "distances in full, share": round(picked.work["full"] / rows / size, 4),
        "distances estimated, share": round(picked.work["short"] / rows / size, 4),
        "anonymous memory at peak, MiB": memory.peak >> 20,
        "of which before, MiB": before >> 20,
    }
    if owned is not None and given.plain_picks:
        nearest = time_nearest(vectors, owned, given.plain_picks)
        report["owned vectors"] = len(owned)
        report["torch.cdist to them, seconds"] = round(nearest, 1)
        report["ratio"] = round(nearest / seconds, 1)
    elif given.plain_picks:
        dense = np.ascontiguousarray(vectors, dtype=np.float32)
        report["loops"] = {}
        for name, found in time_loops(dense, scores, picked.start, size, given.plain_picks).items():
            equal = int(np.argmin([*(np.array(found["order"]) == picked.order[: found["picks"]]), False]))
            report["loops"][name] = {
                "seconds": round(found["seconds"], 2),
                "picks": found["picks"],
                "ratio": round(found["seconds"] / seconds, 2),
                "processor ratio": round(found["busy"] / busy, 2),
                "equal picks": equal,
                "agree": equal == found["picks"],
            }
    if given.check:
        dense = np.ascontiguousarray(vectors, dtype=np.float32)
        shortfall = replay(dense, scores, picked.start, picked.order)
        report["largest shortfall of any pick"] = float(f"{shortfall:.1e}")
    return report


if __name__ == "__main__":
    main()
