import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads import runfolder, schema
from hf_qads.errors import RunError
from hf_qads.runfolder import RunFolder, stage_key
from hf_qads.runtime.files import write_text


def line(key="k"):
    return {"key": key, "settings": {}, "details": {"sources": [{"name": "a", "kind": "reasoning"}]}}


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    write_text(folder.path / "config.yaml", "name: x\n")
    return folder


def rows(source, texts):
    made = [
        {
            "row_id": schema.row_id(source, schema.content_key(text, "a")),
            "question": text,
            "answer": "a",
            "source": source,
            "kind": "reasoning",
        }
        for text in texts
    ]
    return pa.Table.from_pylist(made, schema=schema.ROW_SCHEMA)


def test_the_key_changes_with_settings_version_and_needs():
    base = stage_key("vectors", 1, {"a": 1}, {"pool": "x"})
    assert base == stage_key("vectors", 1, {"a": 1}, {"pool": "x"})
    others = {
        stage_key("vectors", 2, {"a": 1}, {"pool": "x"}),
        stage_key("vectors", 1, {"a": 2}, {"pool": "x"}),
        stage_key("vectors", 1, {"a": 1}, {"pool": "y"}),
    }
    assert len({base, *others}) == 4


def test_a_finished_stage_is_known_until_a_file_of_it_changes(run):
    folder = run.begin("pool", "k")
    write_text(folder / "a.txt", "whole")
    run.record("pool", line())
    assert run.finished("pool", "k")
    assert not run.finished("pool", "other")
    (folder / "a.txt").write_text("whol")
    assert run.damaged("pool") == ["pool/a.txt"]
    assert not run.finished("pool", "k")


def test_interrupted_work_is_kept_for_the_same_key_only(run):
    folder = run.begin("vectors", "k")
    write_text(folder / "shard", "done")
    assert (run.begin("vectors", "k") / "shard").exists()
    assert not (run.begin("vectors", "other") / "shard").exists()


def test_a_damaged_result_is_emptied_and_work_on_it_is_kept(run):
    folder = run.begin("vectors", "k")
    write_text(folder / "a", "whole")
    run.record("vectors", line())
    (folder / "a").write_text("whol")
    assert not (run.begin("vectors", "k") / "a").exists()
    write_text(folder / "shard", "done before the kill")
    assert (run.begin("vectors", "k") / "shard").exists()
    run.record("vectors", line())
    (folder / "shard").write_text("damaged a second time")
    assert not (run.begin("vectors", "k") / "shard").exists()


def test_a_ledger_line_cut_by_a_kill_is_passed_over(run):
    run.begin("pool", "k")
    run.record("pool", line())
    with (run.path / "ledger.jsonl").open("a") as ledger:
        ledger.write('{"stage": "vectors", "ke')
    assert [entry["stage"] for entry in run.ledger()] == ["pool"]
    run.begin("vectors", "v")
    run.record("vectors", line("v"))
    assert [entry["stage"] for entry in run.ledger()] == ["pool", "vectors"]


def test_the_table_joins_what_is_known_and_leaves_the_rest_null(run):
    folder = run.begin("pool", "k")
    table = rows("a", ["one", "two", "three"])
    (folder / "a").mkdir()
    pq.write_table(table, folder / "a" / "part-00000.parquet")
    run.record("pool", line())
    (run.path / "scores").mkdir()
    ids = table["row_id"].to_pylist()
    pq.write_table(
        pa.table({"row_id": [ids[2], ids[0]], "qads_score": pa.array([3.0, 1.0], pa.float32()),
                  "qads_reason": pa.array([None, None], pa.string())}),
        run.path / "scores" / "a.parquet",
    )  # fmt: skip
    joined = run.table("a")
    assert run.sources() == ["a"]
    assert joined["qads_score"].to_pylist() == [1.0, None, 3.0]
    assert joined["qads_rank"].null_count == 3
    assert run.vectors("a") is None
    (run.path / "vectors" / "a").mkdir(parents=True)
    np.save(run.path / "vectors" / "a" / "vectors.npy", np.ones((3, 2), np.float32))
    assert run.vectors("a").shape == (3, 2)


def write_rows(run, source, texts, stage="pool"):
    folder = run.begin(stage, "k")
    (folder / source).mkdir(exist_ok=True)
    pq.write_table(rows(source, texts), folder / source / "part-00000.parquet")
    run.record(stage, line())
    return [row.as_py() for row in rows(source, texts)["row_id"]]


def test_only_the_columns_that_are_asked_for_are_read(run, monkeypatch):
    ids = write_rows(run, "a", ["one", "two"])
    (run.path / "scores").mkdir()
    own = pa.table({"row_id": ids[::-1], "my_score": [2.0, 1.0]})
    pq.write_table(own, run.path / "scores" / "a.parquet")
    read = []
    original = pq.read_table
    monkeypatch.setattr(
        pq,
        "read_table",
        lambda path, **asked: read.append(asked["columns"]) or original(path, **asked),
    )
    table = run.table("a", ["my_score", "qads_rank", "source"])
    assert table.to_pydict() == {"my_score": [1.0, 2.0], "qads_rank": [None, None], "source": ["a", "a"]}
    assert read == [["row_id", "source"], ["row_id", "my_score"]]
    with pytest.raises(RunError, match=r"no column 'other' for source 'a', only row_id, .*my_score"):
        run.table("a", ["other"])


def test_a_reason_is_that_of_the_stage_that_makes_the_column(run):
    ids = write_rows(run, "a", ["one", "two"])
    for stage, name, reason in (("influence", "scores", "too long"), ("scores", "a", "no vector")):
        (run.path / stage).mkdir()
        own = pa.table({"row_id": ids[:1], "qads_reason": [reason]})
        pq.write_table(own, run.path / stage / f"{name}.parquet")
    assert run.table("a")["qads_reason"].to_pylist() == ["no vector", None]
    (run.path / "scores" / "a.parquet").unlink()
    assert run.table("a")["qads_reason"].to_pylist() == [None, None]


def test_a_later_stage_that_writes_rows_takes_the_place_of_the_pool(run, monkeypatch):
    monkeypatch.setattr(runfolder, "ROW_STAGES", ("pool", "more"))
    write_rows(run, "a", ["one"])
    assert run.rows_folder("a") == run.path / "pool" / "a"
    write_rows(run, "a", ["one", "two"], stage="more")
    assert run.rows_folder("a") == run.path / "more" / "a"
    assert run.table("a", ["question"])["question"].to_pylist() == ["one", "two"]
    run.record("more", {"key": "none", "details": {}})
    assert run.pool("a")["question"].to_pylist() == ["one"]


def test_a_damaged_file_is_named(run):
    folder = run.begin("pool", "k")
    (folder / "a").mkdir()
    (folder / "a" / "part-00000.parquet").write_bytes(b"PAR1 not whole")
    with pytest.raises(RunError, match=r"part-00000.parquet is damaged"):
        run.pool("a")


def test_a_second_run_in_the_same_folder_is_refused(run):
    code = (
        "import sys; from hf_qads.runfolder import RunFolder\n"
        "with RunFolder(sys.argv[1]).locked(): print('locked')"
    )
    with run.locked():
        second = subprocess.run(
            [sys.executable, "-c", code, run.path], capture_output=True, text=True, check=False
        )
    assert "is in use by another run" in second.stderr
    third = subprocess.run(
        [sys.executable, "-c", code, run.path], capture_output=True, text=True, check=False
    )
    assert third.stdout == "locked\n"


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="is not a run folder"):
        RunFolder.open(tmp_path)
