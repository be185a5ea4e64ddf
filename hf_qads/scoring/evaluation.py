"""What a scorer is judged by: `evaluation.json`, `held_out.parquet` and the card beside its weights."""

import json
import re
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


def card(evaluation: Mapping[str, Any], snippet: str) -> str:
    """The model card, from the facts of the evaluation alone."""
    rows, base = evaluation["rows"], evaluation["base_model"]
    head = ["---", "library_name: transformers", "pipeline_tag: text-classification", "tags: [qads, hf_qads]"]
    if evaluation["type"] == "probe":
        head[1:3] = ["library_name: hf_qads"]
    named = f"`{_name(base)}`" if base else "a local model"
    lines = [
        *head,
        "---",
        "# QaDS scorer" + (" (probe)" if evaluation["type"] == "probe" else ""),
        "",
        "Predicts how much a question with its answer helps a language model, shown as an example, to give "
        "the answers of a target set: the quality score of QaDS, as a number in [1, 5].",
        f"Trained on {rows['trained_on']:,} rows scored for real with {named}.",
        "",
        "```python",
        snippet,
        "```",
        "",
        "## Agreement with real scores",
        f"On {rows['held_out']:,} held-out rows, none of whose questions was trained on. "
        "In brackets: 95 % bootstrap interval.",
        "",
        "| rows | n | Pearson | Spearman |",
        "|---|---|---|---|",
        *_table(evaluation["agreement"]),
        "",
        "`length alone` is the correlation of the answer's length with the real score.",
    ]
    if rows["left_out"]:
        told = ", ".join(f"{count:,} {reason}" for reason, count in rows["left_out"].items())
        lines += ["", f"Left out of training and evaluation: {told}."]
    return "\n".join(lines) + "\n"


def _table(found: Mapping[str, Any]) -> list[str]:
    lines = [("all", found["all"])]
    for way in ("groups", "sources"):
        if len(found[way]) > 1:
            lines += [(f"{way[:-1]} {_name(name)}", entry) for name, entry in found[way].items()]
    lines.append(("length alone", found["length_alone"]))
    return [
        f"| {name} | {entry['n']} | {_told(entry, 'pearson')} | {_told(entry, 'spearman')} |"
        for name, entry in lines
    ]


def _told(entry: Mapping[str, Any], name: str) -> str:
    if entry[name] is None:
        return f"unknown ({entry['reason']})"
    return f"{entry[name]:.2f} [{entry[f'{name}_low']:.2f}, {entry[f'{name}_high']:.2f}]"


def _name(text: str) -> str:
    """A name with what could be read as markup replaced."""
    return re.sub(r"[^\w./ -]", "?", text)


def _pair(row: Mapping[str, Any]) -> Pair | None:
    pair = pair_or_reason(row, recognise(row))
    return pair if isinstance(pair, Pair) else None
