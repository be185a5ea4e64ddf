"""A run folder as the pipeline leaves it, with planted scores, so that publishing is tested on its own."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from hf_qads import schema
from hf_qads.runfolder import RunFolder
from hf_qads.selection.registry import about

SOURCES = {  # name: (kind, rows, mean score, licence)
    "gsm8k": ("reasoning", 640, 4.3, "mit"),
    "math": ("reasoning", 520, 3.9, "mit"),
    "aqua_rat": ("reasoning", 380, 3.1, "apache-2.0"),
    "dmath": ("reasoning", 160, 1.7, "mit"),
    "cot": ("general", 420, 3.6, "apache-2.0"),
    "gpteacher_toolformer": ("general", 240, 1.9, "mit"),
}
DIM = 16
SEGMENTS = ("to-10pct", "to-40pct", "rest")
SMALL = {
    "gsm8k": ("reasoning", 200, 4.3, "mit"),
    "dmath": ("reasoning", 90, 1.7, "cc-by-sa-4.0"),
    "cot": ("general", 120, 3.2, "apache-2.0"),
}
HOSTILE = [
    "<script>alert(1)</script> <img src=x onerror=alert(2)>",
    "![pixel](https://evil.example/p.png) [link](javascript:alert(1)) **bold** | cell |",
    "{{ 7 * 7 }} {% for x in y %} {# comment #}",
    "---\nlicense: wtfpl\n---\n# heading",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 bell",
    "right to left \u202egnp.exe\u202c and \u2066isolate\u2069",
    "```\nend of fence\n```\n~~~",
    "$x$ `code` https://evil.example www.evil.example",
]


def make_run(
    path: Path, *, sources=None, seed: int = 0, hostile: bool = False, stages: str = "all"
) -> RunFolder:
    """Write a run folder; `stages` is `all`, or `pool` for one that stopped early."""
    sources = SOURCES if sources is None else sources
    rng, run = np.random.default_rng(seed), RunFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.yaml").write_text(yaml.safe_dump(config(list(sources)), sort_keys=False))
    pools, truth = {}, {}
    for number, (name, (kind, rows, mean, licence)) in enumerate(sources.items()):
        pools[name], truth[name] = _pool(rng, name, kind, rows, mean, hostile=hostile)
        folder = path / "pool" / name
        folder.mkdir(parents=True)
        pq.write_table(pools[name], folder / "part-00000.parquet")
        facts = {"name": name, "licence": licence, "language": ["en"], "revision": f"{number:040x}"}
        facts |= {"origin": f"https://huggingface.co/datasets/example/{name}"}
        (folder / "facts.json").write_text(json.dumps(facts))
    left = {name: {"exact duplicate": 7 + i, "blank answer": i} for i, name in enumerate(sources)}
    listed = [{"name": name, "kind": spec[0]} for name, spec in sources.items()]
    total = sum(len(pool) for pool in pools.values())
    _record(run, "pool", 2.4, 310, total + 90, total, left, {"sources": listed})
    if stages == "pool":
        return run
    vectors = {
        name: _vectors(rng, path, name, number, len(pools[name])) for number, name in enumerate(sources)
    }
    _record(run, "vectors", 14.2, 640, total, total, {})
    _influence(rng, path, pools, truth)
    _record(run, "influence", 83.5, 905, 900, 900, {})
    _scorer(rng, path, sources)
    _record(run, "scorer", 41.0, 780, 900, 900, {})
    kept = {}
    for name, pool in pools.items():
        kept[name] = _select(path, name, pool, truth[name], vectors[name])
    _record(run, "scores", 22.8, 700, total, total, {})
    _record(
        run, "selection", 1.9, 420, total, sum(map(len, kept.values())), {},
        {"strategy": {"name": "qads", "phrase": about("qads").phrase}}, [about("qads").citation],
    )  # fmt: skip
    _mixture(run, kept)
    rows = sum(map(len, kept.values()))
    dropped = {next(iter(sources)): {"repeats a question of the benchmark gsm8k": 4}}
    _record(run, "mixture", 1.1, 430, rows + 4, rows, dropped)
    return run


def config(names: list[str]) -> dict:
    return {
        "name": "maths-mix",
        "seed": 0,
        "model": {"path": "/home/someone/secret-folder/real-5m", "template": "plain"},
        "sources": [{"path": f"data/{name}.parquet", "name": name} for name in names],
        "anchors": {"sources": [{"path": "math"}, {"path": "gsm8k"}], "size": 40, "allow_benchmark": False},
        "select": {"strategy": "qads", "start": 20, "metric": "euclidean", "options": {}},
        "ratio": {"rule": "score"},
        "subsets": [0.1, 0.4],
    }


def _record(run, stage, seconds, peak, rows_in, rows_out, left_out, details=None, citations=()):
    line = {
        "key": f"{abs(hash(stage)) % 1:024x}",
        "seconds": seconds,
        "peak_rss_mib": peak,
        "rows_in": rows_in,
    }
    run.record(
        stage,
        line
        | {
            "rows_out": rows_out,
            "left_out": left_out,
            "details": details or {},
            "citations": list(citations),
        },
    )


def _pool(rng, name, kind, rows, mean, *, hostile):
    truth = np.clip(rng.normal(mean, 0.7, rows), 1, 5)
    columns: dict[str, list] = {column: [] for column in schema.ROW_SCHEMA.names}
    for number in range(rows):
        a, b = (int(v) for v in rng.integers(2, 90, 2))
        steps = max(1, round(truth[number] * rng.lognormal(0.4, 0.4)))
        question = f"A shop sells {a} boxes with {b} pens each. How many pens are there on day {number}?"
        answer = " ".join(f"Step {s + 1}: {a} boxes of {b} pens make {a * b} pens." for s in range(steps))
        answer = f"{answer} The answer is {a * b}." if truth[number] > 2 else f"print({a} * {b})"
        if hostile and number < len(HOSTILE):
            question, answer = f"{HOSTILE[number]} {number}", HOSTILE[-number - 1]
            truth[number] = 5.0 if number % 2 else 1.0
        if hostile and number == len(HOSTILE):
            answer, truth[number] = "<b>1 MB cell</b> " * 62_500, 5.0
        values = (
            schema.row_id(name, schema.content_key(question, answer)),
            question,
            answer,
            None,
            name,
            kind,
        )
        for column, value in zip(columns, (*values, str(a * b), None), strict=True):
            columns[column].append(value)
    return pa.table(columns, schema=schema.ROW_SCHEMA), truth


def _vectors(rng, path, name, number, rows):
    centre = np.random.default_rng(100 + number).normal(0, 2.0, DIM)
    vectors = (centre + rng.normal(0, 1, (rows, DIM)) * np.linspace(1.6, 0.4, DIM)).astype(np.float32)
    vectors[3] = np.nan  # a row beyond the context
    folder = path / "vectors" / name
    folder.mkdir(parents=True)
    np.save(folder / "vectors.npy", vectors)
    return vectors


def _influence(rng, path, pools, truth, anchors=40):
    ids, names, kinds, scores = [], [], [], []
    better = []
    for name, pool in pools.items():
        chosen = rng.choice(len(pool), min(150, len(pool)), replace=False)
        chance = np.clip((truth[name][chosen] - 0.8) / 4.6, 0.02, 0.98)
        better.append(rng.random((len(chosen), anchors)) < chance[:, None])
        ids += [pool[schema.ROW_ID][int(i)].as_py() for i in chosen]
        names += [name] * len(chosen)
        kinds += [pool[schema.KIND][0].as_py()] * len(chosen)
    indicator = np.concatenate(better)
    scores = indicator.mean(axis=1).astype(np.float32)
    zero = rng.normal(-1.2, 0.2, anchors).astype(np.float32)
    one = zero + np.where(indicator, 1, -1) * rng.uniform(0.001, 0.05, indicator.shape)
    folder = path / "influence"
    folder.mkdir(parents=True)
    np.save(folder / "zero_shot.npy", zero)
    np.save(folder / "one_shot.npy", one.astype(np.float32))
    half = 1.96 * np.sqrt(scores * (1 - scores) / anchors)
    table = {schema.ROW_ID: ids, schema.SOURCE: names, schema.KIND: kinds, schema.INFLUENCE: scores}
    table |= {
        schema.PAIRS: np.full(len(ids), anchors, np.int32),
        schema.REASON: pa.nulls(len(ids), pa.string()),
    }
    table |= {
        schema.LOW: np.clip(scores - half, 0, 1).astype(np.float32),
        schema.HIGH: np.clip(scores + half, 0, 1),
    }
    pq.write_table(pa.table(table), folder / "scores.parquet")


def _scorer(rng, path, sources):
    for group, noise in (("reasoning", 0.07), ("general", 0.14)):
        names = [name for name, spec in sources.items() if spec[0] == group]
        if not names:
            continue
        real = np.clip(rng.beta(1.2, 1.2, 120), 0.02, 0.98)
        predicted = np.clip(1 + 4 * (real + rng.normal(0, noise, 120)), 1, 5)
        folder = path / "scorer" / group
        folder.mkdir(parents=True)
        table = {
            "row_id": [f"r{i}" for i in range(120)],
            "source": [names[i % len(names)] for i in range(120)],
        }
        pq.write_table(pa.table(table | {"real": real, "predicted": predicted}), folder / "held_out.parquet")


def _select(path, name, pool, truth, vectors):
    score = truth.astype(np.float32)
    score[3] = np.nan
    reasons = [None] * len(pool)
    reasons[3] = "beyond the context of the scorer"
    for folder in ("scores", "selection"):
        (path / folder).mkdir(exist_ok=True)
    scores = {
        schema.ROW_ID: pool[schema.ROW_ID],
        schema.SCORE: score,
        schema.REASON: pa.array(reasons, pa.string()),
    }
    pq.write_table(pa.table(scores), path / "scores" / f"{name}.parquet")
    usable = np.flatnonzero(np.isfinite(score))
    start = list(usable[: min(20, len(usable) // 10)])
    picked, gains = [], []
    distance = np.min([np.linalg.norm(vectors - vectors[s], axis=1) for s in start], axis=0)
    size = int(len(usable) * np.nanmean(score) / 5)
    distance[start] = -1
    for _ in range(min(size, len(usable) - len(start))):
        gain = np.where(np.isfinite(score) & (distance >= 0), score * distance, -1)
        best = int(np.argmax(gain))
        picked.append(best)
        gains.append(float(gain[best]))
        distance = np.where(
            distance < 0, -1, np.minimum(distance, np.linalg.norm(vectors - vectors[best], axis=1))
        )
        distance[best] = -1
    order = picked + [int(s) for s in start]
    table = {
        schema.ROW_ID: pool[schema.ROW_ID].take(pa.array(order)),
        schema.RANK: np.arange(len(order), dtype=np.int32),
    }
    table |= {
        schema.GAIN: pa.array([*gains, *[None] * len(start)], pa.float32()),
        "start": [False] * len(picked) + [True] * len(start),
    }
    pq.write_table(pa.table(table), path / "selection" / f"{name}.parquet")
    return order[:size]


def _mixture_files(folder, rows, size):
    """README and qads.yaml as a mixture's writer leaves them."""
    patterns = [f"data/part-{number}-{label}-*.parquet" for number, label in enumerate(SEGMENTS, 1)]
    configs = [
        {"config_name": "default", "default": True, "data_files": [{"split": "train", "path": patterns}]}
    ]
    for number, name in enumerate(("10pct", "40pct"), 1):
        files = [{"split": "train", "path": patterns[:number]}]
        configs.append({"config_name": name, "data_files": files})
    card = yaml.safe_dump({"configs": configs}, sort_keys=False)
    (folder / "README.md").write_text(f"---\n{card}---\n# maths-mix\n")
    (folder / "qads.yaml").write_text(yaml.safe_dump({"rows": rows, "subsets": size}))


