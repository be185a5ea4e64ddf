"""The Space's repository: the app, the rows that it shows, and a card."""

import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.publishing.cards.escaping import one_line, visible
from hf_qads.publishing.cards.spaces import space_card
from hf_qads.publishing.cards.templating import count, percent
from hf_qads.publishing.facts.coverage import Curve
from hf_qads.publishing.facts.gathering import Gathered
from hf_qads.publishing.facts.measuring import Measured
from hf_qads.publishing.facts.run_columns import SourceData
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import files

ROWS: Final = 20_000  # rows that the explorer holds, at most
QUESTION: Final = 2_000  # characters of a text that it shows
ANSWER: Final = 4_000
APP: Final = Path(__file__).with_name("explorer.py")
REQUIREMENTS: Final = "numpy>=2\npandas>=2\npyarrow>=20\n"


def space(gathered: Gathered, folder: Path, name: str, part: str = "") -> None:
    """App, data, requirements and card of the Space."""
    prepare(gathered.run, gathered.measured, folder)
    shutil.copyfile(APP, folder / "app.py")
    files.write_text(folder / "requirements.txt", REQUIREMENTS)
    card = space_card(gathered.facts, name=name, dataset=gathered.repos()["scored"])
    files.write_text(folder / "README.md", card)


def prepare(run: RunFolder, measured: Measured, folder: Path, *, seed: int = 0) -> None:
    """Write `rows.parquet` and `explorer.json`, what the app reads.

    Args:
        run: whose rows are shown; of a large pool `ROWS` are drawn, each source by its size.
        measured: the same run in numbers.
        folder: to write to.
        seed: of the draw.

    Cost: one source's texts in memory.
    """
    rng = np.random.default_rng(seed)
    total = sum(len(source.score) for source in measured.sources)
    parts, told = [], []
    for source in measured.sources:
        size = min(len(source.score), max(1, round(ROWS * len(source.score) / max(total, ROWS))))
        chosen = np.sort(rng.choice(len(source.score), size, replace=False))
        parts.append(_rows(run, measured, source, chosen))
        told.append(_source(measured, source))
    table = pa.concat_tables(parts)
    pq.write_table(table, folder / "rows.parquet", compression="zstd")
    facts = measured.facts
    influence = facts.score_column == schema.INFLUENCE
    kept = round(100 * (facts.share or 0)) or 10
    drawn = f"{count(len(table))} of " if len(table) < total else ""
    known = {
        "title": one_line(facts.name, 80),
        "about": "A pool with a quality score for each row, and the order in which rows were picked. Here "
        f"are {drawn}its {count(total)} rows; {count(facts.kept)} ({percent(facts.share)}) were kept.",
        "map": "The rows on the first two principal components of their vectors.",
        "budgets": "What two budgets would keep. The farthest row is the largest distance from a row of the "
        "pool to the nearest kept one; smaller is better covered.",
        "score_range": [0, 1] if influence else [1, 5],
        "share": min(max(kept, 1), 100),
        "strategy": str((facts.config.get("select") or {}).get("strategy", "qads")),
        "sources": told,
    }
    files.write_json(folder / "explorer.json", known)


def _rows(run: RunFolder, measured: Measured, source: SourceData, chosen: np.ndarray) -> pa.Table:
    names = [schema.ROW_ID, schema.QUESTION, schema.ANSWER, schema.GAIN, schema.REASON]
    table = run.table(source.name, names).take(pa.array(chosen))
    vectors = run.vectors(source.name)
    places = np.full((len(chosen), 2), np.nan, dtype=np.float32)
    if measured.map is not None and vectors is not None and len(vectors) == len(source.score):
        places = measured.map.place(vectors[chosen])
    rank = source.rank[chosen]
    return pa.table(
        {
            "row_id": table[schema.ROW_ID],
            "source": pa.array([source.name] * len(chosen)),
            "kind": pa.array([source.kind] * len(chosen)),
            "question": pa.array([visible(text, QUESTION) for text in table[schema.QUESTION].to_pylist()]),
            "answer": pa.array([visible(text, ANSWER) for text in table[schema.ANSWER].to_pylist()]),
            "score": pa.array(source.score[chosen].astype(np.float32)),
            "rank": pa.array(rank, mask=rank < 0),
            "gain": table[schema.GAIN],
            "start": pa.array(source.start[chosen]),
            "kept": pa.array(source.kept[chosen]),
            "reason": table[schema.REASON],
            "x": pa.array(places[:, 0]),
            "y": pa.array(places[:, 1]),
        }
    )


def _source(measured: Measured, source: SourceData) -> dict[str, Any]:
    curve: Curve | None = next((c for c in measured.curves if c.source == source.name), None)
    return {
        "name": source.name,
        "kind": source.kind,
        "rows": len(source.score),
        "ranked": int((source.rank >= 0).sum()),
        "kept": int(source.kept.sum()),
        "budgets": [] if curve is None else curve.budgets.tolist(),
        "largest": [] if curve is None else [float(value) for value in curve.picked],
    }
