"""Every form in which rows are written down is read alike."""

import bz2
import gzip
import json
import lzma

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads.repositories.chunks import count_rows
from hf_qads.repositories.formats import format_of, stem_of, suffix_of
from hf_qads.sources import SourceSpec, read_source

ROWS = [{"question": f"{i} + {i}?", "answer": f"é{2 * i}"} for i in range(5)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
TABLE = pa.Table.from_pylist(ROWS)


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


PACKED = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}


def cells(delimiter):
    lines = ["question,answer", *(f"{row['question']},{row['answer']}" for row in ROWS)]
    return "\n".join(line.replace(",", delimiter) for line in lines).encode()


def parquet(path):
    pq.write_table(TABLE, path)


def arrow_file(path):
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=2)


def arrow_stream(path):
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=2)


def document(value, indent=None):
    return lambda path: path.write_text(json.dumps(value, indent=indent), encoding="utf-8")


def content(data):
    return lambda path: path.write_bytes(data)


COLUMNS = {name: [row[name] for row in ROWS] for name in ("question", "answer")}
NUMBERED = {name: {str(i): cell for i, cell in enumerate(values)} for name, values in COLUMNS.items()}
SPLIT = {"columns": list(COLUMNS), "index": list(range(5)), "data": [list(row.values()) for row in ROWS]}
FORMS = {
    "pool.parquet": parquet,
    "pool.pq": parquet,
    "pool.arrow": arrow_file,
    "stream.arrow": arrow_stream,
    "pool.feather": arrow_file,
    "pool.jsonl": content(LINES),
    "pool.ndjson": content(LINES),
    "lines.json": content(LINES),
    "pool.csv": content(cells(",")),
    "pool.tsv": content(cells("\t")),
    "list.json": document(ROWS, 1),
    "data.json": document({"version": 1, "data": ROWS}),
    "by_row.json": document({str(i): row for i, row in enumerate(ROWS)}),
    "columns.json": document(COLUMNS, 1),
    "columns_in_a_line.json": document(COLUMNS),
    "by_column.json": document(NUMBERED),
    "split.json": document(SPLIT),
    "TWICE.JSONL.GZ": content(gzip.compress(LINES[:60]) + gzip.compress(LINES[60:])),
    **{f"pool.jsonl{suffix}": content(pack(LINES)) for suffix, pack in PACKED.items()},
    **{f"pool.csv{suffix}": content(pack(cells(","))) for suffix, pack in PACKED.items()},
    **{f"pool.json{suffix}": content(pack(json.dumps(ROWS).encode())) for suffix, pack in PACKED.items()},
    **{f"columns.json{s}": content(pack(json.dumps(COLUMNS).encode())) for s, pack in PACKED.items()},
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_rows(tmp_path, name):
    FORMS[name](tmp_path / name)
    read = read_source(SourceSpec(str(tmp_path / name)), out=tmp_path / "out")
    assert read.name == name.partition(".")[0]
    rows = pq.read_table(read.folder / "part-00000.parquet", columns=["question", "answer"]).to_pylist()
    assert rows == ROWS
    assert read.left_out == {}
    assert count_rows(tmp_path / name) == 5


def test_compressed_and_plain_files_of_a_folder_are_read_together(tmp_path):
    (tmp_path / "pool").mkdir()
    for name, data in (("a.jsonl", LINES), ("b.jsonl.gz", gzip.compress(LINES.replace(b"+", b"-")))):
        (tmp_path / "pool" / name).write_bytes(data)
    assert read_source(SourceSpec(str(tmp_path / "pool")), out=tmp_path / "out").rows == 10


def test_large_compressed_lines_are_read_piece_by_piece(tmp_path, monkeypatch):
    from hf_qads.repositories import jsonlines

    rows = [{"question": f"q{i}", "answer": "a" * (i % 90)} for i in range(1, 400)]
    packed = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    (tmp_path / "pool.jsonl.gz").write_bytes(packed)
    found = [
        row
        for chunk in jsonlines.read_lines(tmp_path / "pool.jsonl.gz", block_bytes=1000)
        for row in chunk.to_pylist()
    ]
    assert [row["question"] for row in found] == [row["question"] for row in rows]


def test_a_conversation_in_an_object_is_one_row_and_columns_of_conversations_are_many(tmp_path):
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    document({"messages": turns}, 1)(tmp_path / "one.json")
    document({"messages": [turns, [turns[0], {"role": "assistant", "content": "b"}]]}, 1)(
        tmp_path / "two.json"
    )
    document({"prompt": turns[:1], "completion": turns[1:]}, 1)(tmp_path / "pair.json")
    for name, rows in (("one", 1), ("two", 2), ("pair", 1)):
        read = read_source(SourceSpec(str(tmp_path / f"{name}.json")), out=tmp_path / name)
        assert (read.rows, read.facts["read"]) == (rows, rows)


def test_suffixes_tell_the_format_whatever_their_case(tmp_path):
    assert format_of("a.b.JSONL.gz") == "jsonl"
    assert suffix_of("x/a.b.JSONL.gz") == ".jsonl.gz"
    assert format_of("a.parquet.gz") is None
    assert format_of("a.gz") is None
    assert stem_of(tmp_path / "a.b.jsonl.gz") == "a.b"
