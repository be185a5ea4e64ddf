"""Rows at fsspec places: in memory, and over HTTP from a real server, read like files on a disk."""

import json
import os

import datasets
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads.errors import SourceError
from hf_qads.repositories.loading import load_rows
from hf_qads.repositories.places import DONE, MARK, is_place, is_private, listing, local
from hf_qads.sources import SourceSpec, read_source
from hf_qads.sources.resolving import file_marks
from tests.web_folder import serving

ROWS = [{"question": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(6)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


@pytest.fixture
def web(tmp_path):
    """A folder, and the address under which a web server shows it."""
    folder = tmp_path / "web"
    folder.mkdir()
    with serving(folder) as address:
        yield folder, address


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def questions(read):
    tables = [pq.read_table(path) for path in sorted(read.folder.glob("part-*.parquet"))]
    return pa.concat_tables(tables)["question"].to_pylist()


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.parquet"])
def test_a_file_at_a_place_gives_the_bytes_of_the_same_file_here(tmp_path, memory, name):
    here = tmp_path / name
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist(ROWS), here)
    elif name.endswith("csv"):
        here.write_text("question,answer\n" + "".join(f"{r['question']},{r['answer']}\n" for r in ROWS))
    else:
        here.write_text(lines(ROWS))
    memory.pipe_file(f"/pool/{name}", here.read_bytes())
    there = read_source(SourceSpec(f"memory://pool/{name}"), out=tmp_path / "there")
    own = read_source(SourceSpec(str(here)), out=tmp_path / "own")
    assert (there.name, there.rows, there.left_out) == (own.name, 6, own.left_out)
    parts = [sorted(read.folder.glob("part-*.parquet")) for read in (there, own)]
    assert [path.read_bytes() for path in parts[0]] == [path.read_bytes() for path in parts[1]]
    assert there.facts["files"] == own.facts["files"]
    assert there.facts["origin"] == "files at a place"
    assert "memory" not in json.dumps(there.facts)


def test_a_pattern_and_a_folder_are_read_by_the_rules_of_those_here(tmp_path, memory):
    memory.pipe_file("/pool/a/train.jsonl", lines(ROWS[:2]).encode())
    memory.pipe_file("/pool/a/test.jsonl", lines(ROWS[2:4]).encode())
    memory.pipe_file("/pool/b/more.jsonl", lines(ROWS[4:]).encode())
    memory.pipe_file("/pool/b/.hidden.jsonl", b"no row")
    memory.pipe_file("/pools/c.jsonl", b"no row")
    folder = read_source(SourceSpec("memory://pool/a"), out=tmp_path / "a")
    assert (folder.name, questions(folder)) == ("a", [row["question"] for row in ROWS[:2]])
    assert [one["name"] for one in folder.facts["passed_over"]] == ["test.jsonl"]
    whole = read_source(SourceSpec("memory://pool/", split="all"), out=tmp_path / "pool")
    assert (whole.name, whole.rows) == ("pool", 6)
    some = read_source(SourceSpec("memory://pool/**/t*.jsonl"), out=tmp_path / "some")
    assert (some.name, some.rows) == ("pool", 4)
    assert [one.name for one in listing("memory://pool/*/m*.jsonl").files] == ["b/more.jsonl"]


def test_a_changed_file_is_noticed_without_fetching_it_and_fetched_alone(memory, tmp_path):
    memory.pipe_file("/pool/a.jsonl", lines(ROWS[:3]).encode())
    memory.pipe_file("/pool/b.jsonl", lines(ROWS[3:]).encode())
    spec = SourceSpec("memory://pool")
    before = file_marks(spec)
    assert [(name, size) for name, size, _ in before] == [
        ("a.jsonl", len(lines(ROWS[:3]))),
        ("b.jsonl", len(lines(ROWS[3:]))),
    ]
    assert not (tmp_path / "cache").exists()
    first = local("memory://pool")
    assert local("memory://pool") == first
    memory.pipe_file("/pool/b.jsonl", lines(ROWS[3:]).replace('"6"', '"7"').encode())  # of the same size
    assert file_marks(spec)[0] == before[0]
    assert file_marks(spec)[1] != before[1]
    second = local("memory://pool")
    assert os.path.samefile(first / "a.jsonl", second / "a.jsonl")
    assert load_rows("memory://pool").data["answer"][:] == ["1", "2", "3", "4", "5", "7"]
    assert sorted(path.name for path in second.iterdir()) == ["a.jsonl", "b.jsonl"]


def test_rows_come_over_http_by_file_folder_and_question_mark(web):
    folder, address = web
    (folder / "deep").mkdir()
    (folder / "deep" / "rows.jsonl").write_text(lines(ROWS))
    assert load_rows(f"{address}/deep/rows.jsonl?download=true").data["question"][:] == [
        row["question"] for row in ROWS
    ]
    assert len(load_rows(f"{address}/deep/").data) == 6
    before = file_marks(SourceSpec(f"{address}/deep/rows.jsonl"))
    os.utime(folder / "deep" / "rows.jsonl", (1, 1))  # the server tells the time of change, and no checksum
    assert file_marks(SourceSpec(f"{address}/deep/rows.jsonl")) != before


def test_file_addresses_are_read_where_they_lie(tmp_path):
    (tmp_path / "rows.jsonl").write_text(lines(ROWS))
    assert local(f"file://{tmp_path}/rows.jsonl") == tmp_path / "rows.jsonl"
    assert len(load_rows(f"file://{tmp_path}/rows.jsonl").data) == 6
    assert not is_place(f"file://{tmp_path}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nowhere://bucket/rows.jsonl", "there is no protocol 'nowhere'. Use s3, gs, hf, https"),
        ("memory://pool/missing.jsonl", r"memory://pool/missing.jsonl is not there \(FileNotFoundError"),
        ("memory://pool/*.parquet", r"no file matches memory://pool/\*.parquet"),
        ("http://127.0.0.1:9/rows.jsonl", "rows.jsonl is not there .*Connect"),
    ],
)
def test_what_is_wrong_with_a_place_is_told_in_a_line(memory, text, says):
    memory.pipe_file("/pool/rows.jsonl", lines(ROWS).encode())
    with pytest.raises(SourceError, match=says):
        file_marks(SourceSpec(text))


def test_a_library_that_is_not_installed_is_told_with_what_to_install():
    if "s3fs" in {module.partition(".")[0] for module in os.sys.modules}:
        pytest.skip("s3fs is installed")
    with pytest.raises(SourceError, match=r"s3://bucket/rows.jsonl needs a library for s3: pip install s3fs"):
        file_marks(SourceSpec("s3://bucket/rows.jsonl"))


def test_a_mixture_that_is_still_being_published_is_no_source(memory):
    memory.pipe_file("/mix/data/part-00000.jsonl", lines(ROWS).encode())
    memory.pipe_file(f"/mix/{MARK}", b"{}")
    with pytest.raises(SourceError, match="is not whole: publishing to it goes on or was stopped"):
        local("memory://mix")
    memory.pipe_file(f"/mix/{DONE}", b"")
    assert len(load_rows("memory://mix").data) == 6


def test_addresses_with_buckets_or_keys_are_private():
    assert is_private("s3://bucket/rows.jsonl")
    assert is_private("https://host/rows.jsonl?signature=abc")
    assert not is_private("https://host/rows.jsonl")
    assert not is_private("hf://datasets/me/rows/train.parquet")
    assert not is_place("org/name")
    assert not is_place("C:/rows.jsonl")
