"""Files and folders as they should not be: a clear error, or rows left out and counted."""

import bz2
import gzip
import json
import lzma

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict

from hf_qads.errors import SourceError
from hf_qads.sources import SourceSpec, read_source
from tests.repositories.test_formats import zstd

GOOD = {"question": "q", "answer": "a"}
LINE = json.dumps(GOOD).encode() + b"\n"


def read(path, tmp_path, **settings):
    return read_source(SourceSpec(str(path), **settings), out=tmp_path / "out")


def file(tmp_path, name, content):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def parquet_bytes(tmp_path, table):
    pq.write_table(table, tmp_path / "whole.parquet")
    return (tmp_path / "whole.parquet").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.jsonl", None, "none.jsonl is not there"),
        ("none/*.jsonl", None, r"no file matches .*none/\*.jsonl"),
        ("pool.xlsx", b"x", r"unknown format '.xlsx'. Known are .parquet"),
        ("pool.zip", b"x", r"unknown format '.zip'"),
        ("pool.parquet.gz", gzip.compress(LINE, mtime=0), r"unknown format '.parquet.gz'"),
        ("no.jsonl.gz", LINE, "no.jsonl.gz cannot be read as jsonl: Not a gzipped file"),
        ("cut.jsonl.gz", gzip.compress(LINE * 999, mtime=0)[:-9], "cut.jsonl.gz cannot be read as jsonl"),
        ("cut.jsonl.zst", zstd(LINE * 999)[:-3], "cut.jsonl.zst cannot be read as jsonl"),
        ("cut.csv.xz", lzma.compress(b"question,answer\n" * 999)[:-9], "cut.csv.xz cannot be read as csv"),
        ("cut.jsonl.bz2", bz2.compress(LINE * 999)[:-9], "cut.jsonl.bz2 cannot be read as jsonl"),
        ("empty.jsonl", b"", "is empty: it holds no row"),
        ("blank.jsonl", b"\n\n \n", "is empty: it holds no row"),
        ("empty.json", b"", "is empty"),
        ("empty.json", b"[]", "is empty"),
        ("empty.csv", b"", "is empty"),
        ("header.csv", b"question,answer\n", "is empty"),
        ("empty.parquet", b"", "empty.parquet is not a whole parquet file"),
        ("cut.parquet", b"PAR1 and no more", "cut.parquet is not a whole parquet file"),
        ("cut.json", b'[{"question": "q", "answer": "a"}, {"question": "r', "cut.json is cut or not JSON"),
        ("cut.json", b'[{"question": "q", "answer": "a"}', "cut.json is cut or not JSON"),
        ("odd.json", b'[{"question": "q"} {"question": "r"}]', "'{' stands where a comma was expected"),
        ("half.json", b'{"question": \n', "half.json is cut or not JSON"),
        ("latin.json", '[{"question": "é", "answer": "a"}]'.encode("latin-1"), "cut or not JSON.*utf-8"),
        ("latin.json", '{"question":\n"é", "answer": "a"}'.encode("latin-1"), "cut or not JSON.*utf-8"),
        ("numbers.json", b"[1, 2, 3]", "no readable row"),
        ("text.jsonl", b"once upon\na time\n", "no readable row"),
        ("nul.jsonl", b"\0" * 100, "no readable row"),
        ("utf16.jsonl", LINE.decode().encode("utf-16"), "no readable row"),
        ("twice.csv", b"question,answer,answer\n1,2,3\n", "names a column twice"),
        (
            "columns.jsonl",
            b'{"text": "q"}\n',
            r"columns.jsonl: no question and answer among the columns \['text'\]",
        ),
        ("columns.csv", b"title,body\nq,a\n", r"among the columns \['title', 'body'\]"),
        (
            "all.jsonl",
            b'{"question": "", "answer": "a"}\n' * 3,
            "all 3 rows .* were left out: 3 blank question",
        ),
        (
            "number.jsonl",
            b'{"question": 1, "answer": 2}\n',
            "all 1 rows .* were left out: 1 question is not text",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, content, message):
    path = tmp_path / name if content is None else file(tmp_path, name, content)
    with pytest.raises(SourceError, match=message):
        read(path, tmp_path)