def _mixture(run, kept):
    tables = {name: run.table(name).take(pa.array(order)) for name, order in kept.items()}
    folder = run.path / "mixture"
    (folder / "data").mkdir(parents=True)
    borders, sizes = [0, 0.1, 0.4, 1], {}
    for number, label in enumerate(SEGMENTS):
        low, high = borders[number : number + 2]
        parts = [
            t.slice(round(low * len(t)), round(high * len(t)) - round(low * len(t))) for t in tables.values()
        ]
        table = pa.concat_tables(parts)
        pq.write_table(table, folder / "data" / f"part-{number + 1}-{label}-00000.parquet")
        sizes[label] = len(table)
    _mixture_files(folder, sum(sizes.values()), {"10pct": sizes["to-10pct"]})


def add_scorers(run: RunFolder) -> None:
    """Put a tiny model and an evaluation into each scorer's folder."""
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    from tests.models import VOCABULARY, tiny_tokenizer

    torch.manual_seed(0)
    for folder in sorted((run.path / "scorer").iterdir()):
        sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
        settings = sizes | {"vocab_size": VOCABULARY, "num_labels": 5, "pad_token_id": 0}
        config = LlamaConfig(**settings, max_position_embeddings=256, qads_template="plain")
        LlamaForSequenceClassification(config).save_pretrained(folder)
        tiny_tokenizer().save_pretrained(folder)
        entry = {"n": 120, "pearson": 0.9, "spearman": 0.8, "reason": None}
        evaluation = {
            "type": "model",
            "base_model": "/home/someone/secret-folder/real-5m",
            "training": {"epochs": 2.0, "learning_rate": 2e-5, "global_batch": 128, "seconds": 41.2},
            "rows": {"given": 900, "trained_on": 765, "held_out": 120, "left_out": {"no real score": 3}},
            "agreement": {"all": entry, "groups": {}, "sources": {"gsm8k": entry}, "length_alone": entry},
        }
        (folder / "evaluation.json").write_text(json.dumps(evaluation))


def add_model(run: RunFolder) -> None:
    """Put a tiny fine-tuned model and its evaluation into a run."""
    from tests.models import tiny_model, tiny_tokenizer

    folder = run.path / "model"
    tiny_model(context=256).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    facts = {"base_model": "/home/someone/secret-folder/real-5m", "rows": 271, "learning_rate": "2e-05"}
    (folder / "training.json").write_text(json.dumps(facts | {"versions": {"torch": "2.13.0"}}))
    (folder / "training_args.bin").write_bytes(b"a pickle that trainers leave")
    results = {"gsm8k": {"accuracy": 0.41, "n": 100, "low": 0.32, "high": 0.51, "dataset": "openai/gsm8k"}}
    gap = {"mean": 0.0123, "low": 0.004, "high": 0.02, "n": 100, "base": -1.3, "model": -1.2877}
    against = {"model": "real-5m", "log_probability": {"gsm8k": gap}}
    (run.path / "evaluation").mkdir()
    (run.path / "evaluation" / "results.json").write_text(
        json.dumps({"results": results, "against": against})
    )
