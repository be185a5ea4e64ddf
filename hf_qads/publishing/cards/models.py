"""Cards of models: a scorer, and a model fine-tuned on the mixture."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hf_qads import schema
from hf_qads.publishing.cards.citations import citations
from hf_qads.publishing.cards.common import HERE, CardFigure, card, command, slug
from hf_qads.publishing.cards.escaping import markdown, one_line
from hf_qads.publishing.cards.licences import combine_licences
from hf_qads.publishing.cards.limits import doubt
from hf_qads.publishing.cards.templating import number
from hf_qads.publishing.facts.facts import Facts
from hf_qads.statistics.correlation import Correlations

EXAMPLE: Final = {"question": "What is 2 + 3?", "answer": "2 + 3 = 5. The answer is 5."}


@dataclass(frozen=True)
class ScorerFacts:
    """What is known of a scorer.

    Args:
        name: of its repository, without namespace.
        group: the rows that it serves: a kind, or `all`.
        evaluation: what its `evaluation.json` holds.
        agreement: with measured scores on held-out rows.
        dataset: repository of the scored rows, where there is one.
    """

    name: str
    group: str
    evaluation: Mapping[str, Any]
    agreement: Correlations | None = None
    dataset: str | None = None


@dataclass(frozen=True)
class BenchmarkResult:
    """A benchmark's result of a fine-tuned model: a share in [0, 1] with its 95 % interval."""

    benchmark: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None
    metric: str = "accuracy"
    dataset: str | None = None
    split: str = "test"
    revision: str | None = None


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a fine-tuned model.

    Args:
        name: of its repository, without namespace.
        training: what its `training.json` holds.
        results: of benchmarks.
        adapter: whether it is a PEFT adapter, which needs its base model.
        dataset: repository of the mixture that it was trained on.
        comparison: a Markdown table of strategies, where they were compared.
    """

    name: str
    training: Mapping[str, Any]
    results: Sequence[BenchmarkResult] = ()
    adapter: bool = False
    dataset: str | None = None
    comparison: str = ""
    base: str = ""
    extra_limits: Sequence[str] = field(default_factory=tuple)


def scorer_snippet(repo: str) -> str:
    """Python that scores one row with the scorer at `repo`, or, run in the card's folder, with that one."""
    before = "# run this in the folder that holds this card\n" if repo == HERE else ""
    return (
        f"{before}from hf_qads import QaDSScorer\n\n"
        f'scorer = QaDSScorer.from_pretrained("{repo}")\n'
        f"row = {json.dumps(EXAMPLE)}\n"
        'print(round(float(scorer(row)["qads_score"]), 2))'
    )


def scorer_card(
    facts: Facts,
    scorer: ScorerFacts,
    *,
    repo: str | None = None,
    output: str | None = None,
    figures: Sequence[CardFigure] = (),
) -> str:
    """Card of a scorer or probe.

    Args:
        facts: of the run that trained it.
        scorer: what is known of it.
        repo: the name to load it by; None takes its own.
        output: what the snippet really printed.
        figures: files of the repository to show.
    """
    facts = _served(facts, scorer.group)
    kind = str(scorer.evaluation.get("type", "model"))
    base = one_line(str(scorer.evaluation.get("base_model") or facts.model))
    probe = kind == "probe"
    data: dict[str, Any] = {"library_name": "hf_qads" if probe else "transformers"}
    data["pipeline_tag"] = "text-classification"
    data["license"] = combine_licences(facts.sources).identifier
    data["language"] = _languages(facts)
    data["tags"] = ["hf_qads", "data-selection", "quality-scorer"]
    if "/" in base:
        data["base_model"] = base
    if scorer.dataset and "/" in scorer.dataset:
        data["datasets"] = [scorer.dataset]
    if scorer.agreement:
        data["model-index"] = [_agreement_index(scorer)]
    values = {
        "facts": facts,
        "scorer": scorer,
        "summary": _scorer_summary(facts, scorer, base),
        "snippet": None if probe else scorer_snippet(repo or slug(scorer.name)),
        "output": output,
        "evaluation": scorer.evaluation,
        "rows": scorer.evaluation.get("rows") or {},
        "training": _training(scorer.evaluation.get("training") or {}),
        "sources": _by_source(scorer.evaluation),
        "unknown": ((scorer.evaluation.get("agreement") or {}).get("all") or {}).get("reason"),
        "command": command(facts),
        "figures": figures,
        "limits": _scorer_limits(facts, scorer),
        "licences": combine_licences(facts.sources),
        "citations": citations(facts),
    }
    return card("scorer.md.jinja", {key: value for key, value in data.items() if value}, values)


