import numpy as np
import pyarrow as pa
import pytest
from datasets import Dataset, Value

from hf_qads import QaDSScorer
from hf_qads.embedded import scorer_path
from hf_qads.errors import SourceError
from hf_qads.schema import REASON, SCORE
from hf_qads.scoring.scorer.map_batches import Reasons, answer, rows_of
from tests.models import tiny_rows

TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]


@pytest.mark.parametrize(
    ("given", "rows", "batch"),
    [
        ({"question": "q", "answer": "a"}, 1, False),
        ({"question": None, "answer": "a"}, 1, False),
        ({"question": ["q", "r"], "answer": ["a", "b"]}, 2, True),
        ({"problem": [None, "r"], "solution": ["a", "b"]}, 2, True),
        ({"instruction": ["q"], "input": [""], "output": ["a"]}, 1, True),
        ({"query": np.asarray(["q", "r"], dtype=object), "response": np.asarray(["a", "b"])}, 2, True),
        ({"question": [], "answer": []}, 0, True),
        ({"messages": TURNS}, 1, False),
        ({"messages": [TURNS, TURNS]}, 2, True),
        ({"messages": [None, TURNS]}, 2, True),
        ({"messages": []}, 0, True),
        ({"messages": [], "id": "x"}, 1, False),
        ({"messages": {"role": ["user", "assistant"], "content": ["q", "a"]}}, 1, False),
        ({"messages": [{"role": ["user", "assistant"], "content": ["q", "a"]}]}, 1, True),
        ({"prompt": TURNS[:1], "completion": TURNS[1:]}, 1, False),
        ({"prompt": [TURNS[:1]] * 3, "completion": [TURNS[1:]] * 3}, 3, True),
    ],
)
def test_rows_and_batches_are_told_apart(given, rows, batch):
    found, is_batch = rows_of(given)
    assert (len(found), is_batch) == (rows, batch)


def test_nested_arrays_become_lists():
    turns = np.empty(1, dtype=object)
    turns[0] = np.asarray(TURNS, dtype=object)
    assert rows_of({"messages": turns})[0] == [{"messages": TURNS}]


def test_unknown_columns_are_named():
    with pytest.raises(SourceError, match=r"\['text'\]"):
        rows_of({"text": ["a"]})


def test_a_batch_gets_columns_and_a_row_gets_values():
    scores = np.asarray([1.5, np.nan], dtype=np.float32)
    found = answer({"question": ["q"], "answer": ["a"]}, True, {SCORE: scores, REASON: [None, "why"]})
    assert found[SCORE] is scores
    assert found[REASON] == [None, "why"]
    assert answer({"question": "q"}, False, {SCORE: scores[:1], REASON: [None]}) == {SCORE: 1.5, REASON: None}


def test_numpy_batches_keep_their_other_columns():
    given = {"question": np.asarray(["q"]), "answer": np.asarray(["a"]), "id": np.asarray([7])}
    found = answer(given, True, {SCORE: np.asarray([2.0], dtype=np.float32), REASON: [None]})
    assert list(found) == ["question", "answer", "id", SCORE, REASON]
    assert pa.array(found[REASON]).type == pa.string()


def test_reasons_are_strings_to_arrow_also_where_all_are_none():
    assert pa.array(Reasons([None, None])).type == pa.string()


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("form", ["arrow", "pandas", "numpy", "torch"])
def test_map_scores_rows_in_every_format_alike(form, batched):
    rows = tiny_rows(3)
    data = Dataset.from_list([*rows, {**rows[0], "question": " "}, {**rows[0], "question": None}])
    scorer = QaDSScorer.from_pretrained(str(scorer_path()))
    plain = data.map(scorer, batched=True, batch_size=3)
    found = data.with_format(form).map(scorer, batched=batched, batch_size=3).with_format(None)
    assert found.features["qads_score"] == Value("float32")
    assert found.column_names == plain.column_names
    assert np.allclose(found["qads_score"][:], plain["qads_score"][:], atol=1e-5, equal_nan=True)
    assert np.isnan(found["qads_score"][3])
    assert found["qads_reason"][:] == [None, None, None, "blank question", "missing question"]


def test_other_forms_of_rows_are_named():
    with pytest.raises(SourceError, match="rows are given as list"):
        rows_of([{"question": "q", "answer": "a"}])
