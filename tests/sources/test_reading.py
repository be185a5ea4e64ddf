import csv
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads import schema
from hf_qads.errors import SourceError
from hf_qads.sources import SourceSpec, read_source, reading, units

ROWS = [
    {"question": "1 + 1?", "answer": "2", "split": "a"},
    {"question": "2 + 2?", "answer": "4", "split": "b"},
    {"question": " ", "answer": "blank", "split": "a"},
    {"question": "1 + 1?", "answer": "2", "split": "b"},
    {"question": "Näive?", "answer": None, "split": "a"},
    {"question": "1 + 1?", "answer": "two", "split": "a"},
]
USABLE = ["1 + 1?", "2 + 2?", "1 + 1?"]
LEFT_OUT = {"blank question": 1, "exact duplicate of an earlier row": 1, "missing answer": 1}


def write(folder, form, rows=ROWS):
    path = folder / f"pool.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    elif form == "jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    elif form == "json":
        path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    else:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), delimiter="," if form == "csv" else "\t")
            writer.writeheader()
            writer.writerows(rows)
    return path


def table(read):
    return pa.concat_tables([pq.read_table(path) for path in sorted(read.folder.glob("part-*.parquet"))])


def questions(read):
    return table(read)["question"].to_pylist()


@pytest.mark.parametrize("form", ["parquet", "jsonl", "json", "csv", "tsv"])
def test_every_format_gives_the_same_rows_and_the_same_reasons(tmp_path, form):
    read = read_source(SourceSpec(str(write(tmp_path, form))), out=tmp_path / "out")
    assert read.name == "pool"
    assert read.kind == "reasoning"
    assert read.rows == 3
    rows = table(read)
    assert rows.schema == schema.ROW_SCHEMA
    assert rows["question"].to_pylist() == USABLE
    assert rows["answer"].to_pylist() == ["2", "4", "two"]
    assert rows["source"].to_pylist() == ["pool"] * 3
    missing = {"blank answer": 1} if form in {"csv", "tsv"} else {"missing answer": 1}
    assert read.left_out == {**{k: v for k, v in LEFT_OUT.items() if k != "missing answer"}, **missing}
    assert read.facts["read"] == 6 == read.rows + sum(read.left_out.values())
    left = pq.read_table(read.folder / "left_out.parquet").to_pylist()
    assert [row["index"] for row in left] == [2, 3, 4]
    assert left[1] == {"index": 3, "reason": "exact duplicate of an earlier row", "question": "1 + 1?"}
    assert left[2]["question"] == "Näive?"


@pytest.mark.parametrize("form", ["parquet", "json"])
def test_row_ids_are_the_hash_of_what_a_row_says(tmp_path, form):
    read = read_source(SourceSpec(str(write(tmp_path, form)), name="mine"), out=tmp_path / "out")
    keys = [schema.content_key(q, a) for q, a in zip(USABLE, ["2", "4", "two"], strict=True)]
    assert table(read)["row_id"].to_pylist() == [schema.row_id("mine", key) for key in keys]


def test_earlier_turns_make_a_row_another_row(tmp_path):
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    rows = [
        {"question": "q", "answer": "a", "history": turns},
        {"question": "q", "answer": "a", "history": None},
    ]
    read = read_source(SourceSpec(str(write(tmp_path, "parquet", rows))), out=tmp_path / "out")
    assert read.rows == 2
    assert table(read)["history"].to_pylist() == [turns, None]
    assert table(read)["row_id"][0].as_py() == schema.row_id("pool", schema.content_key("q", "a", turns))


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ({"split": "a"}, [0, 5]),
        ({"split": ["a", "b"]}, [0, 1, 5]),
        ({"split": "b"}, [1, 3]),
        ({"seen": False}, [1, 3, 5]),
        ({"seen": False, "split": "b"}, [1, 3]),
        ({"n": [0, 1]}, [0, 1]),
    ],
)
@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv"])
def test_where_keeps_the_rows_that_hold_a_value(tmp_path, form, where, kept):
    rows = [{**row, "seen": i % 2 == 0, "n": i} for i, row in enumerate(ROWS)]
    read = read_source(SourceSpec(str(write(tmp_path, form, rows)), where=where), out=tmp_path / "out")
    expected = [ROWS[i]["question"] for i in kept]
    assert questions(read) == expected
    assert read.facts["read"] == 6 == read.rows + sum(read.left_out.values())


def test_a_sample_is_drawn_by_the_seed_and_keeps_the_order(tmp_path):
    path = write(tmp_path, "jsonl", [{"question": f"q{i}", "answer": "a"} for i in range(50)])

    def draw(seed, out):
        return questions(read_source(SourceSpec(str(path), rows=10, seed=seed), out=tmp_path / out))

    first = draw(1, "a")
    assert len(first) == 10
    assert first == sorted(first, key=lambda q: int(q[1:]))
    assert first == draw(1, "b")
    assert first != draw(2, "c")


