"""Which files of a folder are read, which are passed over, and when a run has to ask."""

import json

import pytest
from datasets import Dataset, DatasetDict

from hf_qads.errors import SourceError
from hf_qads.repositories.folders import find_files, split_of
from hf_qads.repositories.loading import load_rows
from hf_qads.sources import SourceSpec, read_source


def write(folder, name, rows=1):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(json.dumps({"question": f"{name} {i}", "answer": "a"}) + "\n" for i in range(rows))
    )
    return path


def names(found):
    return [path.name for path in found.files]


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("train.jsonl", "train"),
        ("train-00000-of-00002.parquet", "train"),
        ("gsm8k_test.jsonl", "test"),
        ("test1.jsonl.gz", "test"),
        ("my-pool.validation.part3.csv", "validation"),
        ("dev/data.jsonl", "validation"),
        ("val_v2/part-0.jsonl", "validation"),
        ("unit_test_generation.jsonl", ""),
        ("code_review.jsonl", ""),
        ("contest.jsonl", ""),
        ("train_test.jsonl", ""),
        ("a/b.jsonl", ""),
    ],
)
def test_a_word_tells_a_split_where_it_begins_or_ends_a_name(tmp_path, path, split):
    assert split_of(tmp_path.relative_to(tmp_path) / path) == split


@pytest.mark.parametrize("held_out", ["gsm8k_test.jsonl", "dev.jsonl"])
def test_a_held_out_file_beside_files_that_name_no_split_has_to_be_asked_for(tmp_path, held_out):
    write(tmp_path, "gsm8k.jsonl", 8)
    write(tmp_path, held_out, 3)
    with pytest.raises(SourceError, match=rf"{held_out} \(split .*beside files that name none: gsm8k.jsonl"):
        find_files(str(tmp_path))
    with pytest.raises(SourceError, match="split: train reads those that name none"):
        read_source(SourceSpec(str(tmp_path)), out=tmp_path / "out")
    assert names(find_files(str(tmp_path), "train")) == ["gsm8k.jsonl"]
    assert len(find_files(str(tmp_path), "all").files) == 2


def test_files_that_are_passed_over_are_named_with_their_rows(tmp_path):
    pool = tmp_path / "pool"
    write(pool, "gsm8k.jsonl", 8)
    write(pool, "gsm8k_test.jsonl", 3)
    write(pool, "sub/notes.txt")
    write(pool, "README.md")
    read = read_source(SourceSpec(str(pool), split="train"), out=tmp_path / "out")
    assert read.rows == 8
    assert read.facts["passed_over"] == [
        {"name": "gsm8k_test.jsonl", "why": "split test", "rows": 3},
        {"name": "sub/notes.txt", "why": "unknown format", "rows": None},
    ]


@pytest.mark.parametrize(
    "files", [["code_review.jsonl", "unit_test_generation.jsonl"], ["extra.jsonl", "train.jsonl"]]
)
def test_where_not_all_names_tell_a_split_every_file_is_read(tmp_path, files):
    for name in files:
        write(tmp_path, name)
    found = find_files(str(tmp_path))
    assert names(found) == files
    assert (found.split, found.passed_over) == (None, [])


def test_where_all_names_tell_splits_one_is_read_and_the_others_are_named(tmp_path):
    for name in ("train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl", "test.jsonl", "dev/a.jsonl"):
        write(tmp_path, name)
    found = find_files(str(tmp_path))
    assert len(found.files) == 2
    assert [(one.name, one.why) for one in found.passed_over] == [
        ("dev/a.jsonl", "split validation"),
        ("test.jsonl", "split test"),
    ]


def test_a_folder_of_test_files_alone_is_no_pool_unless_it_is_asked_for(tmp_path):
    write(tmp_path, "test.jsonl")
    with pytest.raises(SourceError, match=r"has the splits \['test'\], none was asked for"):
        find_files(str(tmp_path))
    assert names(find_files(str(tmp_path), "test")) == ["test.jsonl"]
    assert names(find_files(str(tmp_path), usual="test")) == ["test.jsonl"]


def test_a_saved_dataset_with_test_rows_alone_has_to_be_asked_for_too(tmp_path):
    rows = Dataset.from_dict({"question": ["q", "r"], "answer": ["a", "b"]})
    DatasetDict({"test": rows}).save_to_disk(tmp_path / "held")
    with pytest.raises(SourceError, match="none was asked for"):
        find_files(str(tmp_path / "held"))
    DatasetDict({"train": rows, "test": rows.select([0])}).save_to_disk(tmp_path / "both")
    read = read_source(SourceSpec(str(tmp_path / "both")), out=tmp_path / "out")
    assert read.facts["passed_over"] == [{"name": "test", "why": "split test", "rows": 1}]
    assert (
        read_source(SourceSpec(str(tmp_path / "both"), split="all"), out=tmp_path / "all").facts["read"] == 3
    )


def test_what_datasets_caches_beside_its_rows_is_no_data(tmp_path):
    rows = Dataset.from_dict({"question": ["q"], "answer": ["a"]})
    rows.save_to_disk(tmp_path / "saved")
    (tmp_path / "pool").mkdir()
    saved = (tmp_path / "saved" / "data-00000-of-00001.arrow").read_bytes()
    for name in ("data.arrow", "cache-0123456789abcdef.arrow"):
        (tmp_path / "pool" / name).write_bytes(saved)
    found = find_files(str(tmp_path / "pool"))
    assert names(found) == ["data.arrow"]
    assert [one.why for one in found.passed_over] == ["cache of datasets"]


def test_a_repository_names_the_files_that_its_card_leaves_out(tmp_path, one_cache):
    pool = tmp_path / "pool"
    for name, rows in (("a.jsonl", 2), ("held.jsonl", 3), ("more.jsonl", 4), ("small.jsonl", 1)):
        write(pool, name, rows)
    (pool / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n"
        "  - {split: train, path: a.jsonl}\n  - {split: test, path: held.jsonl}\n"
        "- config_name: small\n  data_files:\n  - {split: train, path: 'sma*.jsonl'}\n---\n"
    )
    read = read_source(SourceSpec(str(pool)), out=tmp_path / "out")
    assert read.rows == 2
    assert read.facts["passed_over"] == [
        {"name": "held.jsonl", "why": "split test", "rows": 3},
        {"name": "more.jsonl", "why": "named by no config", "rows": 4},
    ]
    assert load_rows(str(pool)).passed_over == read.facts["passed_over"]
    small = read_source(SourceSpec(str(pool), config="small"), out=tmp_path / "small")
    assert small.rows == 1
    assert [one["name"] for one in small.facts["passed_over"]] == ["more.jsonl"]
