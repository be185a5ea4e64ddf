"""The stage `scorer`: one per kind (or one for all), trained on the rows whose influence was measured."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.config.schema import Config, Scorer
from hf_qads.errors import ScoringError
from hf_qads.pipeline.log_forwarding import INDENT
from hf_qads.pipeline.models import load_to_train
from hf_qads.pipeline.rows import as_dicts, take
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import distributed, files
from hf_qads.runtime.files import read_json
from hf_qads.runtime.models import public_name

FEW_STEPS = 20  # optimizer steps below which a scorer has hardly left where it began


def groups(config: Config, kinds: Mapping[str, str]) -> dict[str, list[str]]:
    """Group of rows that one scorer serves -> its sources: a group per kind, or one for all."""
    found: dict[str, list[str]] = {}
    for source, kind in kinds.items():
        found.setdefault(
            kind if config.scorer and config.scorer.per == "kind" else schema.ALL_KINDS, []
        ).append(source)
    return found


def scored_rows(run: RunFolder, sources: list[str]) -> tuple[list[dict[str, Any]], np.ndarray]:
    """The rows of some sources that were scored for real, and their quality scores (n,)."""
    table = pq.read_table(run.folder("influence") / "scores.parquet", partitioning=None)
    known = dict(zip(table[schema.ROW_ID].to_pylist(), table[schema.INFLUENCE].to_pylist(), strict=True))
    rows: list[dict[str, Any]] = []
    for source in sources:
        ids = run.pool(source, [schema.ROW_ID])[schema.ROW_ID].to_pylist()
        places = [place for place, row_id in enumerate(ids) if known.get(row_id) is not None]
        rows += as_dicts(take(run, source, places))
    scores = np.array([known[row[schema.ROW_ID]] for row in rows], dtype=np.float64)
    finite = np.isfinite(scores)
    return [row for row, good in zip(rows, finite, strict=True) if good], scores[finite]


def _settings(config: Config) -> Mapping[str, Any]:
    return {
        "scorer": None if config.scorer is None else config.scorer.model_dump(),
        "seed": config.seed,
    }


def _work(context: Context, folder: Path) -> Outcome:
    config = context.config
    if config.scorer is None or config.has_precomputed_scores:
        how = "precomputed" if config.has_precomputed_scores else "none: every row is scored for real"
        return Outcome(0, 0, details={"type": how})
    left_out: LeftOut = {}
    details: dict[str, Any] = {"type": config.scorer.type, "groups": {}}
    total = 0
    for group, sources in groups(config, context.run.kinds()).items():
        rows, scores = scored_rows(context.run, sources)
        if len(rows) < 5:
            raise ScoringError(
                f"only {len(rows)} rows of the group {group!r} have a real score, too few to train a scorer. "
                "Raise `prompts`, or set `scorer: null` to score every row for real."
            )
        total += len(rows)
        target = folder / group
        if config.scorer.type == "model":
            _warn_of_few_steps(context, config.scorer, group, len(rows))
        trained = (target / "evaluation.json").exists()
        distributed.barrier()  # all ranks have looked before one writes it
        if not trained:
            _train(context, config.scorer, group, rows, scores, target)
        distributed.barrier()
        evaluation = read_json(target / "evaluation.json")
        if distributed.rank() == 0:
            _write_card(context, group, evaluation, target)
        details["groups"][group] = evaluation["agreement"]["all"]
        gone = evaluation["rows"]["left_out"]
        if gone:
            left_out[group] = gone
    return Outcome(total, total, left_out, details)


def _write_card(context: Context, group: str, evaluation: Mapping[str, Any], folder: Path) -> None:
    """The card that publishing makes, from what is known by now."""
    from hf_qads.publishing.cards.common import HERE
    from hf_qads.publishing.cards.models import ScorerFacts, scorer_card
    from hf_qads.publishing.facts.facts import run_facts

    facts = run_facts(context.run)
    known = ScorerFacts(f"{facts.name}-scorer-{group}", group, evaluation, facts.agreements.get(group))
    files.write_text(folder / "README.md", scorer_card(facts, known, repo=HERE))


def _warn_of_few_steps(context: Context, scorer: Scorer, group: str, rows: int) -> None:
    trained = int(rows * (1 - scorer.held_out))
    steps = math.ceil(math.ceil(trained / scorer.global_batch) * scorer.epochs)
    if steps < FEW_STEPS:
        context.say(
            f"{INDENT}the scorer {group} trains for {steps} steps only ({trained:,} rows, batches of "
            f"{scorer.global_batch}, {scorer.epochs:g} epochs): lower scorer.global_batch, or raise "
            "scorer.epochs or prompts"
        )


def _train(
    context: Context,
    scorer: Scorer,
    group: str,
    rows: list[dict[str, Any]],
    scores: np.ndarray,
    target: Path,
) -> None:
    config = context.config
    if scorer.type == "probe":
        if distributed.rank() != 0:  # one process fits it; a model is trained by all ranks together
            return
        from hf_qads.embedding.vectors import Vectors
        from hf_qads.scoring.probe.training import train_probe

        parts = []
        for source in dict.fromkeys(row[schema.SOURCE] for row in rows):
            ids = [row[schema.ROW_ID] for row in rows if row[schema.SOURCE] == source]
            parts.append(Vectors.open(context.run.folder("vectors") / source).of(ids))
        train_probe(
            np.concatenate(parts).astype(np.float32),
            scores,
            rows=rows,
            folder=target,
            groups=[row[schema.KIND] for row in rows],
            held_out=scorer.held_out,
            labels=scorer.labels,
            base_model=public_name(config.model.name),
            template=config.model.template,
            seed=config.seed,
        )
        return
    from transformers import TrainingArguments

    from hf_qads.scoring.scorer.training import train_scorer
    from hf_qads.training.arguments import Schedule, training_arguments

    model, tokenizer = load_to_train(config.model, device=config.device)
    schedule = Schedule(
        epochs=scorer.epochs, learning_rate=scorer.learning_rate, global_batch=scorer.global_batch
    )
    checkpoints = target.with_name(f".{group}.training")
    train_scorer(
        model,
        tokenizer,
        rows,
        scores,
        folder=target,
        arguments=training_arguments(
            TrainingArguments, checkpoints, schedule=schedule, seed=config.seed, device=config.device
        ),
        template=config.model.template,
        labels=scorer.labels,
        groups=[row[schema.KIND] for row in rows],
        held_out=scorer.held_out,
        base_model=public_name(config.model.name),
        seed=config.seed,
    )
    if distributed.rank() == 0:
        files.remove(checkpoints)


STAGE = Stage("scorer", 1, ("pool", "vectors", "influence"), _settings, _work, shared=True)
