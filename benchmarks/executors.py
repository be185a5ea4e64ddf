"""Overhead per shard and speed-up of the Ray engine, on work that waits instead of computing.

    python benchmarks/executors.py [--shards 64] [--seconds 0.5] [--workers 1 2 4]

It starts a Ray cluster of its own. Waiting work shows the engine's own cost and what workers bring, on any
number of cores; loading a model, which each worker does once, is not in it.
"""

import argparse
import tempfile
import time
from pathlib import Path

import ray

from hf_qads.runtime.executors import Executor, PartDone, Ranks, Shard
from hf_qads.runtime.ray_engine import RayEngine


class Waiting:
    """Writes an empty file for each shard, after a while."""

    def __init__(self, folder: Path, count: int, seconds: float) -> None:
        self.folder, self.count, self.seconds = folder, count, seconds

    def shards(self, stage: str) -> list[Shard]:
        """One for each file."""
        return [Shard((self.folder / f"{stage}-{number:05d}",), 1) for number in range(self.count)]

    def __call__(self, stage: str, executor: Executor) -> None:
        """Do the shards that the executor hands out."""
        shards = self.shards(stage)

        def do(number: int) -> None:
            time.sleep(self.seconds)
            shards[number].files[0].touch()

        try:
            executor.run(shards, do, what=stage)
            executor.gather()
        except PartDone:
            pass


def do(engine: RayEngine, work: Waiting, stage: str) -> None:
    """Have workers do all of it."""
    engine.work(work, stage, {stage: work.shards(stage)})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    alone = given.shards * given.seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        Waiting(folder, given.shards, given.seconds)("local", Ranks())
        print(f"local: {time.perf_counter() - start:.1f} s for {alone:.1f} s of waiting")
        ray.init(address="local", num_cpus=max(given.workers), include_dashboard=False, log_to_driver=False)
        for workers in given.workers:
            with RayEngine(folder, address="auto", workers=workers, say=print) as engine:
                do(engine, Waiting(folder, workers, 0.0), f"start{workers}")  # workers are up afterwards
                start = time.perf_counter()
                do(engine, Waiting(folder, given.shards, given.seconds), f"ray{workers}")
                seconds = time.perf_counter() - start
            cost = 1000 * (seconds * workers - alone) / given.shards
            print(
                f"ray, {workers} workers: {seconds:.1f} s, {alone / seconds:.2f} times as fast as one after "
                f"the other; {cost:.0f} ms a shard beside its work"
            )


if __name__ == "__main__":
    main()
