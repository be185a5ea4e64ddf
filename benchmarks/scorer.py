"""Rows per second of a scorer: plain padded batches, transformers' pipeline, QaDSScorer, and a probe.

    python benchmarks/scorer.py [--scorer FOLDER] [--rows FILE.parquet ...] [--count 1000] [--json]
        [--device cuda]

All ways score the same rows with the same weights, in turn, several times; the best time of each counts:
processor time with --threads 1 on a CPU, else wall time.
Without --scorer a head of random weights is put on --base (the embedded language model), which costs the
same. Without --rows the embedded pool is scored. Rows that do not fit the context are left out beforehand.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

CLASSES = np.arange(1, 6)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scorer", type=Path)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--rows", type=Path, nargs="*", default=[])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--batch", type=int, nargs="*", default=[8, 32])
    parser.add_argument("--batch-tokens", type=int, default=16384)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        report = measure(options, Path(folder))
    print(json.dumps(report, indent=2) if options.json else table(report))


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Time every way in turn."""
    from hf_qads.scoring.probe.probe import fit_probe
    from hf_qads.scoring.scorer.scorer import QaDSScorer

    scorer_folder = options.scorer or untrained(options.base, folder / "scorer")
    scorer = QaDSScorer(scorer_folder, device=options.device, batch_tokens=options.batch_tokens)
    predictor = scorer.load()
    model, tokenizer = predictor._model, predictor.renderer.tokenizer
    tokenizer.padding_side = "right"
    rows, lengths = readable(options, predictor)
    texts = [predictor.renderer.text(row).text for row in rows]
    if predictor.renderer.bos:
        texts = [tokenizer.bos_token + text for text in texts]
    vectors = np.random.default_rng(0).normal(size=(len(rows), model.config.hidden_size)).astype(np.float16)
    probe = fit_probe(vectors[:500], np.linspace(1, 5, len(vectors[:500])))

    ways: dict[str, Callable[[], Any]] = {}
    for batch in options.batch:
        ways[f"padded batches of {batch}, rows as they come"] = lambda b=batch: padded(
            model, tokenizer, texts, b
        )
        ways[f"pipeline, batch_size={batch}"] = lambda b=batch: by_pipeline(model, tokenizer, texts, b)
    ways["QaDSScorer"] = lambda: scorer.predict(rows)[0]
    ways["probe, vectors at hand"] = lambda: probe.predict(vectors)

    # On a CPU the process's own processor time: other work on the machine counts little.
    alone = options.device == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, Any] = {}
    for _ in range(options.repeats):
        for name, way in ways.items():
            began = clock()
            found[name] = way()
            seconds[name].append(clock() - began)
    mine = found["QaDSScorer"]
    results = {
        name: {
            "rows_per_second": round(len(rows) / min(times), 1),
            "times_quicker_is_QaDSScorer": round(min(times) / min(seconds["QaDSScorer"]), 2),
            "largest_difference": None if "probe" in name else float(np.abs(found[name] - mine).max()),
        }
        for name, times in seconds.items()
    }
    shares = {f"padding at {b}": padding(lengths, b) for b in options.batch}
    return {
        "rows": len(rows),
        "tokens_mean": round(float(lengths.mean()), 1),
        "tokens_largest": int(lengths.max()),
        "parameters": sum(p.numel() for p in model.parameters()),
        "device": options.device,
        "threads": torch.get_num_threads(),
        "seconds": "processor" if alone else "wall",
        **shares,
        "ways": results,
    }


def padded(model: Any, tokenizer: Any, texts: list[str], batch: int) -> np.ndarray:
    """What one writes first: tokenise, pad, forward, batch by batch."""
    scores = []
    for start in range(0, len(texts), batch):
        encoded = tokenizer(
            texts[start : start + batch], add_special_tokens=False, padding=True, return_tensors="pt"
        ).to(model.device)
        encoded.pop("token_type_ids", None)
        with torch.inference_mode():
            p = torch.softmax(model(**encoded).logits.float(), -1)
        scores.append((p.cpu().numpy() * CLASSES).sum(1))
    return np.concatenate(scores)


def by_pipeline(model: Any, tokenizer: Any, texts: list[str], batch: int) -> np.ndarray:
    """As transformers' own text classification does it."""
    from transformers import pipeline

    classify = pipeline(
        "text-classification", model=model, tokenizer=tokenizer, top_k=None, device=model.device
    )
    found = classify(texts, batch_size=batch, add_special_tokens=False)
    return np.asarray([sum(int(c["label"]) * c["score"] for c in classes) for classes in found])


def padding(lengths: np.ndarray, batch: int) -> float:
    """Share of the tokens that are padding where rows are batched as they come."""
    groups = [lengths[i : i + batch] for i in range(0, len(lengths), batch)]
    return round(1 - lengths.sum() / sum(len(g) * g.max() for g in groups), 3)


def readable(options: argparse.Namespace, predictor: Any) -> tuple[list[dict[str, Any]], np.ndarray]:
    """The rows that fit the context, drawn with a fixed seed, and their tokens."""
    from hf_qads.rows.sequences import sequences

    rows: list[dict[str, Any]] = []
    if options.rows:
        import pyarrow.parquet as pq

        for path in options.rows:
            rows += pq.read_table(path, columns=["question", "answer"]).to_pylist()
    else:
        from hf_qads.embedded import pool

        for source in pool.SOURCES:
            rows += [{name: row[name] for name in ("question", "answer")} for row in pool.rows(source)]
    drawn = np.random.default_rng(0).permutation(len(rows))[: options.count]
    rows = [rows[i] for i in drawn]
    found = sequences(predictor.renderer, rows, context=predictor.context)
    return [rows[i] for i in found.kept], found.lengths[found.kept]


def untrained(base: Path | None, folder: Path) -> Path:
    """A scorer with a head of random weights on a base model."""
    from transformers import AutoTokenizer

    from hf_qads.embedded import language_model_path
    from hf_qads.scoring.scorer.classifier import classifier, with_pad

    path = base or language_model_path()
    tokenizer = with_pad(AutoTokenizer.from_pretrained(path))
    classifier(path, tokenizer, template="plain", seed=0).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def table(report: dict[str, Any]) -> str:
    """The figures for people."""
    head = ", ".join(f"{name} {value:,}" for name, value in report.items() if isinstance(value, int | float))
    lines = [
        f"{report['device']}: {head}",
        f"{'way':45} {'rows/s':>12} {'QaDSScorer is':>14} {'largest diff':>13}",
    ]
    for name, way in report["ways"].items():
        difference = "" if way["largest_difference"] is None else f"{way['largest_difference']:.1e}"
        lines.append(
            f"{name:45} {way['rows_per_second']:>12,.1f} {way['times_quicker_is_QaDSScorer']:>13.2f}x "
            f"{difference:>13}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
