import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads import schema
from hf_qads.errors import MixingError
from hf_qads.mixing.across import find_across
from hf_qads.mixing.keys import KeyIndex, keys_of
from tests.mixing.rows import row, write_pool

LONG = "A shopkeeper sold 25 pens and 30 pencils at a gain of 10 percent and then bought more of both kinds."


def test_a_repeated_row_stays_in_the_first_source_which_names_the_others(tmp_path):
    found = find_across(_pool(tmp_path))
    twice, thrice = (row("a", i, also="x")[schema.ROW_ID] for i in (0, 1))
    assert found.also_in == {twice: ["b"], thrice: ["b", "c-d"]}
    assert found.row_ids == {
        "a": set(),
        "b": {row("b", i, also="x")[schema.ROW_ID] for i in (0, 1)},
        "c-d": {row("c-d", 1, also="x")[schema.ROW_ID]},
    }
    assert found.table() == [
        {"source": "b", "first_source": "a", "method": "same", "rows": 2},
        {"source": "c-d", "first_source": "a", "method": "same", "rows": 1},
    ]
    assert found.rows == {"a": 5, "b": 4, "c-d": 2}


def test_the_order_of_the_sources_decides_who_keeps_a_row(tmp_path):
    pool = _pool(tmp_path)
    found = find_across({name: pool[name] for name in ("c-d", "b", "a")})
    assert {name: len(ids) for name, ids in found.row_ids.items()} == {"c-d": 0, "b": 1, "a": 2}


def test_keep_reports_but_drops_nothing(tmp_path):
    found = find_across(_pool(tmp_path), keep="keep")
    assert len(found.repeats) == 3
    assert found.also_in == {}
    assert set(map(len, found.row_ids.values())) == {0}
    found.save(tmp_path / "across.parquet")
    assert pq.read_table(tmp_path / "across.parquet").equals(found.repeats)


def test_near_duplicates_are_found_on_request_and_differ_in_no_number(tmp_path):
    texts = {
        "a": [LONG, "Another thing altogether."],
        "b": [LONG.replace("A shop", "The shop"), LONG.replace("25", "26")],
    }
    pool = {name: _write(tmp_path / name, name, given) for name, given in texts.items()}
    assert len(find_across(pool).repeats) == 0
    found = find_across(pool, near=0.8)
    assert found.table() == [{"source": "b", "first_source": "a", "method": "near", "rows": 1}]
    assert list(found.also_in.values()) == [["b"]]


def test_no_rows_do_no_harm():
    assert len(find_across({}).repeats) == 0
    assert len(find_across({"a": []}, near=0.8).repeats) == 0


def test_wrong_values_say_what_is_wrong(tmp_path):
    with pytest.raises(MixingError, match="first or keep"):
        find_across({}, keep="last")
    with pytest.raises(MixingError, match=r"\(0, 1\]"):
        find_across({}, near=1.5)
    pq.write_table(pa.table({schema.ROW_ID: ["row-7"]}), tmp_path / "rows.parquet")
    with pytest.raises(MixingError, match="'row-7' does not end in"):
        find_across({"a": [tmp_path / "rows.parquet"]})


def test_keys_are_read_from_sliced_and_chunked_ids():
    ids = [schema.row_id(source, bytes([i] * 15 + [0])) for i, source in enumerate(["a", "b-c", "é", "d"])]
    chunked = pa.chunked_array([ids[:1], [], ids[1:]])
    assert [bytes(key).ljust(16, b"\0") for key in keys_of(chunked)] == [
        bytes([i] * 15 + [0]) for i in range(4)
    ]
    assert keys_of(pa.array(ids).slice(2, 1))[0] == keys_of(chunked)[2]


def test_an_index_finds_keys_and_says_where_they_are_not():
    keys = keys_of(pa.array([schema.row_id("a", bytes([i] * 16)) for i in (5, 0, 9)]))
    index = KeyIndex(keys)
    assert index.find(keys[::-1]).tolist() == [2, 1, 0]
    assert index.find(keys_of(pa.array([schema.row_id("b", bytes([7] * 16))]))).tolist() == [-1]
    assert KeyIndex(keys[:0]).find(keys).tolist() == [-1, -1, -1]
    assert index.first_repeated() is None
    assert KeyIndex(keys[[0, 1, 0]]).first_repeated() == bytes([5] * 16)


def _pool(folder):
    rows = {
        "a": [row("a", 0, also="x"), row("a", 1, also="x"), row("a", 2), row("a", 3), row("a", 4)],
        "b": [row("b", 0), row("b", 1, also="x"), row("b", 0, also="x"), row("b", 2)],
        "c-d": [row("c-d", 1, also="x"), row("c-d", 7)],
    }
    return {
        name: write_pool(folder / name, pa.Table.from_pylist(given, schema=schema.ROW_SCHEMA), shard=2)
        for name, given in rows.items()
    }


def _write(folder, source, texts):
    given = [row(source, i) | {schema.QUESTION: text, schema.ANSWER: "5"} for i, text in enumerate(texts)]
    for line in given:
        line[schema.ROW_ID] = schema.row_id(source, schema.content_key(line[schema.QUESTION], "5"))
    return write_pool(folder, pa.Table.from_pylist(given, schema=schema.ROW_SCHEMA))
