"""Score rows of the embedded pool for real: one-shot influence on anchors of the embedded target.

python recipes/embedded/score.py --out runs/embedded/scores
"""

import argparse
import time
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from hf_qads import influence
from hf_qads.embedded import language_model_path, pool
from hf_qads.runtime.files import atomic_path, write_json
from hf_qads.runtime.progress import quiet
from hf_qads.schema import content_key, row_id


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=language_model_path())
    parser.add_argument("--out", type=Path, required=True, help="folder for scores.parquet and its shards")
    parser.add_argument("--per-source", type=int, default=200, help="rows to score in each source")
    parser.add_argument("--anchors", type=int, default=64)
    parser.add_argument("--target", default="embedded_target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def prompt_rows(per_source: int, seed: int) -> list[dict[str, Any]]:
    """Draw rows of every source of the pool, with their ids."""
    drawn = []
    for source, kind in pool.POOL.items():
        rows = pool.rows(source, seed)
        for row in Random(f"prompts {source} {seed}").sample(rows, min(per_source, len(rows))):
            key = content_key(row["question"], row["answer"])
            drawn.append({"row_id": row_id(source, key), "source": source, "kind": kind, **row})
    return drawn


def main() -> None:
    """Score and write."""
    args = arguments()
    quiet()
    torch.set_num_threads(args.threads)
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    prompts = prompt_rows(args.per_source, args.seed)
    anchors = Random(f"anchors {args.seed}").sample(pool.rows(args.target, args.seed), args.anchors)
    started = time.monotonic()
    result = influence(model, tokenizer, prompts, anchors, folder=args.out / "shards")
    seconds = time.monotonic() - started
    lengths = [len(tokenizer(row["answer"], add_special_tokens=False)["input_ids"]) for row in prompts]
    table = pa.Table.from_pylist(prompts)
    table = table.append_column("qads_influence", pa.array(result.win_rate.astype("float32")))
    table = table.append_column("answer_tokens", pa.array(lengths, pa.int32()))
    with atomic_path(args.out / "scores.parquet") as temporary:
        pq.write_table(table, temporary)
    settings = {name: value for name, value in vars(args).items() if name not in ("model", "out", "threads")}
    write_json(args.out / "settings.json", settings)
    pairs = len(prompts) * len(anchors)
    print(f"{pairs:,} pairs in {seconds:.0f} s ({pairs / seconds:.0f} a second)")


if __name__ == "__main__":
    main()
