"""Evaluate a model on the paper's nine test sets, or on the embedded problems against another model.

    python recipes/evaluate.py                                   # the quickstart's model against its base
    python recipes/evaluate.py --config recipes/s_base/evaluate.yaml --run runs/mine
    python recipes/evaluate.py --model org/name --benchmarks gsm8k svamp --data eval/ --rows 200
    python recipes/evaluate.py --model NAME --endpoint http://localhost:8000/v1 --benchmarks gsm8k

Flags win over the YAML file; unknown keys are errors. Results are kept per question in OUT, and a start after
a kill asks only what is left.
"""

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hf_qads.errors import EvaluationError, QaDSError
from hf_qads.evaluation import likelihood, prompts, running, tables
from hf_qads.evaluation.benchmarks import BENCHMARKS, find_benchmark
from hf_qads.evaluation.items import Item, items_of, read_rows
from hf_qads.generation.engine import Engine
from hf_qads.generation.local import TransformersEngine
from hf_qads.generation.server import OpenAIEngine
from hf_qads.rows.rendering import template_of
from hf_qads.runtime import files
from hf_qads.runtime.models import EMBEDDED, fingerprint, load_model, public_name
from hf_qads.runtime.progress import quiet
from hf_qads.training.policy import fail, parse_yaml

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Evaluation:
    """What to evaluate, on what, and how."""

    model: str | None = field(
        default=None, metadata={"help": "Folder, Hub id, `embedded`, or a server's name."}
    )
    base: str | None = field(default=None, metadata={"help": "A second model to compare with."})
    run: str | None = field(default=None, metadata={"help": "Run folder: RUN/model, and RUN/evaluation."})
    benchmarks: list[str] = field(default_factory=lambda: list(BENCHMARKS), metadata={"help": "Test sets."})
    data: str | None = field(
        default=None, metadata={"help": "Folder with NAME.parquet, .jsonl or .csv files."}
    )
    rows: int | None = field(default=None, metadata={"help": "Take the first so many rows of each test set."})
    shots: int = field(default=0, metadata={"help": "Solved examples before each question."})
    shots_from: str | None = field(default=None, metadata={"help": "File of solved rows for the examples."})
    template: str = field(default="plain", metadata={"help": "plain, chat, or {question} ... {answer}."})
    instruct: bool = field(default=False, metadata={"help": "Tell the model how to end its answer."})
    endpoint: str | None = field(
        default=None, metadata={"help": "URL of an OpenAI-compatible API, with /v1."}
    )
    key: str = field(default="OPENAI_API_KEY", metadata={"help": "Environment variable with the API key."})
    max_new_tokens: int = field(default=512, metadata={"help": "Most tokens of an answer."})
    batch_tokens: int = field(default=16384, metadata={"help": "Most tokens of a batch."})
    dtype: str = field(default="auto", metadata={"help": "Precision of the weights."})
    device: str | None = field(default=None, metadata={"help": "Device of the model."})
    seed: int = field(default=0, metadata={"help": "Seed of the embedded problems."})
    out: str | None = field(default=None, metadata={"help": "Where results go."})


def main(argv: list[str]) -> Path:
    """Evaluate, print the table, and return the folder of the results."""
    quiet()
    setting: Evaluation = parse_yaml(
        Evaluation, argv or ["--config", str(ROOT / "recipes/embedded/evaluate.yaml")]
    )
    name = setting.model or (str(Path(setting.run) / "model") if setting.run else None)
    if name is None:
        raise EvaluationError("No model is named. Give --model or --run.")
    run = setting.run or (str(Path(name).parent) if Path(name).name == "model" else None)
    out = Path(
        setting.out or (Path(run) / "evaluation" if run else Path("runs/evaluation") / Path(name).name)
    )
    shots = (
        items_of(read_rows(setting.shots_from), "shots", limit=setting.shots) if setting.shots_from else []
    )
    if setting.shots and len(shots) < setting.shots:
        raise EvaluationError(
            f"shots={setting.shots}, but shots_from holds {len(shots)}. Name a longer file."
        )
    test_sets = {name: test_set(name, setting) for name in setting.benchmarks}
    scores, probabilities = {}, {}
    for role, model in {"model": name, "base": setting.base}.items():
        if model is not None:
            folder = out if role == "model" else out / "base"
            scores[label(model)], probabilities[role] = evaluate(model, setting, test_sets, shots, folder)
    shown = tables.table(scores)
    facts: dict[str, Any] = {"settings": {**asdict(setting), "model": label(name)}}
    facts["settings"] |= {key: None for key in ("data", "out", "run", "shots_from", "endpoint")}
    facts["settings"]["base"] = label(setting.base) if setting.base else None
    facts["results"] = {one.benchmark: result(one) for one in scores[label(name)]}
    if setting.base:
        facts["against"] = {"model": label(setting.base), "log_probability": {}}
        for benchmark in probabilities["model"]:
            first, second = probabilities["base"][benchmark], probabilities["model"][benchmark]
            gap = likelihood.paired_difference(first, second)
            facts["against"]["log_probability"][benchmark] = asdict(gap) | {
                "model": float(np.nanmean(second)),
                "base": float(np.nanmean(first)),
            }
            shown += (
                f"\n{benchmark}: mean log-probability of the right answers, nats per token: "
                f"{np.nanmean(first):.4f} -> {np.nanmean(second):.4f}; difference {gap} (paired, 95 %)\n"
            )
    files.write_json(out / "results.json", facts)
    files.write_text(out / "results.md", shown)
    print(shown)
    print(f"Results: {out}")
    return out


