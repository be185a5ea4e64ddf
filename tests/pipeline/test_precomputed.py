"""Vectors and scores that rows bring are taken as they are."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads.config import loading
from hf_qads.errors import EmbeddingError, ScoringError, SourceError
from hf_qads.pipeline import run as pipeline
from hf_qads.runfolder import RunFolder

N = 400


def table(**columns):
    """Rows whose every seventh answer is blank, and whose last 40 repeat the first 40."""
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(N, 8)).astype(np.float32)
    made = {
        "question": [f"What is {i % 360} + 1?" for i in range(N)],
        "answer": [f"{i % 360 + 1}" if i % 7 else " " for i in range(N)],
        "qads_embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 8),
        "qads_score": pa.array(draw.uniform(1, 5, N).astype(np.float32)),
    }
    return pa.table({**made, **columns})


def write(path, rows):
    if path.suffix == ".parquet":
        pq.write_table(rows, path)
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows.to_pylist()), encoding="utf-8")
    return path


def run(path, out, until="mixture"):
    checked = loading.parse(
        {
            "name": "given",
            "model": "embedded",
            "sources": [str(path)],
            "vectors": "precomputed",
            "scorer": {"type": "precomputed"},
            "select": {"start": 10},
        }
    )
    return pipeline.run(checked, out, until=until, say=lambda line: None)


@pytest.mark.parametrize("name", ["rows.parquet", "rows.jsonl"])
def test_each_row_gets_its_own_vector_and_score_and_the_first_of_duplicates_counts(tmp_path, name):
    raw = table()
    done: RunFolder = run(write(tmp_path / name, raw), tmp_path / "out")
    rows, vectors = done.table("rows"), done.vectors("rows")
    first: dict[str, int] = {}
    for place, (question, answer) in enumerate(zip(raw["question"], raw["answer"], strict=True)):
        if answer.as_py().strip():
            first.setdefault(question.as_py(), place)
    places = [first[question] for question in rows["question"].to_pylist()]
    assert np.array_equal(vectors, np.stack(raw["qads_embedding"].to_pylist())[places].astype(np.float32))
    expected = np.array(raw["qads_score"].to_pylist(), np.float32)[places]
    assert np.array_equal(rows["qads_score"].to_numpy(), expected)
    assert done.line("mixture")["rows_out"] > 0


def test_rows_without_a_vector_or_score_are_left_out_and_counted(tmp_path):
    vectors = table()["qads_embedding"].to_pylist()
    scores = table()["qads_score"].to_pylist()
    vectors[1], scores[2] = None, None
    raw = table(
        qads_embedding=pa.array(vectors, pa.list_(pa.float32())), qads_score=pa.array(scores, pa.float32())
    )
    done = run(write(tmp_path / "rows.parquet", raw), tmp_path / "out", until="selection")
    assert done.line("vectors")["left_out"] == {"rows": {"no precomputed vector": 1}}
    assert done.line("scores")["left_out"] == {"rows": {"no precomputed score": 1}}
    assert done.line("selection")["left_out"] == {"rows": {"no score": 1, "no vector": 1}}


def test_columns_that_do_not_serve_are_refused(tmp_path):
    with pytest.raises(SourceError, match="qads_score"):
        run(write(tmp_path / "a.parquet", table().drop_columns("qads_score")), tmp_path / "a")
    with pytest.raises(ScoringError, match=r"outside \[1, 5\]"):
        run(write(tmp_path / "b.parquet", table(qads_score=pa.array(np.full(N, 9.0)))), tmp_path / "b")
    uneven = pa.array([[1.0] * (3 + i % 2) for i in range(N)], pa.list_(pa.float32()))
    with pytest.raises(EmbeddingError, match="vectors of"):
        run(write(tmp_path / "c.parquet", table(qads_embedding=uneven)), tmp_path / "c")
