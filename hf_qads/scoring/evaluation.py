"""What a scorer is judged by: `evaluation.json`, `held_out.parquet` and the card beside its weights."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hf_qads import files
from hf_qads.pairs import Pair, pair_or_reason, recognise
from hf_qads.schema import KIND, REASON, ROW_ID, SOURCE, content_key, row_id
from hf_qads.scoring.agreement import agreement, agreement_by
from hf_qads.scoring.held_out import Split
from hf_qads.scoring.labels import LEVELS, all_equal, cut, edges
from hf_qads.scoring.scorer_card import card

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


def judge(
    rows: Sequence[Mapping[str, Any]],
    real: NDArray[np.floating],
    predicted: NDArray[np.floating],
    *,
    groups: Sequence[str],
    reasons: Mapping[int, str],
    seed: int,
) -> tuple[dict[str, Any], pa.Table]:
    """Compare predicted with real scores on held-out rows: overall, per group and per source.

    Beside it stands how well the answer's length alone agrees with the real scores: a scorer that does
    no better has learnt nothing but length.

    Args:
        rows: (n,) the held-out rows.
        real: (n,) their real scores.
        predicted: (n,) the scorer's, NaN where it gave none.
        groups: (n,) the group of each row, within which labels were cut.
        reasons: index -> why there is no predicted score.
        seed: of the bootstrap.

    Returns:
        the agreements, and the table that goes into `held_out.parquet`.

    Source: Figures 4 and 6.
    """
    x, y = np.asarray(real, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    pairs = [_pair(row) for row in rows]
    sources = [str(row.get(SOURCE) or UNNAMED) for row in rows]
    lengths = np.asarray([len(pair.answer) if pair else 0 for pair in pairs], dtype=np.float64)
    found = agreement_by(x, y, {"groups": groups, "sources": sources}, seed=seed)
    found["length_alone"] = agreement(x, lengths, seed=seed).as_dict()
    ids = [
        str(
            row.get(ROW_ID)
            or (row_id(source, content_key(pair.question, pair.answer, pair.history)) if pair else "")
        )
        for row, pair, source in zip(rows, pairs, sources, strict=True)
    ]
    kinds = [row.get(KIND) for row in rows]
    texts = [reasons.get(place) for place in range(len(rows))]
    columns = [ids, sources, kinds, list(groups), x.astype(np.float32), y.astype(np.float32), texts]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, HELD_OUT_SCHEMA, strict=True)]
    return found, pa.Table.from_arrays(arrays, schema=HELD_OUT_SCHEMA)


def write(folder: Path, evaluation: Mapping[str, Any], held_out: pa.Table, *, snippet: str) -> None:
    """Write evaluation, held-out rows and card into a scorer's folder."""
    files.write_json(folder / EVALUATION, evaluation)
    pq.write_table(held_out, folder / HELD_OUT)
    files.write_text(folder / "README.md", card(evaluation, snippet))


def read(folder: Path) -> dict[str, Any]:
    """What a scorer's `evaluation.json` holds."""
    found: dict[str, Any] = json.loads((folder / EVALUATION).read_text(encoding="utf-8"))
    return found


def _pair(row: Mapping[str, Any]) -> Pair | None:
    pair = pair_or_reason(row, recognise(row))
    return pair if isinstance(pair, Pair) else None
