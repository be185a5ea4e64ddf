"""Training a scorer on rows that were scored for real."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ScoringError
from hf_qads.rows.rendering import Renderer
from hf_qads.rows.sequences import Sequences, context_length, sequences
from hf_qads.runtime import distributed, files
from hf_qads.scoring.evaluation import TrainedScorer, group_labels, judge, read, record
from hf_qads.scoring.held_out import split
from hf_qads.scoring.scorer.classifier import classifier, with_pad
from hf_qads.scoring.scorer.fitting import Examples, fit
from hf_qads.scoring.scorer.scorer import QaDSScorer

VERSION = 1


def train_scorer(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Mapping[str, Any]],
    scores: Sequence[float] | NDArray[np.floating],
    *,
    folder: Path | str,
    arguments: Any,
    template: str = "plain",
    labels: str = "width",
    groups: Sequence[str] | None = None,
    held_out: float = 0.15,
    lora: Any = None,
    dtype: str = "float32",
    base_model: str | None = None,
    seed: int = 0,
) -> TrainedScorer:
    """Train a scorer on real quality scores and judge it on rows that are held out by question.

    A run that was interrupted goes on from its last whole checkpoint in `arguments.output_dir`. Under
    torchrun or accelerate every rank calls this.

    Args:
        model: a folder, a Hub id, or a causal language model of transformers, whose weights are copied.
        tokenizer: its fast tokenizer.
        rows: (n,) rows that were scored for real.
        scores: (n,) their quality scores in [0, 1]; rows with NaN are left out and counted.
        folder: where the scorer goes, whole or not at all: an ordinary transformers folder with its
            tokenizer, `evaluation.json`, `held_out.parquet` and a model card.
        arguments: transformers' `TrainingArguments`; its `output_dir` must not be `folder`.
        template: `plain`, `chat` or a format string; a model's own `qads_template` holds instead of `plain`.
        labels: `width` or `quantile`, see `labels.edges`.
        groups: (n,) the group of each row, such as its kind; labels are cut within a group.
        held_out: share of the questions in [0, 1) to judge the scorer by, or a number of rows.
        lora: a `peft.LoraConfig`; its weights are merged into the base model's at the end.
        dtype: of the saved weights.
        base_model: name of the base model for the card, a Hub id; never a path.
        seed: of the rows held out, of the head's first weights and of the bootstrap.

    Raises:
        ScoringError: rows and scores do not fit, nothing is left to train on, the base model has no
            sequence classifier, or training did not converge.

    Cost: as the fine-tuning of a classifier on n rows; float32 weights with two AdamW moments.

    Source: section 3.2.
    """
    folder, values = Path(folder), np.asarray(scores, dtype=np.float64)
    if Path(arguments.output_dir).resolve() == folder.resolve():
        raise ScoringError(f"{folder} is meant for the scorer and for checkpoints. Use two folders.")
    named = [str(group) for group in groups] if groups is not None else ["all"] * len(rows)
    if len(named) != len(rows):
        raise ScoringError(f"{len(rows)} rows, but {len(named)} groups. Give one group per row.")
    padding = with_pad(tokenizer)
    network = classifier(model, padding, template=template, seed=seed)
    renderer = Renderer(padding, network.config.qads_template)
    found = sequences(renderer, rows, context=context_length(network.config, padding))
    parts = split(rows, values, held_out=held_out, seed=seed, reasons=found.reasons)
    targets, told = group_labels(values, named, parts, labels)
    examples = Examples([found.ids[i] for i in parts.train], targets - 1, network.config.pad_token_id)
    trained, facts = fit(network, examples, arguments, lora=lora)
    if trained is not None:  # the rank that writes
        facts = {
            "version": VERSION,
            "type": "model",
            "base_model": base_model,
            "template": network.config.qads_template,
            "labels": {"method": labels, "groups": told},
            "training": {**facts, "seed": seed, "lora": lora is not None},
        }
        with files.atomic_path(folder) as temporary:
            scorer = _saved(trained, padding, dtype, temporary, arguments.device)
            _check_reading(scorer, rows, found)
            judgement = judge(
                lambda places: scorer.predict([rows[i] for i in places]),
                rows,
                values,
                groups=named,
                parts=parts,
            )
            record(temporary, facts, judgement, given=len(rows), parts=parts)
    distributed.barrier()
    return TrainedScorer(folder, read(folder), parts.left_out)


def _saved(model: Any, tokenizer: Any, dtype: str, folder: Path, device: Any) -> QaDSScorer:
    """Write model and tokenizer, and open them again as everybody will."""
    import torch

    model.to(getattr(torch, dtype)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    scorer = QaDSScorer(folder, device=device)
    scorer.load()
    return scorer


def _check_reading(scorer: QaDSScorer, rows: Sequence[Mapping[str, Any]], read: Sequences) -> None:
    """Make sure that the saved tokenizer reads rows as the one that was trained with.

    AutoTokenizer may take another class than the one that was saved, by the kind of the model.
    """
    sample = read.kept[:64]
    predictor = scorer.load()
    again = sequences(predictor.renderer, [rows[i] for i in sample], context=predictor.context)
    if any(not np.array_equal(ids, read.ids[i]) for i, ids in zip(sample, again.ids, strict=True)):
        raise ScoringError(
            "AutoTokenizer reads the saved tokenizer otherwise than the one that was trained with "
            f"({type(predictor.renderer.tokenizer).__name__}). Load the tokenizer by "
            "AutoTokenizer.from_pretrained before training."
        )
