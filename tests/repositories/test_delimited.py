"""A stray quote in CSV costs its own line, and every line that is not a row is counted."""

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_qads.repositories import delimited
from hf_qads.sources import SourceSpec, read_source

NO = "line that is not CSV"
CELLS = "line with more or fewer cells than the header"


def read(tmp_path, lines):
    path = tmp_path / "pool.csv"
    path.write_text("question,answer\n" + lines, encoding="utf-8", newline="")
    done = read_source(SourceSpec(str(path)), out=tmp_path / "out")
    rows = pq.read_table(done.folder / "part-00000.parquet")
    return [(row["question"], row["answer"]) for row in rows.to_pylist()], done


@pytest.mark.parametrize(
    ("lines", "rows", "left_out"),
    [
        ('"r,b\ns,c\nt,"d"\nu,e\n', ["s,c", "t,d", "u,e"], {NO: 1}),
        ('q,a\n"r,b\ns,c\nt,d\n', ["q,a", "s,c", "t,d"], {NO: 1}),
        ('r,"b\ns,c\nt,d', ["s,c", "t,d"], {NO: 1}),
        ('"r,b\ns,"one\ntwo"\nt,d\n', ["s,one\ntwo", "t,d"], {NO: 1}),
        ('"r,b\ns,c\n"\nt,d\n', ["s,c", "t,d"], {NO: 2}),
        ('"r,b\ns,c\nt"\nu,d\n', ["s,c", "u,d"], {NO: 1, CELLS: 1}),
        ('"r"x,b\r\n"s","c"\r\n"t,d\r\n"u","e"\r\n', ["s,c", "u,e"], {NO: 2}),
        ('"q","one\n\ntwo ""2"""\nr,b\n', ['q,one\n\ntwo "2"', "r,b"], {}),
        ('q"1","a\nb"\nr,b"\n', ['q"1",a\nb', 'r,b"'], {}),
        ('"q","a",\n"x\ny"\nr,b\n', ["r,b"], {NO: 1, CELLS: 2}),
    ],
)
def test_a_stray_quote_costs_as_little_as_possible(tmp_path, lines, rows, left_out):
    found, done = read(tmp_path, lines)
    assert [",".join(pair) for pair in found] == rows
    assert done.left_out == left_out
    assert done.facts["read"] == done.rows + sum(left_out.values())


def test_a_quote_that_is_closed_much_later_hides_no_row(tmp_path):
    before, between = "".join(f"q{i},a\n" for i in range(5)), "".join(f"r{i},a\n" for i in range(50))
    found, done = read(tmp_path, f'{before}"stray,a\n{between}s,"closed"\nt,a\n')
    assert len(found) == 57
    assert (done.facts["read"], done.left_out) == (58, {NO: 1})


def test_a_quote_that_is_never_closed_costs_its_line_also_beyond_the_largest_cell(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "LARGEST_CELL", 1000)
    found, done = read(tmp_path, 'q,"a\n' + "".join(f"r{i},a\n" for i in range(500)))
    assert len(found) == 500
    assert done.left_out == {NO: 1}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["{},a", '"{},a', '{},"a', '"{}","a"', '{},"a\nb"'])))
def test_every_damaged_line_costs_itself_alone(tmp_path_factory, forms):
    damaged = {'"{},a', '{},"a'}
    lines = [form.format(f"q{i}") for i, form in enumerate(forms)]
    path = tmp_path_factory.mktemp("csv") / "pool.csv"
    path.write_text("\n".join(["question,answer", *lines]), encoding="utf-8")
    found = [row for chunk in delimited.read(path, ",", 7) for row in chunk]
    kept = [row["question"] for row in found if isinstance(row, dict)]
    assert kept == [f"q{i}" for i, form in enumerate(forms) if form not in damaged]
    assert found.count(NO) == sum(form in damaged for form in forms) == len(found) - len(kept)
