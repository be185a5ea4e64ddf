import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads import schema
from hf_qads.errors import FilteringError, SourceError
from hf_qads.filtering.duplicates import find_duplicates
from hf_qads.filtering.ngrams import words
from hf_qads.filtering.questions import jaccard, numbers
from hf_qads.rows.keys import KeyIndex, keys_of
from tests.mixing.rows import row, write_pool

WORDS = [a + b + c for a in "bdfgklmprv" for b in "aeiou" for c in ("ba", "da", "fa", "ga", "ka", "la", "ma")]
LONG = "A shopkeeper sold 25 pens and 30 pencils at a gain of 10 percent and then bought more of both kinds."


def test_a_repeated_row_stays_in_the_first_source_which_names_the_others(tmp_path):
    found = find_duplicates(_pool(tmp_path))
    twice, thrice = (row("a", i, also="x")[schema.ROW_ID] for i in (0, 1))
    assert found.also_in == {twice: ["b"], thrice: ["b", "c-d"]}
    assert found.row_ids == {
        "a": {"same": set(), "near": set()},
        "b": {"same": {row("b", i, also="x")[schema.ROW_ID] for i in (0, 1)}, "near": set()},
        "c-d": {"same": {row("c-d", 1, also="x")[schema.ROW_ID]}, "near": set()},
    }
    assert found.table() == [
        {"source": "b", "first_source": "a", "method": "same", "rows": 2},
        {"source": "c-d", "first_source": "a", "method": "same", "rows": 1},
    ]
    assert found.rows == {"a": 5, "b": 4, "c-d": 2}


def test_the_order_of_the_sources_decides_who_keeps_a_row(tmp_path):
    pool = _pool(tmp_path)
    found = find_duplicates({name: pool[name] for name in ("c-d", "b", "a")})
    assert {name: len(ids["same"]) for name, ids in found.row_ids.items()} == {"c-d": 0, "b": 1, "a": 2}


def test_keep_reports_but_drops_nothing(tmp_path):
    found = find_duplicates(_pool(tmp_path), keep="keep")
    assert len(found.repeats) == 3
    assert found.also_in == {}
    assert [ids for by_method in found.row_ids.values() for ids in by_method.values()] == [set()] * 6
    found.save(tmp_path / "duplicates.parquet")
    assert pq.read_table(tmp_path / "duplicates.parquet").equals(found.repeats)


def test_near_duplicates_are_found_on_request_and_differ_in_no_number(tmp_path):
    texts = {
        "a": [LONG, "Another thing altogether."],
        "b": [LONG.replace("A shop", "The shop"), LONG.replace("25", "26")],
    }
    pool = _texts(tmp_path, texts)
    assert len(find_duplicates(pool).repeats) == 0
    found = find_duplicates(pool, near=0.8)
    assert found.table() == [{"source": "b", "first_source": "a", "method": "near", "rows": 1}]
    assert list(found.also_in.values()) == [["b"]]


def test_what_is_the_same_as_a_near_duplicate_names_the_row_that_stays(tmp_path):
    texts = {
        "a": [LONG],
        "b": [LONG.replace("A shop", "The shop")],
        "c": [LONG.replace("A shop", "The shop")],
    }
    found = find_duplicates(_texts(tmp_path, texts), near=0.8)
    stays = _ids(texts)["a"][0]
    assert found.also_in == {stays: ["b", "c"]}
    assert [(line["source"], line["first_id"], line["method"]) for line in found.repeats.to_pylist()] == [
        ("b", stays, "near"),
        ("c", stays, "near"),
    ]


def test_near_duplicates_inside_a_source_are_told_from_rows_of_an_earlier_one(tmp_path):
    texts = {"a": ["Something else.", LONG, LONG.replace("A shop", "The shop")], "b": [LONG]}
    found = find_duplicates(_texts(tmp_path, texts), near=0.8)
    ids = _ids(texts)
    assert found.row_ids == {
        "a": {"same": set(), "near": {ids["a"][2]}},
        "b": {"same": {ids["b"][0]}, "near": set()},
    }
    assert found.also_in == {ids["a"][1]: ["b"]}


