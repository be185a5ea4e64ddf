"""Evaluation of a scorer: `evaluation.json` and `held_out.parquet` beside its weights."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hf_qads.rows.columns import Pair, pair_or_reason, recognise
from hf_qads.runtime import files
from hf_qads.schema import KIND, REASON, ROW_ID, SOURCE, content_key, row_id
from hf_qads.scoring.held_out import Split
from hf_qads.scoring.labels import LEVELS, all_equal, cut, edges
from hf_qads.statistics.correlation import correlations

EVALUATION = "evaluation.json"
HELD_OUT = "held_out.parquet"
UNNAMED = "rows"  # the source of rows that name none
HELD_OUT_SCHEMA = pa.schema(
    [
        (ROW_ID, pa.string()),
        (SOURCE, pa.string()),
        (KIND, pa.string()),
        ("group", pa.string()),
        ("real", pa.float32()),
        ("predicted", pa.float32()),
        (REASON, pa.string()),
    ]
)


@dataclass(frozen=True)
class TrainedScorer:
    """A scorer or probe on disk, and what is known of it.

    Attributes:
        folder: where it is.
        evaluation: what `evaluation.json` holds.
        left_out: reason -> rows that were neither trained on nor held out.
    """

    folder: Path
    evaluation: Mapping[str, Any]
    left_out: Mapping[str, int]


def group_labels(
    scores: NDArray[np.float64], groups: Sequence[str], parts: Split, method: str
) -> tuple[NDArray[np.int64], dict[str, Any]]:
    """Labels 1..5 of the rows to train on, cut within each group, and how each group was cut."""
    names = np.asarray(groups, dtype=object)[parts.train]
    labels = np.zeros(len(parts.train), dtype=np.int64)
    told: dict[str, Any] = {}
    for name in dict.fromkeys(names):
        mine = names == name
        borders = edges(scores[parts.train][mine], method)
        labels[mine] = cut(scores[parts.train][mine], method, borders=borders)
        counts = np.bincount(labels[mine], minlength=LEVELS + 1)[1:]
        told[name] = {
            "edges": borders.tolist(),
            "rows": counts.tolist(),
            "all_scores_equal": all_equal(borders),
        }
    return labels, told


@dataclass(frozen=True)
class Judgement:
    """How a scorer did on the held-out rows: agreements, the rows themselves, and its speed."""

    agreement: Mapping[str, Any]
    held_out: pa.Table
    rows_per_second: float | None


def judge(
    predict: Callable[[NDArray[np.int64]], tuple[NDArray[np.float32], Mapping[int, str]]],
    rows: Sequence[Mapping[str, Any]],
    scores: NDArray[np.float64],
    *,
    groups: Sequence[str],
    parts: Split,
) -> Judgement:
    """Compare predicted with real scores on the held-out rows: overall, per group and per source.

    Beside it stands how well the answer's length alone agrees with the real scores: a scorer that does
    no better has learnt nothing but length.

    Args:
        predict: indices of rows -> their scores, NaN with a reason where there is none.
        rows: (n,) all rows.
        scores: (n,) their real scores.
        groups: (n,) the group of each row, within which labels were cut.
        parts: which rows are held out.

    Source: Figures 4 and 6.
    """
    places = parts.held_out
    began = time.monotonic()
    predicted, reasons = predict(places)
    seconds = max(1e-6, time.monotonic() - began)
    asked = [rows[i] for i in places]
    pairs = [_pair(row) for row in asked]
    sources = [str(row.get(SOURCE) or UNNAMED) for row in asked]
    named = [groups[i] for i in places]
    real, found = scores[places], np.asarray(predicted, dtype=np.float64)
    agreements = agreement_by(real, found, {"groups": named, "sources": sources})
    lengths = np.asarray([len(pair.answer) if pair else 0 for pair in pairs], dtype=np.float64)
    agreements["length_alone"] = correlations(real, lengths, names=("real scores", "lengths")).as_dict()
    columns = [
        [_id(*each) for each in zip(asked, pairs, sources, strict=True)],
        sources,
        [row.get(KIND) for row in asked],
        named,
        real.astype(np.float32),
        found.astype(np.float32),
        [reasons.get(place) for place in range(len(asked))],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, HELD_OUT_SCHEMA, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=HELD_OUT_SCHEMA)
    return Judgement(agreements, table, round(len(asked) / seconds, 1) if asked else None)


def agreement_by(
    real: NDArray[Any], predicted: NDArray[Any], parts: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Correlations of predicted with real scores overall, and within each value of several ways to part rows.

    Args:
        real: (n,) real scores.
        predicted: (n,) predicted scores.
        parts: name of a way, such as `source`, to the part that each row belongs to, (n,).

    Returns:
        `{"all": ..., way: {part: ...}}`, each a `Correlations` as a mapping.
    """
    names = ("real scores", "predicted scores")
    found: dict[str, Any] = {"all": correlations(real, predicted, names=names).as_dict()}
    for way, values in parts.items():
        column = np.asarray(values, dtype=object)
        found[way] = {
            value: correlations(real[column == value], predicted[column == value], names=names).as_dict()
            for value in dict.fromkeys(values)
        }
    return found


def record(
    folder: Path,
    facts: Mapping[str, Any],
    judgement: Judgement,
    *,
    given: int,
    parts: Split,
) -> dict[str, Any]:
    """Write evaluation and held-out rows into a scorer's folder; returns the evaluation."""
    counts = {"given": given, "trained_on": len(parts.train), "held_out": len(parts.held_out)}
    evaluation = {
        **facts,
        "rows": {**counts, "left_out": parts.left_out},
        "agreement": judgement.agreement,
        "rows_per_second": judgement.rows_per_second,
    }
    files.write_json(folder / EVALUATION, evaluation)
    pq.write_table(judgement.held_out, folder / HELD_OUT)
    return evaluation


def read(folder: Path) -> dict[str, Any]:
    """What a scorer's `evaluation.json` holds."""
    found: dict[str, Any] = json.loads((folder / EVALUATION).read_text(encoding="utf-8"))
    return found


def _id(row: Mapping[str, Any], pair: Pair | None, source: str) -> str:
    if row.get(ROW_ID) or pair is None:
        return str(row.get(ROW_ID) or "")
    return row_id(source, content_key(pair.question, pair.answer, pair.history))


def _pair(row: Mapping[str, Any]) -> Pair | None:
    pair = pair_or_reason(row, recognise(row))
    return pair if isinstance(pair, Pair) else None
