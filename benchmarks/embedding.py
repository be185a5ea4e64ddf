"""Rows per second of embedding: what one writes first, `embed`, and the bare forward pass.

    python benchmarks/embedding.py [--model FOLDER] [--rows FILE.parquet ...] [--count 1000] [--json]
        [--device cuda]

All ways embed the same rows with the same weights, in turn, several times; the best time of each counts:
processor time with --threads 1 on a CPU, else wall time.
The bare forward pass is the backbone on the same tokens, tokenised beforehand, in batches without padding to
speak of, without pooling: what no way can beat.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="embedded", help="`embedded`, `smollm2`, a folder or a Hub id")
    parser.add_argument("--rows", type=Path, nargs="*", default=[])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--batch-tokens", type=int, default=16384)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    report = measure(options)
    print(json.dumps(report, indent=2) if options.json else table(report))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Time every way in turn."""
    from hf_qads.embedding.encoder import Encoder, embed
    from hf_qads.rows.sequences import padded, sequences
    from hf_qads.runtime.batching import token_batches
    from hf_qads.runtime.models import load_model

    model, tokenizer = load_model(options.model, dtype=options.dtype, device=options.device)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    tokenizer.padding_side = "right"
    encoder = Encoder(model, tokenizer, batch_tokens=options.batch_tokens)
    rows = drawn(options)
    found = sequences(encoder.renderer, rows, context=encoder.context)
    rows, ids = [rows[i] for i in found.kept], [found.ids[i] for i in found.kept]
    lengths = found.lengths[found.kept]
    texts = [encoder.renderer.text(row).text for row in rows]
    if encoder.renderer.bos:
        texts = [tokenizer.bos_token + text for text in texts]
    batches = [
        padded([ids[i] for i in batch], 0, options.device)
        for batch in token_batches(lengths, encoder.budget.tokens)
    ]

    def bare() -> None:
        with torch.inference_mode():
            for tokens, mask in batches:
                model.base_model(input_ids=tokens, attention_mask=mask, use_cache=False)
            finish(options.device)

    ways: dict[str, Callable[[], Any]] = {
        f"padded batches of {options.batch}, all hidden states": lambda: plain(
            model, tokenizer, texts, options.batch, head=True
        ),
        f"padded batches of {options.batch}, backbone alone": lambda: plain(
            model, tokenizer, texts, options.batch, head=False
        ),
        "embed": lambda: embed(model, tokenizer, rows, batch_tokens=options.batch_tokens),
        "bare forward pass": bare,
    }
    # On a CPU the process's own processor time: other work on the machine counts little.
    alone = options.device == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    vectors: dict[str, Any] = {}
    for _ in range(options.repeats):
        for name, way in ways.items():
            began = clock()
            vectors[name] = way()
            seconds[name].append(clock() - began)
    mine = vectors["embed"]
    results = {
        name: {
            "rows_per_second": round(len(rows) / min(times), 1),
            "tokens_per_second": round(float(lengths.sum()) / min(times)),
            "times_quicker_is_embed": round(min(times) / min(seconds["embed"]), 2),
            "largest_difference": None
            if vectors[name] is None
            else float(np.abs(vectors[name].astype(np.float64) - mine).max()),
        }
        for name, times in seconds.items()
    }
    return {
        "rows": len(rows),
        "tokens_mean": round(float(lengths.mean()), 1),
        "tokens_largest": int(lengths.max()),
        "parameters": sum(p.numel() for p in model.parameters()),
        "device": options.device,
        "threads": torch.get_num_threads(),
        "seconds": "processor" if alone else "wall",
        "ways": results,
    }


def plain(model: Any, tokenizer: Any, texts: list[str], batch: int, *, head: bool) -> np.ndarray:
    """Tokenise, pad, forward and average, batch by batch."""
    found = []
    for start in range(0, len(texts), batch):
        encoded = tokenizer(
            texts[start : start + batch], add_special_tokens=False, padding=True, return_tensors="pt"
        ).to(model.device)
        given = {name: encoded[name] for name in ("input_ids", "attention_mask")}
        with torch.inference_mode():
            if head:
                states = model(**given, output_hidden_states=True).hidden_states[-1]
            else:
                states = model.base_model(**given).last_hidden_state
            mask = given["attention_mask"].unsqueeze(-1)
            found.append(((states * mask).sum(1) / mask.sum(1)).float().cpu().numpy())
    return np.concatenate(found)


def finish(device: str) -> None:
    """Wait for the device."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def drawn(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows drawn with a fixed seed."""
    rows: list[dict[str, Any]] = []
    if options.rows:
        import pyarrow.parquet as pq

        for path in options.rows:
            rows += pq.read_table(path, columns=["question", "answer"]).to_pylist()
    else:
        from hf_qads.embedded import pool

        for source in pool.SOURCES:
            rows += [{name: row[name] for name in ("question", "answer")} for row in pool.rows(source)]
    return [rows[i] for i in np.random.default_rng(0).permutation(len(rows))[: options.count]]


def table(report: dict[str, Any]) -> str:
    """The figures for people."""
    head = ", ".join(f"{name} {value:,}" for name, value in report.items() if isinstance(value, int | float))
    lines = [
        f"{report['device']}: {head}",
        f"{'way':45} {'rows/s':>9} {'tokens/s':>11} {'embed is':>9} {'diff':>8}",
    ]
    for name, way in report["ways"].items():
        difference = "" if way["largest_difference"] is None else f"{way['largest_difference']:.0e}"
        lines.append(
            f"{name:45} {way['rows_per_second']:>9,.1f} {way['tokens_per_second']:>11,} "
            f"{way['times_quicker_is_embed']:>8.2f}x {difference:>8}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
