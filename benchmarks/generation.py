"""Answers a second from a model in this process, against transformers' `generate` on batches as they come.

    python benchmarks/generation.py --model smollm2 --rows FILE.parquet --threads 1

Both write greedily, at most `--tokens` tokens a row, from the same prompts, in turn; processor time with
--threads 1, else wall time. `generate` is given batches of 32 padded on the left and writes until the last
row of a batch has ended; `TransformersEngine` sorts by length, ends a row that goes on with a next question,
and rows that have ended leave their batch. Tokens are those of the engine's answers for both.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import torch

from hf_qads.generation.local import TransformersEngine
from hf_qads.runtime.models import load_model


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--rows", type=Path, required=True, help="parquet with a column question")
    parser.add_argument("--count", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=160)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    clock: Callable[[], float] = time.process_time if given.threads == 1 else time.perf_counter
    model, tokenizer = load_model(given.model, dtype=given.dtype, device=given.device)
    questions = pq.read_table(given.rows, columns=["question"])["question"].to_pylist()[: given.count]
    prompts = [f"Question: {question}\nAnswer:" for question in questions]
    engine = TransformersEngine(model, tokenizer)

    start = clock()
    ours = dict(engine.answer(prompts, max_new_tokens=given.tokens))
    own = clock() - start
    tokens = sum(len(ids) for ids in tokenizer([one.text for one in ours.values()])["input_ids"])

    start = clock()
    tokenizer.padding_side, tokenizer.pad_token = "left", tokenizer.pad_token or tokenizer.eos_token
    for first in range(0, len(prompts), given.batch):
        batch = tokenizer(prompts[first : first + given.batch], padding=True, return_tensors="pt").to(
            model.device
        )
        with torch.inference_mode():
            model.generate(**batch, max_new_tokens=given.tokens, do_sample=False)
    plain = clock() - start
    print(f"{len(prompts)} prompts of {given.rows.name}, {given.model}, {model.dtype}, {tokens} tokens kept")
    print(f"generate, batches of {given.batch} as they come   {plain:7.1f} s  {tokens / plain:6.0f} tokens/s")
    print(
        f"TransformersEngine                  {own:7.1f} s  {tokens / own:6.0f} tokens/s  {plain / own:.2f}x"
    )


if __name__ == "__main__":
    main()