def test_a_sample_of_more_rows_than_there_are_is_all_of_them(tmp_path):
    read = read_source(SourceSpec(str(write(tmp_path, "jsonl")), rows=100), out=tmp_path / "out")
    assert read.rows == 3
    assert read.facts["rows_asked"] == 100


def test_units_and_processes_do_not_change_what_is_read(tmp_path, monkeypatch):
    rows = [{"question": f"q{i % 700}", "answer": "a" * (i % 7), "k": "é" * (i % 500)} for i in range(1000)]
    path = write(tmp_path, "jsonl", rows)
    whole = read_source(SourceSpec(str(path)), out=tmp_path / "whole")
    monkeypatch.setattr(units, "UNIT_BYTES", 80_000)
    cut = read_source(SourceSpec(str(path)), out=tmp_path / "cut")
    two = read_source(SourceSpec(str(path)), out=tmp_path / "two", processes=2)
    assert len(list(cut.folder.glob("part-*"))) == 5
    assert table(whole).equals(table(cut))
    assert table(whole).equals(table(two))
    assert whole.left_out == cut.left_out == two.left_out
    lists = [pq.read_table(read.folder / "left_out.parquet") for read in (whole, cut, two)]
    assert lists[0].equals(lists[1])
    assert lists[0].equals(lists[2])
    keys = {(row["question"], row["answer"]) for row in rows if row["answer"]}
    assert whole.rows == len(keys)


def test_a_killed_reading_goes_on_from_its_finished_units(tmp_path, monkeypatch):
    path = write(
        tmp_path, "jsonl", [{"question": f"q{i % 70}", "answer": "a", "k": "x" * 100} for i in range(100)]
    )
    monkeypatch.setattr(units, "UNIT_BYTES", 2_000)
    straight = read_source(SourceSpec(str(path)), out=tmp_path / "straight")
    real, read_units = reading.read_unit, []

    def counting(job):
        read_units.append(job.number)
        return real(job)

    def dying(job):
        if job.number == 3:
            raise KeyboardInterrupt
        return counting(job)

    monkeypatch.setattr(reading, "read_unit", dying)
    with pytest.raises(KeyboardInterrupt):
        read_source(SourceSpec(str(path)), out=tmp_path / "killed")
    monkeypatch.setattr(reading, "read_unit", counting)
    resumed = read_source(SourceSpec(str(path)), out=tmp_path / "killed")
    assert read_units[:3] == [0, 1, 2]
    assert read_units.count(0) == 1
    assert table(resumed).equals(table(straight))
    assert resumed.facts == straight.facts
    for one, other in zip(*(sorted(r.folder.iterdir()) for r in (straight, resumed)), strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_finished_folder_is_not_read_again_and_another_spec_starts_over(tmp_path, monkeypatch):
    path = write(tmp_path, "jsonl")
    first = read_source(SourceSpec(str(path)), out=tmp_path / "out")
    with monkeypatch.context() as patched:
        patched.setattr(reading, "read_unit", None)
        assert read_source(SourceSpec(str(path)), out=tmp_path / "out") == first
    other = read_source(SourceSpec(str(path), where={"split": "b"}), out=tmp_path / "out")
    assert other.rows == 2
    assert len(list(other.folder.glob("part-*"))) == 1


def test_facts_name_files_by_hash_and_never_by_path(tmp_path):
    read = read_source(SourceSpec(str(write(tmp_path, "csv")), licence="cc-by-4.0"), out=tmp_path / "out")
    text = (read.folder / "facts.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert json.loads(text) == read.facts
    assert read.facts["files"][0]["name"] == "pool.csv"
    assert len(read.facts["files"][0]["sha256"]) == 64
    assert read.facts["licence"] == "cc-by-4.0"


def test_memory_of_one_unit_does_not_grow_with_its_rows(tmp_path):
    path = tmp_path / "pool.parquet"
    rows = pa.table({"question": [f"q{i}" for i in range(20_000)], "answer": ["a"] * 20_000})
    pq.write_table(rows, path)
    read = read_source(SourceSpec(str(path)), out=tmp_path / "out")
    assert read.rows == 20_000
    assert np.array_equal(table(read)["question"].to_numpy(), rows["question"].to_numpy())


def test_an_empty_name_or_size_is_refused():
    for wrong in (
        {"path_or_name": ""},
        {"path_or_name": "x", "kind": "maths"},
        {"path_or_name": "x", "rows": 0},
    ):
        with pytest.raises(SourceError):
            SourceSpec(**wrong)
