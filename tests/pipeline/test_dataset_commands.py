"""One step on its own: a file in, a file out."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads.cli import main
from hf_qads.embedded import scorer_path
from tests.models import tiny_rows
from tests.pipeline.conftest import write_rows


def test_score_adds_a_score_to_every_row(tmp_path, capsys):
    rows = write_rows(tmp_path / "rows.jsonl", tiny_rows(5))
    out = tmp_path / "scored.parquet"
    assert main(["score", str(rows), "--scorer", str(scorer_path()), "--out", str(out)]) == 0
    scored = pq.read_table(out)
    assert scored["qads_score"].type == pa.float32()
    assert all(1 <= score <= 5 for score in scored["qads_score"].to_pylist())
    assert "5 rows, 5 scored" in capsys.readouterr().out


@pytest.mark.parametrize("terminal", [True, False])
def test_score_shows_its_own_bar_alone_and_none_in_a_log(tmp_path, terminal):
    rows = write_rows(tmp_path / "rows.jsonl", tiny_rows(5))
    arguments = ["score", str(rows), "--scorer", str(scorer_path()), "--out", str(tmp_path / "out.parquet")]
    code = f"""
import sys
import warnings
sys.stderr.isatty = lambda: {terminal}
from hf_qads.cli import main
sys.exit(main({arguments}))
"""
    shown = {name: value for name, value in os.environ.items() if "PROGRESS_BARS" not in name}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=shown)
    assert ("scoring: 100%" in done.stderr) == terminal
    assert "Loading weights" not in done.stderr


@pytest.fixture
def scored(tmp_path):
    """Forty rows with vectors and scores; the fourth has no score."""
    draw = np.random.default_rng(0)
    scores = draw.uniform(1, 5, 40).astype(np.float32)
    scores[3] = np.nan
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(draw.normal(size=40 * 6).astype(np.float32)), 6)
    questions = [row["question"] for row in tiny_rows(40)]
    table = pa.table({"question": questions, "qads_score": scores, "qads_embedding": vectors})
    pq.write_table(table, tmp_path / "scored.parquet")
    return tmp_path / "scored.parquet"


def test_select_writes_rows_in_rank_order_and_a_smaller_size_is_a_prefix(scored, tmp_path, capsys):
    found = {}
    for size in (5, 12):
        out = tmp_path / f"{size}.parquet"
        assert main(["select", str(scored), "--size", str(size), "--out", str(out)]) == 0
        table = pq.read_table(out)
        assert table["qads_rank"].to_pylist() == list(range(size))
        found[size] = table["question"].to_pylist()
    assert found[12][:5] == found[5]
    assert "1 left out: no score" in capsys.readouterr().out


def test_all_rows_can_be_asked_for(scored, tmp_path):
    out = tmp_path / "all.parquet"
    assert main(["select", str(scored), "--fraction", "1.0", "--out", str(out)]) == 0
    assert len(set(pq.read_table(out)["question"].to_pylist())) == 39


@pytest.mark.parametrize("amount", [["--fraction", "0"], ["--fraction", "1.5"], ["--size", "400"]])
def test_an_amount_that_is_not_there_is_refused(scored, amount, capsys):
    assert main(["select", str(scored), *amount]) == 2
    assert "hf-qads: error:" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["score", "select"])
def test_folders_of_one_name_and_card_give_their_own_rows(command, one_cache, tmp_path):
    card = "---\nconfigs:\n- {config_name: default, data_files: data/*.parquet}\n---\n"
    more = {"score": ["--scorer", str(scorer_path())], "select": ["--size", "5"]}[command]
    found = []
    for run in ("a", "b", "a"):  # the last one with the rows of b in its place
        folder = tmp_path / run / "mixture"
        (folder / "data").mkdir(parents=True, exist_ok=True)
        (folder / "README.md").write_text(card)
        rows = pa.Table.from_pylist(tiny_rows(20, seed=len(found))).select(["question", "answer"])
        vectors = np.random.default_rng(0).normal(size=20 * 4).astype(np.float32)
        rows = rows.append_column("qads_embedding", pa.FixedSizeListArray.from_arrays(pa.array(vectors), 4))
        pq.write_table(rows, folder / "data" / "rows.parquet")
        out = tmp_path / f"{len(found)}.parquet"
        assert main([command, str(folder), *more, "--out", str(out)]) == 0
        found.append(set(pq.read_table(out)["question"].to_pylist()))
        assert found[-1] <= set(rows["question"].to_pylist())
    assert found[0] != found[1] != found[2] != found[0]


def test_plan_counts_the_rows_of_a_config(config_file, capsys):
    assert main(["plan", str(config_file)]) == 0
    told = capsys.readouterr().out
    assert "sums                            60" in told
    assert "How this was estimated" in told


@pytest.mark.parametrize(
    ("strategy", "picked"), [("quality", [4, 1, 2]), ("ifd", [2, 4, 0]), ("random", None), ("kcenter", None)]
)
def test_select_makes_vectors_only_for_strategies_that_look_at_them(tmp_path, strategy, picked):
    rows = pa.Table.from_pylist(tiny_rows(6)).select(["question", "answer"])
    rows = rows.append_column("qads_score", pa.array([1.0, 4.0, 3.0, 2.0, 5.0, None]))
    rows = rows.append_column("ifd", pa.array([0.3, 1.4, 0.9, 0.1, 0.5, 0.2]))
    pq.write_table(rows, tmp_path / "rows.parquet")
    out = tmp_path / "out.parquet"
    asked = ["select", str(tmp_path / "rows.parquet"), "--size", "3", "--strategy", strategy, "--start", "0"]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert main([*asked, *(["--start", "1"] if strategy == "kcenter" else []), "--out", str(out)]) == 0
    assert any("makes their vectors" in str(note.message) for note in told) == (strategy == "kcenter")
    found = pq.read_table(out)["question"].to_pylist()
    if picked is not None:
        assert found == [rows["question"][row].as_py() for row in picked]
