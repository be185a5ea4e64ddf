"""`hf-qads score` and `select` say what is wrong with what they are given, before any work."""

import re

import numpy as np
import pytest

from hf_qads import cli
from hf_qads.embedded import scorer_path
from hf_qads.pipeline import dataset_commands
from hf_qads.selection import STRATEGIES
from tests.models import tiny_rows
from tests.pipeline.conftest import write_rows


@pytest.fixture
def rows(tmp_path):
    return write_rows(tmp_path / "rows.jsonl", tiny_rows(20))


@pytest.fixture
def fails(capfd, tmp_path):
    """Run a command that must fail: its one line of error, with no word of work before it."""

    def run(*arguments):
        before = sorted(tmp_path.rglob("*"))
        assert cli.main([str(argument) for argument in arguments]) == 2
        told = capfd.readouterr()
        assert told.out == ""
        assert told.err.startswith("hf-qads: error: ")
        assert told.err.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return told.err

    return run


@pytest.mark.parametrize("command", [["score"], ["select", "--size", "3"]])
@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", ""), ("a.csv", ""), ("a.jsonl", " \n\n"), ("a.csv", "question,answer\n")],
)
def test_an_empty_file_is_named(fails, tmp_path, command, name, content):
    (tmp_path / name).write_text(content)
    assert f"{name} is empty: it holds no row" in fails(*command, tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--fraction", "1.5"], r"--fraction 1\.5 is outside"),
        (["--size", "-1"], "--size -1 is negative"),
        (["--size", "21"], r"--size 21 but .*rows\.jsonl has 20 rows"),
        (["--size", "3", "--start", "-1"], "--start -1 is negative"),
        (["--size", "3", "--strategy", "nope"], "strategy='nope' is not known. There are: balanced_random, "),
    ],
)
def test_what_is_asked_of_select_is_checked_before_vectors_are_made(fails, rows, arguments, says):
    assert re.search(says, fails("select", rows, *arguments))


@pytest.mark.parametrize("command", [["score"], ["select", "--size", "3"]])
@pytest.mark.parametrize(
    "out", ["rows.jsonl/out.parquet", "out.csv", "folder.parquet", "/proc/none/a.parquet"]
)
def test_an_out_that_cannot_be_written_is_found_first(fails, rows, tmp_path, command, out):
    (tmp_path / "folder.parquet").mkdir()
    assert f"--out {tmp_path / out} " in fails(*command, rows, "--out", tmp_path / out)


def test_a_new_folder_is_made_for_what_is_written(rows, tmp_path):
    out = tmp_path / "new" / "er" / "scored.parquet"
    assert cli.main(["score", str(rows), "--scorer", str(scorer_path()), "--out", str(out)]) == 0
    assert [path.name for path in out.parent.iterdir()] == ["scored.parquet"]


def test_the_note_on_the_embedded_scorer_names_the_option_and_the_rows_it_knows(
    rows, tmp_path, capsys, monkeypatch
):
    monkeypatch.delenv("HF_QADS_SCORER", raising=False)
    with pytest.warns(UserWarning, match="name it with --scorer") as told:
        assert cli.main(["score", str(rows), "--out", str(tmp_path / "out.parquet")]) == 0
    assert "`The answer is 18.`" in str(told[0].message)
    monkeypatch.setenv("HF_QADS_SCORER", str(scorer_path()))
    assert cli.main(["score", str(rows), "--out", str(tmp_path / "out.parquet")]) == 0


def test_select_notes_the_embedded_model_only_where_nobody_asked_for_it(rows, tmp_path):
    asked = ["select", str(rows), "--size", "3", "--out", str(tmp_path / "out.parquet")]
    with pytest.warns(UserWarning, match="--model"):
        assert cli.main(asked) == 0
    assert cli.main([*asked, "--model", "embedded"]) == 0  # warnings are errors


def test_the_help_of_select_names_the_command_that_lists_every_strategy(capsys):
    with pytest.raises(SystemExit):
        cli.main(["select", "--help"])
    assert "hf-qads strategies" in " ".join(capsys.readouterr().out.split())
    cli.main(["strategies"])
    told = capsys.readouterr().out
    assert np.all([name in told for name in STRATEGIES])


def test_each_split_is_written_to_a_file_of_its_own():
    splits = (None, "train", "test[:50%]")
    names = [dataset_commands.default_target("org/chat", split, "scored").name for split in splits]
    assert names == ["chat-scored.parquet", "chat-scored.parquet", "chat-test_50_-scored.parquet"]
