"""Score a pool that lives elsewhere than in a run folder, with Ray Data: parquet in, scored parquet out.

    python recipes/ray/score.py POOL OUT [--scorer ID] [--workers 4] [--gpus 1] [--batch-size 512]

POOL and OUT are whatever Ray Data reads and writes: folders, or s3:// and other fsspec places. Each worker is
an actor that loads the scorer once. Leave cores for reading: workers that take them all starve the readers,
and the job stands still, so more than all cores but one are refused.
"""

import argparse
import os

import ray

from hf_qads import QaDSScorer


def main() -> None:
    """Read, score, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pool")
    parser.add_argument("out")
    parser.add_argument("--scorer", help="Hub id or folder (default: HF_QADS_SCORER, else the embedded one)")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--gpus", type=float, default=0.0, help="of each worker")
    parser.add_argument("--batch-size", type=int, default=512)
    given = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    cores = int(ray.cluster_resources().get("CPU", 1))
    if not given.gpus and given.workers > max(1, cores - 1):
        most = max(1, cores - 1)
        parser.error(f"--workers {given.workers} leave none of {cores} cores to the readers: at most {most}.")
    ray.data.read_parquet(given.pool).map_batches(
        QaDSScorer,
        fn_constructor_args=(given.scorer,),
        fn_constructor_kwargs={"device": "cuda" if given.gpus else "cpu"},
        concurrency=given.workers,
        num_gpus=given.gpus,
        batch_size=given.batch_size,
    ).write_parquet(given.out)


if __name__ == "__main__":
    main()
