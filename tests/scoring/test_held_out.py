import numpy as np
import pytest

from hf_qads.errors import ScoringError
from hf_qads.scoring.held_out import split


def rows(*questions, source="a"):
    return [{"question": q, "answer": "x", "source": source} for q in questions]


def test_no_question_is_on_both_sides():
    # Questions that differ only in case and punctuation are the same question.
    pool = [row for i in range(20) for row in rows(f"What is {i}?", f"what is {i}", source=f"s{i % 2}")]
    parts = split(pool, np.ones(40), held_out=0.3, seed=0, reasons={})
    trained = {pool[i]["question"].lower().strip("?") for i in parts.train}
    judged = {pool[i]["question"].lower().strip("?") for i in parts.held_out}
    assert not trained & judged
    assert sorted([*parts.train, *parts.held_out]) == list(range(40))
    assert len(parts.held_out) == 12


def test_every_source_is_on_both_sides():
    pool = rows(*map(str, range(50))) + rows("fifty", "sixty", source="b")
    parts = split(pool, np.ones(52), held_out=0.1, seed=0, reasons={})
    assert {pool[i]["source"] for i in parts.held_out} == {"a", "b"}
    assert {pool[i]["source"] for i in parts.train} == {"a", "b"}


def test_a_number_of_rows_can_be_held_out():
    parts = split(rows(*map(str, range(40))), np.ones(40), held_out=8, seed=0, reasons={})
    assert len(parts.held_out) == 8


def test_nothing_is_held_out_where_nothing_is_asked():
    assert len(split(rows("1", "2"), np.ones(2), held_out=0, seed=0, reasons={}).held_out) == 0


def test_rows_without_score_or_with_a_reason_are_left_out_and_counted():
    scores = np.asarray([0.5, np.nan, 0.5, 0.5])
    parts = split(rows("1", "2", "3", "4"), scores, held_out=0, seed=0, reasons={2: "too long"})
    assert parts.train.tolist() == [0, 3]
    assert parts.left_out == {"too long": 1, "no real score": 1}


def test_the_seed_decides():
    pool = rows(*map(str, range(60)))
    draws = [split(pool, np.ones(60), held_out=0.2, seed=s, reasons={}).held_out.tolist() for s in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_nothing_to_train_on_is_an_error():
    with pytest.raises(ScoringError, match="no row is left to train a scorer on: 2 given"):
        split(rows("1", "2"), np.full(2, np.nan), held_out=0.1, seed=0, reasons={})
    with pytest.raises(ScoringError, match="2 rows, but 3 scores"):
        split(rows("1", "2"), np.ones(3), held_out=0.1, seed=0, reasons={})
