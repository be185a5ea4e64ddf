"""Training a probe on rows that were scored for real, and judging it as a scorer is judged."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ScoringError
from hf_qads.runtime import files
from hf_qads.scoring.evaluation import TrainedScorer, group_labels, judge, record
from hf_qads.scoring.held_out import NO_VECTOR, split
from hf_qads.scoring.labels import LEVELS, MIDDLE
from hf_qads.scoring.probe.probe import VERSION, Probe, fit_probe

__all__ = ["Probe", "train_probe"]


def train_probe(
    vectors: NDArray[Any],
    scores: Sequence[float] | NDArray[np.floating],
    *,
    rows: Sequence[Mapping[str, Any]],
    folder: Path | str,
    labels: str = "width",
    groups: Sequence[str] | None = None,
    held_out: float = 0.15,
    base_model: str | None = None,
    template: str = "plain",
    seed: int = 0,
) -> TrainedScorer:
    """Fit a probe on real quality scores and judge it on rows that are held out by question.

    It holds the same rows out as `train_scorer` does with the same rows, `held_out` and `seed`, as long as
    the same rows fit the context, so that the two can be compared.

    Args:
        vectors: (n, d) vectors of the rows; those with NaN are left out and counted.
        scores: (n,) their quality scores in [0, 1]; rows with NaN are left out and counted.
        rows: (n,) the rows, for their questions and sources.
        folder: where the probe goes, whole or not at all, with `evaluation.json`, `held_out.parquet` and a
            card.
        labels: `width` or `quantile`: how a group's scores are spread over [1, 5].
        groups: (n,) the group of each row, such as its kind.
        held_out: share of the questions in [0, 1) to judge the probe by, or a number of rows.
        base_model: name of the model that made the vectors, for the card; never a path.
        template: how the rows were rendered, for the record.
        seed: of the rows held out and of the bootstrap.

    Raises:
        ScoringError: vectors, rows and scores do not fit, or nothing is left to train on.

    Cost: seconds for thousands of vectors; no forward pass.

    Source: section 3.2, with a small head on vectors for the scorer's whole model.
    """
    folder, values = Path(folder), np.asarray(scores, dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) != len(rows):
        raise ScoringError(f"{len(rows)} rows, but vectors of shape {vectors.shape}. Give one per row.")
    named = [str(group) for group in groups] if groups is not None else ["all"] * len(rows)
    known = np.isfinite(np.asarray(vectors, dtype=np.float32)).all(axis=1)
    missing = {int(i): NO_VECTOR for i in np.flatnonzero(~known)}
    parts = split(rows, values, held_out=held_out, seed=seed, reasons=missing)
    began = time.monotonic()
    classes, told = group_labels(values, named, parts, labels)
    targets = _targets(values[parts.train], classes, named, parts.train, told)
    probe = fit_probe(vectors[parts.train], targets, seed=seed)
    seconds = time.monotonic() - began
    facts = {
        "version": VERSION,
        "type": "probe",
        "base_model": base_model,
        "template": template,
        "labels": {"method": labels, "groups": told},
        "training": {
            "head": "kernel" if probe.width else "linear",
            "penalty": probe.penalty,
            "seconds": round(seconds, 2),
            "seed": seed,
        },
    }
    judgement = judge(
        lambda places: (probe.predict(vectors[places]), {}),
        rows,
        values,
        groups=named,
        parts=parts,
    )
    with files.atomic_path(folder) as temporary:
        temporary.mkdir()
        probe.save(temporary, {"base_model": base_model, "template": template})
        written = record(temporary, facts, judgement, given=len(rows), parts=parts)
    return TrainedScorer(folder, written, parts.left_out)


def _targets(
    scores: NDArray[np.float64],
    classes: NDArray[np.int64],
    groups: Sequence[str],
    train: NDArray[np.int64],
    told: Mapping[str, Any],
) -> NDArray[np.float64]:
    """What the probe is to predict, (n,) in [1, 5]: a score keeps its place within its bin."""
    targets = classes.astype(np.float64)
    names = np.asarray(groups, dtype=object)[train]
    for name, cut in told.items():
        mine = names == name
        if cut["all_scores_equal"]:
            targets[mine] = MIDDLE
            continue
        borders = np.asarray(cut["edges"])
        # A bin's middle is its class; quantiles of tied scores may coincide, and then hold no row.
        places = np.interp(scores[mine], borders, np.arange(LEVELS + 1) + 0.5)
        distinct = bool((np.diff(borders) > 0).all())
        targets[mine] = np.clip(places, 1, LEVELS) if distinct else classes[mine]
    return targets
