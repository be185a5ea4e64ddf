"""Arguments of `recipes/evaluate.py`, from command line and YAML file, and the results that it writes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hf_qads.evaluation import likelihood, tables
from hf_qads.evaluation.benchmarks import BENCHMARKS
from hf_qads.evaluation.evaluating import LOG_PROBABILITY, Evaluated
from hf_qads.generation.engine import Engine
from hf_qads.runtime import files
from hf_qads.runtime.batching import BATCH_TOKENS


def _help(text: str, default: Any = None) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass
class Evaluation:
    """What to evaluate, on what, and how."""

    model: str | None = _help("Folder, Hub id, `embedded`, or a server's name.")
    base: str | None = _help("A second model to compare with.")
    run: str | None = _help("Run folder: RUN/model, and RUN/evaluation.")
    benchmarks: list[str] = field(default_factory=lambda: list(BENCHMARKS), metadata={"help": "Test sets."})
    data: str | None = _help("Folder with NAME.parquet, .jsonl, .csv, ... files.")
    rows: int | None = _help("Take the first so many rows of each test set.")
    shots: int = _help("Solved examples before each question.", 0)
    shots_from: str | None = _help("File of solved rows for the examples.")
    template: str = _help("plain, chat, or {question} ... {answer}.", "plain")
    instruct: bool = _help("Tell the model how to end its answer.", False)
    endpoint: str | None = _help("URL of an OpenAI-compatible API, with /v1.")
    key: str = _help("Environment variable with the API key.", "OPENAI_API_KEY")
    max_new_tokens: int = _help("Most tokens of an answer.", 512)
    batch_tokens: int = _help("Most tokens of a batch.", BATCH_TOKENS)
    dtype: str = _help("Precision of the weights.", "auto")
    device: str | None = _help("Device of the model.")
    seed: int = _help("Seed of the embedded problems.", 0)
    out: str | None = _help("Where results go.")

    def engine(self, model: str) -> Engine | None:
        """The server that answers for `model`, where an endpoint is named."""
        if self.endpoint is None:
            return None
        from hf_qads.generation.server import OpenAIEngine

        return OpenAIEngine(self.endpoint, model, chat=self.template == "chat", key=self.key)


def record(
    found: Mapping[str, Mapping[str, Evaluated]],
    out: Path,
    setting: Evaluation,
    *,
    model: str,
    base: str | None = None,
) -> str:
    """Write `results.json` and `results.md` into `out`, without a local path in them.

    Args:
        found: what was measured of `model` and, where there is one, of `base`.
        out: the folder.
        setting: how.
        model: the model's public name.
        base: that of the model it is compared with.

    Returns:
        what `results.md` holds: the table, and the differences to the base.
    """
    names = {"model": model, "base": base or ""}
    mine = found["model"]
    shown = tables.table(
        {names[role]: [one.score for one in measured.values()] for role, measured in found.items()}
    )
    private = {key: None for key in ("data", "out", "run", "shots_from", "endpoint")}
    facts: dict[str, Any] = {"settings": {**asdict(setting), "model": model, "base": base, **private}}
    facts["results"] = {name: _result(one.score) for name, one in mine.items()}
    if base:
        facts["against"] = {"model": base, "log_probability": {}}
        for name, one in mine.items():
            if LOG_PROBABILITY not in one.values:
                continue
            other = found["base"][name]
            gap = likelihood.paired_difference(other.values[LOG_PROBABILITY], one.values[LOG_PROBABILITY])
            before, after = other.mean(LOG_PROBABILITY), one.mean(LOG_PROBABILITY)
            facts["against"]["log_probability"][name] = asdict(gap) | {"model": after, "base": before}
            shown += (
                f"\n{name}: mean log-probability of the right answers, nats per token: "
                f"{before:.4f} -> {after:.4f}; difference {gap} (paired, 95 %)\n"
            )
    files.write_json(out / "results.json", facts)
    files.write_text(out / "results.md", shown)
    return shown


def _result(one: tables.Score) -> dict[str, Any]:
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