def test_wrong_columns_and_filters_name_what_is_there(tmp_path):
    path = file(tmp_path, "pool.jsonl", LINE)
    with pytest.raises(
        SourceError, match=r"maps question to 'title', which is not among .*\['question', 'answer'\]"
    ):
        read(path, tmp_path, columns={"question": "title"})
    with pytest.raises(SourceError, match=r"where of .* names \['seen'\], found the columns"):
        read(path, tmp_path, where={"seen": False})
    with pytest.raises(SourceError, match=r"all 1 rows .* were left out: 1 outside where"):
        read(path, tmp_path, where={"question": "other"})
    with pytest.raises(SourceError, match=r"name='a/b' of a source may hold letters"):
        read(path, tmp_path, name="a/b")


def test_a_parquet_file_cut_in_the_middle_is_an_error(tmp_path):
    table = pa.table({"question": [f"q{i}" for i in range(5000)], "answer": ["a"] * 5000})
    whole = parquet_bytes(tmp_path, table)
    with pytest.raises(SourceError, match="not a whole parquet file"):
        read(file(tmp_path, "cut.parquet", whole[: len(whole) // 2]), tmp_path)
    torn = whole[:100] + b"\0" * 2000 + whole[2100:]
    with pytest.raises(SourceError, match=r"torn.parquet cannot be read as parquet.*may be cut or damaged"):
        read(file(tmp_path, "torn.parquet", torn), tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "left_out"),
    [
        ("cut.jsonl", LINE + b'{"question": "r", "ans', {"line that is not JSON": 1}),
        (
            "latin.jsonl",
            LINE + '{"question": "é", "answer": "b"}\n'.encode("latin-1"),
            {"line that is not UTF-8": 1},
        ),
        ("nul.jsonl", LINE + b'{"question": "r\\u0000", "answer": "b"}\n', {"text with NUL characters": 1}),
        ("raw.jsonl", LINE + b'{"question": "r\0", "answer": "b"}\n', {"line that is not JSON": 1}),
        (
            "half.jsonl",
            LINE + b'{"question": "\\ud800", "answer": "b"}\n',
            {"text that is not valid Unicode": 1},
        ),
        ("list.jsonl", LINE + b"[1, 2]\n7\n", {"JSON that is not an object": 2}),
        ("types.jsonl", LINE + b'{"question": "r", "answer": 3}\n', {"answer is not text": 1}),
        (
            "types.jsonl",
            LINE + b'{"question": ["r"], "answer": "b"}\n',
            {"conversation is not a list of turns": 1},
        ),
        ("missing.jsonl", LINE + b'{"question": "r"}\n', {"missing answer": 1}),
        ("deep.jsonl", LINE + b"[" * 100_000 + b"\n", {"line that is not JSON": 1}),
        ("cut.csv", b'question,answer\nq,a\n"r,b', {"line that is not CSV": 1}),
        (
            "short.csv",
            b"question,answer\nq,a\nr\ns,b,c\n",
            {"line with more or fewer cells than the header": 2},
        ),
        ("quote.csv", b'question,answer\nq,a\n"r"s,b\n', {"line that is not CSV": 1}),
        ("latin.csv", "question,answer\nq,a\né,b\n".encode("latin-1"), {"text that is not valid Unicode": 1}),
        ("nul.csv", b"question,answer\nq,a\nr\0,b\n", {"text with NUL characters": 1}),
    ],
)
def test_a_damaged_row_is_left_out_with_its_reason(tmp_path, name, content, left_out):
    done = read(file(tmp_path, name, content), tmp_path)
    assert done.rows == 1
    assert done.left_out == left_out
    listed = pq.read_table(done.folder / "left_out.parquet").to_pylist()
    assert sum(left_out.values()) == len(listed)
    assert {row["reason"] for row in listed} == set(left_out)


def test_text_that_is_not_unicode_in_parquet_is_left_out(tmp_path):
    broken = pa.array([b"q", b"\xff\xfe", b"r"]).cast(pa.binary())
    text = pa.Array.from_buffers(pa.string(), 3, broken.buffers())
    pq.write_table(pa.table({"question": text, "answer": ["a", "b", "c"]}), tmp_path / "pool.parquet")
    done = read(tmp_path / "pool.parquet", tmp_path)
    assert done.rows == 2
    assert done.left_out == {"text that is not valid Unicode": 1}


@pytest.mark.parametrize("form", ["jsonl", "json", "csv", "parquet"])
def test_a_megabyte_in_one_cell_is_a_row_and_sixteen_are_too_large(tmp_path, form):
    rows = [{"question": "q", "answer": "é" * 2**19}, {"question": "r", "answer": "x" * 17 * 2**20}]
    path = tmp_path / f"pool.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif form == "json":
        path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    elif form == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        path.write_text("question,answer\n" + "".join(f"{r['question']},{r['answer']}\n" for r in rows))
    done = read(path, tmp_path)
    assert done.rows == 1
    assert done.left_out == {"row with more than 16 MiB of text": 1}
    assert len(pq.read_table(done.folder / "part-00000.parquet")["answer"][0].as_py()) == 2**19


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_a_row_is_measured_in_bytes_with_its_history_whatever_the_format(tmp_path, form):
    turns = [{"role": "user", "content": "x" * 17 * 2**20}, {"role": "assistant", "content": "y"}]
    rows = [
        {"question": "bytes", "answer": "汉" * 6 * 2**20, "history": None},  # 18 MiB
        {"question": "history", "answer": "a", "history": turns},
        {"question": "kept", "answer": "汉" * 5 * 2**20, "history": turns[1:]},
    ]
    path = tmp_path / f"pool.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=1)
    else:
        text = json.dumps(rows) if form == "json" else "".join(json.dumps(row) + "\n" for row in rows)
        path.write_text(text, encoding="utf-8")
    done = read(path, tmp_path)
    assert done.left_out == {"row with more than 16 MiB of text": 2}
    assert pq.read_table(done.folder / "part-00000.parquet")["question"].to_pylist() == ["kept"]


def test_a_byte_order_mark_and_windows_lines_are_no_harm(tmp_path):
    done = read(file(tmp_path, "bom.jsonl", b"\xef\xbb\xbf" + LINE.replace(b"\n", b"\r\n")), tmp_path)
    assert done.rows == 1
    csv = read_source(
        SourceSpec(str(file(tmp_path, "bom.csv", b"\xef\xbb\xbfquestion,answer\r\nq,a\r\n"))),
        out=tmp_path / "csv",
    )
    assert csv.rows == 1


def test_texts_that_look_like_dates_or_numbers_stay_texts(tmp_path):
    lines = b'{"question": "2020-01-01", "answer": "2020-01-02 00:00:00", "final_answer": "2021-01-01"}\n'
    done = read(file(tmp_path, "dates.jsonl", lines), tmp_path)
    row = pq.read_table(done.folder / "part-00000.parquet").to_pylist()[0]
    assert (row["question"], row["answer"]) == ("2020-01-01", "2020-01-02 00:00:00")
    assert row["final_answer"] == "2021-01-01"
    csv = read_source(
        SourceSpec(str(file(tmp_path, "n.csv", b"question,answer\n1,NA\n"))), out=tmp_path / "csv"
    )
    assert pq.read_table(csv.folder / "part-00000.parquet")["answer"].to_pylist() == ["NA"]


def test_a_json_object_may_hold_its_rows_in_a_list_or_by_number(tmp_path):
    held = {"version": 1, "data": [GOOD, {"question": "r", "answer": "b"}]}
    assert read(file(tmp_path, "held.json", json.dumps(held, indent=1).encode()), tmp_path).rows == 2
    numbered = {"1": GOOD, "2": {"question": "r", "answer": "b"}}
    spec = SourceSpec(str(file(tmp_path, "numbered.json", json.dumps(numbered, indent=1).encode())))
    assert read_source(spec, out=tmp_path / "numbered").rows == 2
    single = SourceSpec(str(file(tmp_path, "single.json", json.dumps(GOOD, indent=1).encode())))
    assert read_source(single, out=tmp_path / "single").rows == 1


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    for name in ("b/2.jsonl", "a/1.jsonl", "c.jsonl", ".hidden/x.jsonl"):
        file(tmp_path, f"pool/{name}", json.dumps({"question": name, "answer": "a"}).encode())
    file(tmp_path, "pool/notes.md", b"# Notes")
    done = read(tmp_path / "pool", tmp_path)
    assert done.name == "pool"
    table = pq.read_table(done.folder / "part-00000.parquet")
    assert table["question"].to_pylist() == ["a/1.jsonl", "b/2.jsonl", "c.jsonl"]
    globbed = read_source(SourceSpec(str(tmp_path / "pool" / "*" / "*.jsonl")), out=tmp_path / "glob")
    assert globbed.rows == 2


def test_only_the_train_files_of_a_folder_are_read_unless_another_split_is_named(tmp_path):
    for split in ("train", "test", "validation"):
        file(tmp_path, f"pool/{split}.jsonl", json.dumps({"question": split, "answer": "a"}).encode())
    done = read(tmp_path / "pool", tmp_path)
    assert done.rows == 1
    assert done.facts["split"] == "train"
    assert (
        read_source(SourceSpec(str(tmp_path / "pool"), split="test"), out=tmp_path / "t").facts["split"]
        == "test"
    )
    with pytest.raises(SourceError, match=r"has the splits \['test', 'train', 'validation'\], split='other'"):
        read_source(SourceSpec(str(tmp_path / "pool"), split="other"), out=tmp_path / "o")


def test_folders_without_rows_or_with_two_formats_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no file of a known format"):
        read(tmp_path / "empty", tmp_path)
    file(tmp_path, "mixed/a.jsonl", LINE)
    file(tmp_path, "mixed/b.csv", b"question,answer\nq,a\n")
    with pytest.raises(SourceError, match=r"several or unknown formats: \['csv', 'jsonl'\]"):
        read(tmp_path / "mixed", tmp_path)


def test_a_dataset_that_was_saved_to_disk_is_read(tmp_path):
    data = Dataset.from_dict({"prompt": ["p", "q", "q"], "completion": ["c", "d", "d"]})
    data.select([2, 0]).save_to_disk(tmp_path / "saved")
    done = read(tmp_path / "saved", tmp_path)
    assert pq.read_table(done.folder / "part-00000.parquet")["question"].to_pylist() == ["q", "p"]
    DatasetDict({"train": data, "test": data.select([0])}).save_to_disk(tmp_path / "splits")
    both = read_source(SourceSpec(str(tmp_path / "splits"), split="test"), out=tmp_path / "s")
    assert both.rows == 1
    next((tmp_path / "saved").glob("*.arrow")).unlink()
    with pytest.raises(SourceError, match=r"lacks \['data-00000-of-00001.arrow'\]"):
        read(tmp_path / "saved", tmp_path)


def test_a_bare_name_is_never_a_folder_that_happens_to_be_here(tmp_path, monkeypatch):
    file(tmp_path, "mine/a.jsonl", LINE)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=r"the catalogue holds no mine. Write ./mine for what lies here"):
        read("mine", tmp_path)
    assert read("./mine", tmp_path).name == "mine"


def test_an_output_folder_that_cannot_be_written_is_an_os_error(tmp_path):
    target = file(tmp_path, "taken", b"")
    with pytest.raises(OSError, match="taken"):
        read_source(SourceSpec(str(file(tmp_path, "pool.jsonl", LINE))), out=target / "out")
