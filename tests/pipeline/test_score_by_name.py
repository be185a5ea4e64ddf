"""`hf-qads score --score NAME`: further scores of any dataset, from the command line."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from hf_qads.cli import main
from tests.models import tiny_rows
from tests.pipeline.conftest import write_rows


@pytest.fixture
def rows(tmp_path):
    return write_rows(tmp_path / "rows.jsonl", tiny_rows(12, seed=5))


def test_a_score_is_added_with_its_reasons(rows, model_folder, tmp_path, capsys):
    long = {"question": "What?", "answer": "word " * 2000}
    with rows.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(long) + "\n")
    out = tmp_path / "out.parquet"
    assert main(["score", str(rows), "--score", "ifd", "--model", str(model_folder), "--out", str(out)]) == 0
    table = pq.read_table(out)
    assert np.isfinite(table["ifd"].to_numpy()).sum() == 12
    assert table["ifd_reason"].to_pylist()[-1] == "longer than the context of 512 tokens"
    told = capsys.readouterr().out
    assert "13 rows, 12 scored by ifd" in told
    assert "1 rows have no score: longer than the context of 512 tokens" in told


def test_options_are_taken_and_a_score_with_vectors_makes_them(rows, model_folder, tmp_path):
    out = tmp_path / "out.parquet"
    flags = ["--score", "wici", "--option", "probes=2", "--model", str(model_folder), "--out", str(out)]
    assert main(["score", str(rows), *flags]) == 0
    assert np.isfinite(pq.read_table(out)["wici"].to_numpy()).all()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--score", "ifd"], "reads a language model. Name it with --model"),
        (["--score", "none", "--model", "embedded"], "score 'none' is not known"),
        (["--score", "ifd", "--model", "embedded", "--option", "rate=1"], "has no option 'rate'"),
        (["--score", "ifd", "--model", "embedded", "--option", "rate"], "not of the form KEY=VALUE"),
        (["--score", "ifd", "--scorer", "x"], "name two scores"),
        (["--model", "embedded"], "belong to --score"),
    ],
)
def test_wrong_use_is_one_line(rows, capsys, flags, message):
    assert main(["score", str(rows), *flags]) == 2
    assert message in capsys.readouterr().err


def test_scores_are_listed(capsys):
    assert main(["scores"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told] == [
        "answer_tokens",
        "deita",
        "ifd",
        "perplexity",
        "reward",
        "wici",
    ]
    assert "needs a language model, vectors" in told[-1]