@pytest.mark.parametrize(("size", "members", "near"), [(100, 100, 0.8), (250, 300, 0.8), (250, 100, 0.6)])
def test_every_twin_is_found_among_rows_of_a_template_with_other_numbers(tmp_path, size, members, near):
    draw = random.Random(size)
    base = draw.choices(WORDS, k=size)
    texts = {"a": [], "b": []}
    for member in range(members):
        base[size // 2] = str(1000 + member)
        texts["a"].append(" ".join(base))
        texts["b"].append(" ".join([*base[:3], "changed", *base[4:]]))
    found = find_duplicates(_texts(tmp_path, texts), near=near)
    ids = _ids(texts)
    pairs = [(line[schema.ROW_ID], line["first_id"]) for line in found.repeats.to_pylist()]
    assert pairs == list(zip(ids["b"], ids["a"], strict=True))


def test_every_twin_is_found_in_a_crowd_of_rows_just_below_the_threshold(tmp_path):
    draw = random.Random(0)
    frame = draw.choices(WORDS, k=200)
    own = [draw.choices(WORDS, k=30) for _ in range(150)]
    texts = {
        "a": [" ".join([*frame[:100], *some, *frame[100:]]) for some in own],
        "b": [" ".join(["changed", *frame[1:100], *some, *frame[100:]]) for some in own],
    }
    assert 0.7 < jaccard(words(texts["a"][0]), words(texts["a"][1])) < 0.8
    assert len(find_duplicates(_texts(tmp_path, texts), near=0.8).repeats) == 150


@pytest.mark.parametrize("seed", range(4))
def test_a_row_goes_for_the_first_row_that_stays_and_is_near_to_it(tmp_path, seed):
    draw = random.Random(seed)
    rows = [draw.choices(WORDS, k=60) for _ in range(3)]
    while len(rows) < 120:  # chains: each row is a changed copy of any before it
        rows.append(list(draw.choice(rows)))
        for place in draw.sample(range(60), 2):
            rows[-1][place] = draw.choice([*WORDS[:9], "7"])
    rows = [" ".join(one) for one in rows]
    texts = {"a": rows[:50], "b": rows[50:]}
    found = find_duplicates(_texts(tmp_path, texts), near=0.7)
    ids = _ids(texts)
    names = dict(zip([*ids["a"], *ids["b"]], rows, strict=True))
    gone = {names[line[schema.ROW_ID]]: names[line["first_id"]] for line in found.repeats.to_pylist()}
    assert gone == _plainly(rows, 0.7)
    assert 20 < len(gone) < 100


def test_no_rows_do_no_harm():
    assert len(find_duplicates({}).repeats) == 0
    assert len(find_duplicates({"a": []}, near=0.8).repeats) == 0


def test_wrong_values_say_what_is_wrong(tmp_path):
    with pytest.raises(FilteringError, match="first or keep"):
        find_duplicates({}, keep="last")
    with pytest.raises(FilteringError, match=r"\(0, 1\]"):
        find_duplicates({}, near=1.5)
    pq.write_table(pa.table({schema.ROW_ID: ["row-7"]}), tmp_path / "rows.parquet")
    with pytest.raises(SourceError, match="'row-7' does not end in"):
        find_duplicates({"a": [tmp_path / "rows.parquet"]})


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


def _plainly(rows, near):
    """Every row against all rows that stay, one after the other."""
    stays, gone = [], {}
    for text in rows:
        tokens = words(f"{text}\n5")
        for early, others in stays:
            if jaccard(others, tokens) >= near and numbers(others) == numbers(tokens):
                gone[text] = early
                break
        else:
            stays.append((text, tokens))
    return gone


def _ids(texts):
    return {
        name: [schema.row_id(name, schema.content_key(text, "5")) for text in given]
        for name, given in texts.items()
    }


def _texts(folder, texts):
    ids = _ids(texts)
    pool = {}
    for name, given in texts.items():
        lines = [
            row(name, i) | {schema.ROW_ID: row_id, schema.QUESTION: text, schema.ANSWER: "5"}
            for i, (row_id, text) in enumerate(zip(ids[name], given, strict=True))
        ]
        pool[name] = write_pool(
            folder / name, pa.Table.from_pylist(lines, schema=schema.ROW_SCHEMA), shard=64
        )
    return pool
