"""One loader: what a file or folder holds is the same for every command."""

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value

from hf_qads import cli
from hf_qads.embedded import scorer_path
from hf_qads.errors import QaDSError, SourceError
from hf_qads.evaluation.items import items_of
from hf_qads.evaluation.items import read_rows as read_test_set
from hf_qads.repositories import jsonlines, loading
from hf_qads.repositories.loading import load_rows, read_rows
from hf_qads.training.mixture import load_mixture
from tests.repositories.test_formats import FORMS, ROWS

pytestmark = pytest.mark.usefixtures("one_cache")


def lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("name", FORMS)
def test_every_form_loads_alike_for_scores_for_training_and_as_a_test_set(tmp_path, name):
    FORMS[name](tmp_path / name)
    path = str(tmp_path / name)
    assert load_rows(path).data.to_list() == ROWS
    assert load_mixture(path).to_list() == ROWS
    assert read_rows(path) == read_test_set(path) == ROWS


def test_ranks_that_ask_for_the_same_file_at_once_all_get_it_and_one_converts_it(tmp_path, monkeypatch):
    path = lines(tmp_path / "rows.jsonl", ROWS)
    convert, calls, start = loading._convert, [], Barrier(4)

    def slowly(*given):
        calls.append(given)
        time.sleep(0.2)
        return convert(*given)

    def ask(_):
        start.wait()
        return load_rows(str(path)).data.to_list()

    monkeypatch.setattr(loading, "_convert", slowly)
    with ThreadPoolExecutor(4) as ranks:
        assert list(ranks.map(ask, range(4))) == [ROWS] * 4
    assert len(calls) == 1


def test_a_folder_with_a_compressed_file_is_read_whole(tmp_path):
    lines(tmp_path / "pool/a.jsonl", ROWS)
    (tmp_path / "pool/b.jsonl.gz").write_bytes(gzip.compress((tmp_path / "pool/a.jsonl").read_bytes()))
    assert len(load_rows(str(tmp_path / "pool")).data) == len(load_mixture(str(tmp_path / "pool"))) == 10


def test_saved_datasets_load_by_split_and_slice(tmp_path):
    rows = Dataset.from_list(ROWS)
    DatasetDict({"train": rows, "test": rows.select([0])}).save_to_disk(tmp_path / "saved")
    saved = str(tmp_path / "saved")
    loaded = load_rows(saved)
    assert (loaded.data.to_list(), loaded.notes) == (ROWS, ["passed over: test (1 rows, split test)"])
    assert len(load_rows(saved, split="test").data) == 1
    assert load_rows(saved, split="train[1:3]").data.to_list() == ROWS[1:3]
    assert load_rows(saved, split="train[-1:]").data.to_list() == ROWS[-1:]
    assert len(load_rows(saved, split="train[:40%]").data) == 2
    with pytest.raises(SourceError, match="is no slice"):
        load_rows(saved, split="train[x]")


@pytest.mark.parametrize("door", [load_rows, load_mixture])
def test_a_held_out_file_has_to_be_asked_for_at_every_door(tmp_path, door):
    lines(tmp_path / "pool/gsm8k.jsonl", ROWS)
    lines(tmp_path / "pool/gsm8k_test.jsonl", ROWS[:1])
    with pytest.raises(QaDSError, match=r"gsm8k_test.jsonl \(split test\), beside"):
        door(str(tmp_path / "pool"))


def test_text_stays_text_and_numbers_stay_exact(tmp_path):
    golds = [2**70, 2**60 + 1, 0.5, "2024-01-02"]
    rows = [{"question": "2024-01-02", "answer": "a", "final_answer": gold} for gold in golds]
    path = lines(tmp_path / "a.jsonl", rows)
    loaded = load_rows(str(path)).data
    said = ["1180591620717411303424", "1152921504606846977", "0.5", "2024-01-02"]
    assert loaded["question"][:] == ["2024-01-02"] * 4
    assert loaded["final_answer"][:] == said
    assert [item.gold for item in items_of(read_rows(path), "mine")] == said


def test_large_whole_numbers_and_decimals_in_different_pieces_do_not_meet_in_a_float(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonlines.read_lines, "__defaults__", (0, -1, None, (), 200))
    rows = [{"question": f"q{i}", "answer": "a", "n": 2**60 + 1 if i < 20 else 0.5} for i in range(40)]
    loaded = load_rows(str(lines(tmp_path / "a.jsonl", rows))).data
    assert set(loaded["n"][:]) == {"1152921504606846977", "0.5"}
    small = [{**row, "n": i if i < 20 else 0.5} for i, row in enumerate(rows)]
    assert load_rows(str(lines(tmp_path / "b.jsonl", small))).data["n"][:] == [*range(20), *[0.5] * 20]


