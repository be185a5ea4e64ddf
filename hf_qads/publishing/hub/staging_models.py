"""Model repositories: scorers and probes, and the model fine-tuned on the mixture. Only safetensors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hf_qads.errors import PublishingError
from hf_qads.publishing.cards.common import slug
from hf_qads.publishing.cards.escaping import markdown
from hf_qads.publishing.cards.models import (
    BenchmarkResult,
    ModelFacts,
    ScorerFacts,
    evaluation_results,
    model_card,
    model_snippet,
    scorer_card,
    scorer_snippet,
)
from hf_qads.publishing.cards.snippets import printed
from hf_qads.publishing.cards.templating import number
from hf_qads.publishing.facts.comparison import verdicts
from hf_qads.publishing.facts.gathering import Gathered, place
from hf_qads.publishing.hub.checking import PICKLES
from hf_qads.publishing.hub.privacy import scrub
from hf_qads.repositories.front_matter import yaml_text
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import files

TAKEN: Final = (".safetensors", ".json", ".jinja", ".txt", ".model", ".parquet")


def scorer_groups(run: RunFolder) -> list[str]:
    """Groups that the run trained a scorer or probe for."""
    return [path.name for path in run.scorers() if (path / "evaluation.json").is_file()]


def scorer(gathered: Gathered, folder: Path, name: str, group: str) -> None:
    """A scorer with its evaluation, its held-out rows and the card that shows how far to trust it."""
    made = gathered.run.path / "scorer" / group
    _take(made, folder)
    agreement = gathered.facts.agreements.get(group)
    evaluation = files.read_json(folder / "evaluation.json")
    known = ScorerFacts(name, group, evaluation, agreement, gathered.repos()["scored"])
    figures = gathered.figures(["real_predicted"], folder)
    output = None
    if evaluation.get("type", "model") == "model":
        output = printed(scorer_snippet(name), name, folder)
    text = scorer_card(gathered.facts, known, repo=gathered.repo(name), output=output, figures=figures)
    files.write_text(folder / "README.md", text)


def has_model(run: RunFolder) -> bool:
    """Whether a model was fine-tuned in this run."""
    return any((run.path / "model" / name).is_file() for name in ("config.json", "adapter_config.json"))


def model(gathered: Gathered, folder: Path, name: str, part: str = "") -> None:
    """The fine-tuned model, with the results of its evaluation where there are some."""
    made = gathered.run.path / "model"
    _take(made, folder)
    training = files.read_json(folder / "training.json") if (folder / "training.json").is_file() else {}
    found = results(gathered.run)
    known = ModelFacts(
        name=name,
        training=training,
        results=found,
        adapter=(folder / "adapter_config.json").is_file(),
        dataset=gathered.repos()["mixture"],
        comparison="\n\n".join(filter(None, (against(gathered.run), verdicts(gathered.run)))),
    )
    output = None if known.adapter else printed(model_snippet(name), name, folder)
    if not known.adapter:
        for entry in evaluation_results(found):
            path = folder / ".eval_results" / f"{slug(str(entry['dataset']['task_id']))}.yaml"
            files.write_text(path, yaml_text([entry]))
    card = model_card(gathered.facts, known, repo=gathered.repo(name), output=output)
    files.write_text(folder / "README.md", card)


def results(run: RunFolder) -> list[BenchmarkResult]:
    """Results of the run's evaluation, one per benchmark; empty where none was made."""
    path = run.path / "evaluation" / "results.json"
    if not path.is_file():
        return []
    found = files.read_json(path)
    entries = found.get("results", found) if isinstance(found, Mapping) else found
    listed = entries.items() if isinstance(entries, Mapping) else ((e.get("benchmark"), e) for e in entries)
    return [result for name, entry in listed if (result := _result(str(name), entry)) is not None]


def against(run: RunFolder) -> str:
    """What fine-tuning changed, as Markdown: log-probabilities of right answers before and after."""
    path = run.path / "evaluation" / "results.json"
    found = files.read_json(path) if path.is_file() else {}
    compared = found.get("against") if isinstance(found, Mapping) else None
    if not isinstance(compared, Mapping) or not compared.get("log_probability"):
        return ""
    base = markdown(str(compared.get("model")))
    lines = [f"| Benchmark | {base} | This model | Difference | 95 % interval |", "|---|--:|--:|--:|:-:|"]
    for name, entry in compared["log_probability"].items():
        numbers = [number(entry.get(key), 3) for key in ("base", "model", "mean", "low", "high")]
        lines.append("| {} | {} | {} | {} | {} to {} |".format(markdown(str(name)), *numbers))
    told = "Mean log-probability of the right answers, in nats per token, and the paired difference:"
    return "\n".join([told, "", *lines])


def _result(name: str, entry: Any) -> BenchmarkResult | None:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("accuracy"), int | float):
        return None
    return BenchmarkResult(
        benchmark=name,
        value=float(entry["accuracy"]),
        n=int(entry.get("n") or entry.get("questions") or 0),
        low=entry.get("low"),
        high=entry.get("high"),
        dataset=entry.get("dataset"),
        split=str(entry.get("split") or "test"),
        revision=entry.get("revision"),
    )


def _take(made: Path, folder: Path) -> None:
    """Link a model's files; a pickle is refused, logs and checkpoints stay behind.

    Raises:
        PublishingError: the weights are pickled, or there are none.
    """
    found = [path for path in sorted(made.iterdir()) if path.is_file() and not path.name.startswith(".")]
    weights = [path for path in found if path.suffix == ".safetensors"]
    if not weights:
        pickled = [path.name for path in found if path.suffix in PICKLES]
        what = f"only pickles ({', '.join(pickled)})" if pickled else "no weights"
        raise PublishingError(f"{made.name} holds {what}. Save it with save_pretrained as safetensors.")
    for path in found:
        if path.suffix in TAKEN and path.name != "trainer_state.json":
            place(path, folder / path.name)
            scrub(folder / path.name)
