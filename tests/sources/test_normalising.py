import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_qads import schema
from hf_qads.sources.duplicates import first_of_each, sample
from hf_qads.sources.normalising import normalise
from hf_qads.sources.recipe import Recipe

TEXT = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "\t\n", "\u3000", "\x1c", "a", "a\0", "é", "1 + 1?", "\u200b"]),
    st.text(max_size=20),
)


def rows(*names):
    return st.lists(st.fixed_dictionaries(dict.fromkeys(names, TEXT)), max_size=12)


def both(raws, names, types=None):
    recipe = Recipe("mine", "general")
    fields = pa.schema([(name, (types or {}).get(name, pa.string())) for name in names])
    batch = pa.RecordBatch.from_pylist(raws, fields)
    return normalise(batch, recipe, 5), normalise(raws, recipe, 5)


def same(one, other):
    assert one.rows.schema == schema.ROW_SCHEMA
    assert one.rows.equals(other.rows)
    assert np.array_equal(one.keys, other.keys)
    assert one.left.equals(other.left)
    assert (one.read, one.outside) == (other.read, other.outside)


@settings(max_examples=60, deadline=None)
@given(rows("question", "answer", "final_answer"))
def test_columns_at_once_give_what_row_by_row_gives(raws):
    same(*both(raws, ["question", "answer", "final_answer"]))


@settings(max_examples=60, deadline=None)
@given(rows("instruction", "input", "output"))
def test_an_input_is_joined_the_same_at_once_and_row_by_row(raws):
    same(*both(raws, ["instruction", "input", "output"]))


def test_large_strings_and_numbers_as_final_answers_are_read_too():
    raws = [
        {"question": "q", "answer": "a", "final_answer": 4.0},
        {"question": "r", "answer": None, "final_answer": 1.0},
    ]
    types = {"question": pa.large_string(), "final_answer": pa.float64()}
    done, _ = both(raws, ["question", "answer", "final_answer"], types)
    assert done.rows["final_answer"].to_pylist() == ["4"]
    assert done.left.to_pylist() == [{"index": 6, "reason": "missing answer", "question": "r"}]


def test_keys_are_the_content_keys_and_ids_their_digits():
    raws = [{"question": "é", "answer": "x" * 300}, {"question": "q", "answer": "a"}]
    done, _ = both(raws, ["question", "answer"])
    keys = [schema.content_key(raw["question"], raw["answer"]) for raw in raws]
    assert done.rows["row_id"].to_pylist() == [schema.row_id("mine", key) for key in keys]
    halves = [
        [int.from_bytes(key[:8], "big"), int.from_bytes(key[8:], "big"), 5 + i] for i, key in enumerate(keys)
    ]
    assert done.keys.tolist() == halves


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40))
def test_the_first_row_of_each_key_is_kept(pairs):
    keys = np.array(pairs, dtype=np.uint64).reshape(-1, 2)
    seen = set()
    expected = [not (pair in seen or seen.add(pair)) for pair in pairs]
    assert first_of_each(keys).tolist() == expected


def test_a_sample_is_taken_from_the_rows_that_are_left():
    mask = np.array([True, False, True, True, False, True])
    drawn = sample(mask, 2, seed=0)
    assert drawn.sum() == 2
    assert not (drawn & ~mask).any()
    assert np.array_equal(drawn, sample(mask, 2, seed=0))
    assert sample(mask, 9, seed=0) is mask


@pytest.mark.parametrize("name", ["history", "input"])
def test_a_field_that_begins_late_is_not_lost(tmp_path, name):
    import json

    from hf_qads.repositories.jsonlines import BLOCK_BYTES
    from hf_qads.sources import SourceSpec, read_source

    question, answer = ("question", "answer") if name == "history" else ("instruction", "output")
    lines = [json.dumps({question: f"q{i}", answer: "a" * 9000}) for i in range(BLOCK_BYTES // 9000 + 10)]
    late = [{"role": "user", "content": "Hi"}] if name == "history" else "more"
    lines.append(json.dumps({question: "last", answer: "a", name: late}))
    (tmp_path / "late.jsonl").write_text("\n".join(lines), encoding="utf-8")
    read = read_source(SourceSpec(str(tmp_path / "late.jsonl")), out=tmp_path / "out")
    import pyarrow.parquet as pq

    row = pq.read_table(read.folder / "part-00000.parquet").slice(read.rows - 1).to_pylist()[0]
    assert read.rows == len(lines)
    assert (row["history"], row["question"]) == (
        (late, "last") if name == "history" else (None, "last\n\nmore")
    )