def _served(facts: Facts, group: str) -> Facts:
    """Facts of the sources that a scorer serves; which of their rows were kept is not its matter."""
    served = [source for source in facts.sources if group in (source.kind, schema.ALL_KINDS)]
    return replace(facts, sources=tuple(replace(source, kept=None, ratio=None) for source in served))


def model_card(facts: Facts, model: ModelFacts, *, repo: str | None = None, output: str | None = None) -> str:
    """Card of a fine-tuned model.

    Args:
        facts: of the run whose mixture it was trained on.
        model: what is known of it.
        repo: the name to load it by; None takes its own.
        output: what the snippet really printed.
    """
    base = one_line(model.base or str(model.training.get("base_model") or facts.model))
    data: dict[str, Any] = {"library_name": "peft" if model.adapter else "transformers"}
    data["pipeline_tag"] = "text-generation"
    data["license"] = combine_licences(facts.sources).identifier
    data["language"] = _languages(facts)
    data["tags"] = ["hf_qads", "sft"]
    if "/" in base:
        data["base_model"] = base
        data["base_model_relation"] = "adapter" if model.adapter else "finetune"
    if model.dataset and "/" in model.dataset:
        data["datasets"] = [model.dataset]
    if model.results:
        data["metrics"] = sorted({result.metric for result in model.results})
        data["model-index"] = [_results_index(model)]
    values = {
        "facts": facts,
        "model": model,
        "base": base,
        "summary": _model_summary(facts, model, base),
        "snippet": model_snippet(repo or slug(model.name)),
        "output": output,
        "training": _training(model.training),
        "command": command(facts),
        "limits": _model_limits(facts, model),
        "licences": combine_licences(facts.sources),
        "citations": citations(facts),
    }
    return card("model.md.jinja", {key: value for key, value in data.items() if value}, values)


def model_snippet(repo: str) -> str:
    """Python that asks the model at `repo` one question, in the form that it was trained on."""
    prompt = "Question: What is 12 + 30?\\nAnswer:"
    return (
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        f'tokenizer = AutoTokenizer.from_pretrained("{repo}")\n'
        f'model = AutoModelForCausalLM.from_pretrained("{repo}")\n'
        f'inputs = tokenizer("{prompt}", return_tensors="pt", return_token_type_ids=False)\n'
        "answer = model.generate(**inputs, max_new_tokens=48, do_sample=False)\n"
        'print(tokenizer.decode(answer[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))'
    )


def evaluation_results(results: Sequence[BenchmarkResult]) -> list[dict[str, Any]]:
    """Entries of the Hub's evaluation-result files (`.eval_results/*.yaml`) for benchmarks on the Hub."""
    return [
        {
            "dataset": {"id": result.dataset, "task_id": result.benchmark}
            | ({"revision": result.revision} if result.revision else {}),
            "value": round(100 * result.value, 2),
            "notes": f"{result.metric} in per cent of {result.n} questions, measured by hf_qads",
        }
        for result in results
        if result.dataset
    ]


def _scorer_summary(facts: Facts, scorer: ScorerFacts, base: str) -> str:
    rows = (scorer.evaluation.get("rows") or {}).get("trained_on")
    served = "rows of every kind" if scorer.group == schema.ALL_KINDS else f"{scorer.group} rows"
    whose = "the demonstration model inside `hf_qads`" if facts.demonstration else markdown(base)
    trained = f", trained on {rows:,} rows whose score was measured with {whose}" if rows else ""
    name = "A linear probe on a model's vectors" if scorer.evaluation.get("type") == "probe" else "A scorer"
    return (
        f"{name} that predicts, from 1 to 5, how much a question with its answer helps a language model as "
        f"an example. It serves {served}{trained}."
    )


