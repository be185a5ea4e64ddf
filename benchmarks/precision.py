"""How many indicators of influence flip between float32 and bfloat16.

python benchmarks/precision.py --model smollm2 --rows FILE.parquet ... --prompts 40 --anchors 50
"""

import argparse
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from hf_qads.runtime.models import load_model
from hf_qads.scoring.influence.influence import influence


def main() -> None:
    """Score the same pairs in both and print the difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2")
    parser.add_argument(
        "--rows", type=Path, nargs="+", required=True, help="parquet with question and answer"
    )
    parser.add_argument("--prompts", type=int, default=40)
    parser.add_argument("--anchors", type=int, default=50)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    rows = [
        row for path in given.rows for row in pq.read_table(path, columns=["question", "answer"]).to_pylist()
    ]
    drawn = np.random.default_rng(0).permutation(len(rows))[: given.prompts + given.anchors]
    chosen = [rows[place] for place in drawn]
    found = {
        dtype: influence(
            *load_model(given.model, dtype=dtype), chosen[: given.prompts], chosen[given.prompts :]
        )
        for dtype in ("float32", "bfloat16")
    }
    exact, half = found["float32"], found["bfloat16"]
    both = np.isfinite(exact.wins) & np.isfinite(half.wins)
    flipped = (exact.wins != half.wins) & both
    margin = np.abs(exact.one_shot - exact.zero_shot)
    print(f"pairs                                {int(both.sum())}")
    print(f"flipped indicators                   {flipped.sum() / both.sum():.2%}")
    print(f"nats, difference of a score, mean    {np.abs(exact.one_shot - half.one_shot)[both].mean():.4f}")
    print(f"nats, |one-shot - zero-shot|, median {np.median(margin[both]):.4f}")
    if flipped.any():
        print(f"nats, the same where flipped, most   {margin[flipped].max():.4f}")
    print(f"win rate, largest difference         {np.nanmax(np.abs(exact.win_rate - half.win_rate)):.3f}")


if __name__ == "__main__":
    main()