def test_columns_that_begin_late_or_differ_by_file_are_all_there(tmp_path):
    lines(tmp_path / "pool/a.jsonl", [{"messages": [{"role": "user", "content": "q"}], "n": 1}])
    lines(tmp_path / "pool/b.jsonl", [{"messages": [{"from": "human", "value": "r"}], "tag": "x", "n": 0.5}])
    lines(tmp_path / "pool/c.jsonl", [{"question": "s", "answer": "t", "tag": ["y"], "n": None}])
    loaded = load_rows(str(tmp_path / "pool")).data
    assert set(loaded.column_names) == {"messages", "n", "tag", "question", "answer"}
    assert loaded[1]["messages"][0]["value"] == "r"
    assert loaded["n"][:] == [1.0, 0.5, None]
    assert loaded["tag"][:] == [None, "x", '["y"]']


def test_cells_of_csv_are_numbers_only_where_the_whole_column_is_and_never_in_texts(tmp_path):
    (tmp_path / "a.csv").write_text(
        "question,answer,final_answer,qads_score,id,n\n1,2,007,1.5,01,3\n2,3,1.50,,02,\n3,4,5,4,3,12\n"
    )
    loaded = load_rows(str(tmp_path / "a.csv")).data
    assert loaded["final_answer"][:] == ["007", "1.50", "5"]
    assert loaded["question"][:] == ["1", "2", "3"]
    assert loaded["qads_score"][:] == [1.5, None, 4.0]
    assert loaded["id"][:] == ["01", "02", "3"]
    assert loaded["n"][:] == [3, None, 12]


def test_what_datasets_wrote_about_columns_of_parquet_is_kept(tmp_path):
    features = Features(
        {
            "question": Value("string"),
            "label": ClassLabel(names=["no", "yes"]),
            "v": List(Value("float32"), length=2),
        }
    )
    rows = Dataset.from_dict({"question": ["q"], "label": [1], "v": [[0.5, 1.0]]}, features=features)
    rows.to_parquet(tmp_path / "a.parquet")
    loaded = load_rows(str(tmp_path / "a.parquet")).data
    assert loaded.features == features
    assert loaded.to_list() == rows.to_list()
    assert np.asarray(loaded.with_format("numpy")["v"]).shape == (1, 2)


def test_rows_that_cannot_be_read_are_counted_and_stop_a_test_set(tmp_path):
    path = lines(tmp_path / "a.jsonl", [*ROWS, "{broken\n", "7\n"])
    loaded = load_rows(str(path))
    assert len(loaded.data) == 5
    assert loaded.left_out == {"line that is not JSON": 1, "JSON that is not an object": 1}
    assert "1 rows left out: line that is not JSON" in loaded.notes
    with pytest.raises(SourceError, match=r"2 rows of .* cannot be read \(the first is row 5: line that is"):
        read_rows(path)


def test_files_are_converted_once_until_they_change(tmp_path):
    path = lines(tmp_path / "a.jsonl", ROWS)
    first = load_rows(str(path)).data
    assert load_rows(str(path)).data.cache_files == first.cache_files
    lines(path, ROWS[:2])
    assert len(load_rows(str(path)).data) == 2
    assert len(first) == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [("none.jsonl", "is not there"), ("a/b/c", "is not there"), ("cut.parquet", "cannot be read as parquet")],
)
def test_what_cannot_be_loaded_says_why(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "whole.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "whole.parquet").read_bytes()[:-9])
    with pytest.raises(SourceError, match=message):
        load_rows(name)
    with pytest.raises(SourceError, match="has no config 'x'"):
        load_rows("whole.parquet", config="x")


def test_a_command_says_what_it_passed_over(tmp_path, capsys):
    lines(tmp_path / "pool/train.jsonl", [*ROWS, "{broken\n"])
    lines(tmp_path / "pool/test.jsonl", ROWS[:2])
    out = ["--scorer", str(scorer_path()), "--out", str(tmp_path / "o.parquet")]
    assert cli.main(["score", str(tmp_path / "pool"), *out]) == 0
    said = capsys.readouterr().out
    assert "5 rows, 5 scored" in said
    assert "1 rows left out: line that is not JSON" in said
    assert "passed over: test.jsonl (2 rows, split test)" in said