def _model_summary(facts: Facts, model: ModelFacts, base: str) -> str:
    rows = model.training.get("rows")
    where = f"`{model.dataset}`" if model.dataset else f"the mixture {markdown(facts.name)}"
    named = "the demonstration model inside `hf_qads`" if facts.demonstration else markdown(base)
    how = "A LoRA adapter of" if model.adapter else "Fine-tuned from"
    return f"{how} {named}, trained on {f'{rows:,} rows of ' if rows else ''}{where}."


_DOUBTS = {
    "against": "It does not agree with measured scores {}: do not use it.",
    "weak": "It agrees weakly with measured scores {}: use only means.",
    "few": "It was compared with too few measured scores {} to say whether it agrees: do not rely on it.",
}


def _scorer_limits(facts: Facts, scorer: ScorerFacts) -> list[str]:
    said = []
    if facts.demonstration:
        said.append("A demonstration scorer, trained on generated problems: never filter real data with it.")
    found = scorer.agreement
    why = doubt(found) if found else None
    if found and why:
        said.append(_DOUBTS[why].format(f"(Pearson {number(found.pearson)}, n = {found.n:,})"))
    said.append(
        "It saw the kinds of rows of its training sources. On other kinds, measure some scores and compare "
        "before you trust it."
    )
    said.append("A high score says that the row helps as an example, not that its answer is right.")
    said.append("A row that does not fit its context gets no score, and a reason.")
    return said


def _model_limits(facts: Facts, model: ModelFacts) -> list[str]:
    said = list(model.extra_limits)
    if facts.demonstration:
        said.append(
            "A demonstration model of a few million weights: it is there to show the way, not to be used."
        )
    if not model.results:
        said.append("It was not evaluated.")
    if (facts.config.get("anchors") or {}).get("allow_benchmark"):
        said.append(
            "Anchors came from a benchmark's test split, so accuracy on that benchmark is no evidence."
        )
    said.append("Like any language model it states wrong things fluently. Check its answers.")
    return said


def _training(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings of a training run that are plain values, as table rows."""
    hidden = (
        "base_model",
        "data",
        "versions",
        "source",
        "left_out",
        "device",
        "seconds",
        "resumed",
        "template",
    )
    rows = []
    for key, value in found.items():
        if key not in hidden and isinstance(value, str | int | float | bool) and value not in ("", "None"):
            shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
            rows.append((one_line(str(key)).replace("_", " "), one_line(shown, 80)))
    return rows


def _by_source(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    agreement = evaluation.get("agreement") or {}
    rows = [{"name": name} | dict(entry) for name, entry in (agreement.get("sources") or {}).items()]
    length = agreement.get("length_alone")
    return [*rows, {"name": "the answer's length alone"} | dict(length)] if length and rows else rows


def _agreement_index(scorer: ScorerFacts) -> dict[str, Any]:
    known = {} if scorer.agreement is None else scorer.agreement.as_dict()
    metrics = [
        {
            "type": f"{name}r",
            "name": f"{name.capitalize()} with measured scores",
            "value": round(known[name], 4),
        }
        for name in ("pearson", "spearman")
        if known.get(name) is not None
    ]
    dataset = {"type": scorer.dataset or "held-out", "name": "held-out rows of the run"}
    task = {"type": "text-classification", "name": "Quality score"}
    return {"name": scorer.name, "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}


def _results_index(model: ModelFacts) -> dict[str, Any]:
    results = [
        {
            "task": {"type": "text-generation", "name": "Mathematical reasoning"},
            "dataset": {
                "type": result.dataset or result.benchmark,
                "name": result.benchmark,
                "split": result.split,
            },
            "metrics": [
                {"type": result.metric, "value": round(100 * result.value, 2), "name": f"{result.metric} (%)"}
            ],
        }
        for result in model.results
    ]
    return {"name": model.name, "results": results}


def _languages(facts: Facts) -> list[str]:
    return sorted({code for source in facts.sources for code in source.languages})
