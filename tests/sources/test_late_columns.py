"""Columns that begin late, in the middle, or in one of many files: nothing of a row is lost."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads.repositories import chunks, jsonlines
from hf_qads.sources import SourceSpec, read_source, units

PLAIN = {"instruction": "i", "output": "o"}
TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
LATE = {
    "input": "more",
    "history": TURNS,
    "final_answer": "7",
    "system": "Be brief.",
}


def rows_of(read):
    shards = sorted(read.folder.glob("part-*.parquet"))
    return pa.concat_tables([pq.read_table(path) for path in shards]).to_pylist()


def write(path, rows):
    form = path.suffix
    if form == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif form == ".json":
        path.write_text(json.dumps(rows))
    else:
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: [row.get(name) for row in rows] for name in names}
        pq.write_table(pa.table(columns), path, row_group_size=50)


def read(path, out):
    return read_source(SourceSpec(str(path)), out=out)


def seen(row):
    """What a row says of each late column."""
    history = row["history"] or []
    return {
        "input": "more" if row["question"].endswith("\n\nmore") else None,
        "history": TURNS if TURNS[0] in history else None,
        "final_answer": row["final_answer"],
        "system": "Be brief." if history[:1] == [{"role": "system", "content": "Be brief."}] else None,
    }


@pytest.mark.parametrize("column", LATE)
@pytest.mark.parametrize("form", ["jsonl", "json"])
@pytest.mark.parametrize("place", ["middle", "end"])
def test_a_column_that_begins_late_in_a_file_is_read(tmp_path, monkeypatch, column, form, place):
    monkeypatch.setattr(chunks, "BATCH_ROWS", 64)
    monkeypatch.setattr(jsonlines.read_lines, "__defaults__", (0, -1, None, (), 4000))
    monkeypatch.setattr("hf_qads.sources.resolving.TAIL_BYTES", 500)
    plain = [{**PLAIN, "instruction": f"plain {i} " + "x" * 40} for i in range(600)]
    late = [{"instruction": f"late {i}", "output": "o", column: LATE[column]} for i in range(3)]
    at = 300 if place == "middle" else 600
    write(tmp_path / f"pool.{form}", plain[:at] + late + plain[at:])
    found = rows_of(read(tmp_path / f"pool.{form}", tmp_path / "out"))
    assert len(found) == 603
    for row in found:
        expected = LATE[column] if row["question"].startswith("late") else None
        assert seen(row)[column] == expected


@pytest.mark.parametrize("column", LATE)
@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_a_column_of_one_of_forty_files_is_read(tmp_path, monkeypatch, column, form):
    monkeypatch.setattr(units, "UNIT_BYTES", 4000)
    (tmp_path / "pool").mkdir()
    for i in range(40):
        more = {column: LATE[column]} if i == 29 else {}
        write(tmp_path / "pool" / f"{i:02d}.{form}", [{"instruction": f"{i}", "output": "o", **more}])
    found = rows_of(read(tmp_path / "pool", tmp_path / "out"))
    assert len(found) == 40
    assert [seen(row)[column] for row in found if row["question"].startswith("29")] == [LATE[column]]
    assert all(seen(row)[column] is None for row in found if not row["question"].startswith("29"))


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_each_file_of_a_folder_is_recognised_for_itself(tmp_path, form):
    (tmp_path / "pool").mkdir()
    files = {
        "a": [{"instruction": f"a{i}", "output": "o"} for i in range(3)],
        "b": [{"instruction": f"b{i}", "input": "more", "output": "o"} for i in range(3)],
        "c": [{"question": f"c{i}", "answer": "o"} for i in range(3)],
        "d": [{"messages": [{"role": "user", "content": f"d{i}"}, *TURNS[1:]]} for i in range(3)],
    }
    for name, rows in files.items():
        write(tmp_path / "pool" / f"{name}.{form}", rows)
    done = read(tmp_path / "pool", tmp_path / "out")
    assert [row["question"] for row in rows_of(done)] == [
        *("a0", "a1", "a2"),
        *("b0\n\nmore", "b1\n\nmore", "b2\n\nmore"),
        *("c0", "c1", "c2"),
        *("d0", "d1", "d2"),
    ]
    assert done.left_out == {}
    said = done.facts["columns"].split("; ")
    assert {"instruction+input/output", "question/answer", "messages"} <= set(said)


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_rows_of_two_conventions_in_one_file_are_all_read(tmp_path, form):
    rows = [{"question": "q", "answer": "a"}, {"instruction": "i", "input": "more", "output": "o"}]
    rows += [{"question": "r", "answer": None}, {"question": None, "answer": None}]
    write(tmp_path / f"pool.{form}", rows)
    done = read(tmp_path / f"pool.{form}", tmp_path / "out")
    assert [row["question"] for row in rows_of(done)] == ["q", "i\n\nmore"]
    assert done.left_out == {"missing answer": 1, "missing question": 1}


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_a_file_without_known_columns_is_left_out_and_counted(tmp_path, form):
    (tmp_path / "pool").mkdir()
    write(tmp_path / "pool" / f"a.{form}", [{"question": "q", "answer": "a"}])
    write(tmp_path / "pool" / f"b.{form}", [{"text": "t"}, {"text": "u"}])
    done = read(tmp_path / "pool", tmp_path / "out")
    assert done.rows == 1
    assert sum(done.left_out.values()) == 2
    assert set(done.left_out) <= {"no question and answer among its columns", "missing question"}


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_turns_with_other_keys_in_a_later_file_are_read(tmp_path, form):
    (tmp_path / "pool").mkdir()
    other = [{"from": "human", "value": "b"}, {"from": "gpt", "value": "2"}]
    write(tmp_path / "pool" / f"a.{form}", [{"messages": [{"role": "user", "content": "a"}, *TURNS[1:]]}])
    write(tmp_path / "pool" / f"b.{form}", [{"messages": other}])
    done = read(tmp_path / "pool", tmp_path / "out")
    assert [(row["question"], row["answer"]) for row in rows_of(done)] == [("a", "Hello"), ("b", "2")]


def test_a_mapping_holds_for_every_file_and_rows_without_its_columns_are_counted(tmp_path):
    (tmp_path / "pool").mkdir()
    write(tmp_path / "pool" / "a.parquet", [{"title": "q", "body": "a", "context": "more"}])
    write(tmp_path / "pool" / "b.parquet", [{"title": "r", "body": "b"}])
    write(tmp_path / "pool" / "c.parquet", [{"question": "s", "answer": "c"}])
    columns = {"question": "title", "answer": "body", "input": "context"}
    spec = SourceSpec(str(tmp_path / "pool"), columns=columns)
    done = read_source(spec, out=tmp_path / "out")
    assert [row["question"] for row in rows_of(done)] == ["q\n\nmore", "r"]
    assert done.left_out == {"no question and answer among its columns": 1}


def test_a_where_column_that_one_file_lacks_is_null_there(tmp_path):
    (tmp_path / "pool").mkdir()
    write(tmp_path / "pool" / "a.parquet", [{"question": "q", "answer": "a", "seen": False}])
    write(tmp_path / "pool" / "b.parquet", [{"question": "r", "answer": "b"}])
    for where, question in (({"seen": False}, "q"), ({"seen": None}, "r")):
        spec = SourceSpec(str(tmp_path / "pool"), where=where)
        done = read_source(spec, out=tmp_path / question)
        assert [row["question"] for row in rows_of(done)] == [question]
        assert done.left_out == {"outside where": 1}


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_rows_that_differ_in_their_system_column_are_no_duplicates(tmp_path, form):
    rows = [
        {**PLAIN, "system": "You translate."},
        {**PLAIN, "system": "You sing."},
        {**PLAIN, "system": " "},
        PLAIN,
    ]
    write(tmp_path / f"pool.{form}", rows)
    done = read(tmp_path / f"pool.{form}", tmp_path / "out")
    assert [row["history"] for row in rows_of(done)] == [
        [{"role": "system", "content": "You translate."}],
        [{"role": "system", "content": "You sing."}],
        None,
    ]
    mapped = SourceSpec(str(tmp_path / f"pool.{form}"), columns={"system": "output"})
    assert rows_of(read_source(mapped, out=tmp_path / "m"))[0]["history"][0]["content"] == "o"


def test_text_that_looks_like_a_date_stays_text_wherever_it_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonlines.read_lines, "__defaults__", (0, -1, None, (), 300))
    rows = [{"question": f"q{i}", "answer": "2024-01-02"} for i in range(40)]
    rows += [{"question": "late", "answer": "x", "final_answer": "2024-01-02T10:00:00"}]
    rows += [
        {
            "messages": [
                {"role": "user", "content": "2024-01-02"},
                {"role": "assistant", "content": "2024-01-03"},
            ]
        }
    ]
    write(tmp_path / "pool.jsonl", rows)
    found = rows_of(read(tmp_path / "pool.jsonl", tmp_path / "out"))
    assert len(found) == 42
    assert {row["answer"] for row in found[:40]} == {"2024-01-02"}
    assert found[40]["final_answer"] == "2024-01-02T10:00:00"
    assert (found[41]["question"], found[41]["answer"]) == ("2024-01-02", "2024-01-03")


def test_large_whole_numbers_beside_decimals_are_not_rounded(tmp_path):
    golds = [2**70, 1152921504606846977, 0.5, 3, "007", -(2**60) - 1, 1.0]
    rows = [{"question": f"q{i}", "answer": "a", "final_answer": gold} for i, gold in enumerate(golds)]
    for form in ("jsonl", "json"):
        write(tmp_path / f"pool.{form}", rows)
        found = rows_of(read(tmp_path / f"pool.{form}", tmp_path / form))
        said = [
            "1180591620717411303424",
            "1152921504606846977",
            "0.5",
            "3",
            "007",
            "-1152921504606846977",
            "1",
        ]
        assert [row["final_answer"] for row in found] == said


def test_binary_columns_are_no_text(tmp_path):
    write(tmp_path / "pool.parquet", [{"question": "q", "answer": "a"}])
    table = pa.table({"question": pa.array([b"q"]), "answer": pa.array(["a"])})
    pq.write_table(pa.concat_tables([table]), tmp_path / "binary.parquet")
    with pytest.raises(Exception, match="1 question is not text"):
        read(tmp_path / "binary.parquet", tmp_path / "out")