def evaluate(
    name: str, setting: Evaluation, test_sets: dict[str, list[Item]], shots: list[Item], folder: Path
) -> tuple[list[tables.Score], dict[str, Any]]:
    """One model on every test set: its scores, and the log-probabilities of worked answers."""
    engine, model, tokenizer, template = engine_of(name, setting)
    scores, probabilities = [], {}
    for benchmark, items in test_sets.items():
        known = BENCHMARKS.get(benchmark)
        told = known.instruction if known and setting.instruct else None
        asked = [
            prompts.prompt(
                item.question,
                template=template,
                shots=shots[: setting.shots],
                instruction=told,
                tokenizer=tokenizer,
            )
            for item in items
        ]
        results = running.run_benchmark(
            engine,
            items,
            asked,
            benchmark="gsm8k" if benchmark == EMBEDDED else benchmark,
            folder=folder / benchmark,
            max_new_tokens=setting.max_new_tokens,
        )
        cut = sum(one.reason is not None for one in results)
        scores.append(tables.score(benchmark, [one.right for one in results], unfinished=cut))
        if setting.base and model is not None:
            solved = [{"question": item.question, "answer": item.solution or item.gold} for item in items]
            probabilities[benchmark] = likelihood.answer_log_probabilities(
                model, tokenizer, solved, template=template, batch_tokens=setting.batch_tokens
            )
    return scores, probabilities


def engine_of(name: str, setting: Evaluation) -> tuple[Engine, Any, Any, str]:
    """The engine, with model, tokenizer and template where the model runs in this process."""
    if setting.endpoint:
        chat = setting.template == "chat"
        engine = OpenAIEngine(setting.endpoint, name, chat=chat, key=setting.key)
        return engine, None, None, "{question}{answer}" if chat else setting.template
    model, tokenizer = load_model(name, dtype=setting.dtype, device=setting.device)
    identity = f"{label(name)} {fingerprint(name)}"
    local = TransformersEngine(model, tokenizer, batch_tokens=setting.batch_tokens, name=identity)
    return local, model, tokenizer, template_of(model, setting.template)


def test_set(name: str, setting: Evaluation) -> list[Item]:
    """The questions of a test set: embedded, out of the data folder, or by the catalogue."""
    if name == EMBEDDED:
        from hf_qads.embedded import pool

        return items_of(pool.evaluation_rows(setting.rows or 500, setting.seed), "embedded")
    known = find_benchmark(name)
    if setting.data:
        stems = (name, *known.files)
        found = [
            Path(setting.data) / f"{stem}{end}" for stem in stems for end in (".parquet", ".jsonl", ".csv")
        ]
        path = next((path for path in found if path.is_file()), None)
        if path is None:
            raise EvaluationError(
                f"{setting.data} holds no {name}.parquet, .jsonl or .csv. Add it, or leave out data."
            )
        return items_of(read_rows(path), name, limit=setting.rows)
    from hf_qads.sources import SourceSpec, read_source

    cache = Path("runs/evaluation/test_sets") / name
    read_source(SourceSpec(known.source), out=cache)
    rows = [row for path in sorted(cache.glob("part-*.parquet")) for row in read_rows(path)]
    return items_of(rows, name, limit=setting.rows)


def result(one: tables.Score) -> dict[str, Any]:
    """A score as cards read it."""
    known = BENCHMARKS.get(one.benchmark)
    return {
        "accuracy": one.accuracy,
        "n": one.n,
        "low": one.low,
        "high": one.high,
        "unfinished": one.unfinished,
        "dataset": known.hub if known else None,
        "split": "test",
    }


def label(name: str) -> str:
    """A model's name without a local path."""
    return public_name(name)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except QaDSError as error:
        fail(error)
