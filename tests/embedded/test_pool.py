import re
from collections import Counter
from random import Random

import pytest

from hf_qads.embedded import families, pool
from hf_qads.embedded.corpus import documents
from hf_qads.embedded.problems import exact
from hf_qads.embedded.styles import GOOD, POOR, UNSEEN, Style, write
from hf_qads.errors import SourceError
from hf_qads.schema import KINDS, content_key, normalise_question

NAMES = list(pool.SOURCES)
EQUATION = re.compile(r"(\d+(?: [*/+-] \d+)+) = (\d+)")
FINAL = re.compile(r"(?:The answer is|####) (-?\w+)\.?$")


@pytest.fixture(scope="module")
def rows():
    return {name: pool.rows(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_draws_the_same_rows(rows, name):
    assert pool.rows(name, 0) == rows[name]
    assert pool.rows(name, 1) != rows[name]


def test_the_rows_of_a_source_do_not_change_from_release_to_release(rows):
    first = rows["embedded_word_problems"][0]
    assert content_key(first["question"], first["answer"]).hex() == "38f62cb639385247fd5489d21d7becd2"


def test_an_unknown_source_is_an_error_that_names_the_known_ones():
    with pytest.raises(SourceError, match=r"'gsm8k'.*embedded_chat"):
        pool.rows("gsm8k")


def test_the_pool_has_some_thousand_rows_of_both_kinds(rows):
    assert 3000 <= sum(len(rows[name]) for name in pool.POOL) <= 5000
    assert set(pool.POOL.values()) == set(KINDS)


@pytest.mark.parametrize("name", NAMES)
def test_no_row_is_blank_or_drawn_twice(rows, name):
    assert all(row["question"].strip() and row["answer"].strip() for row in rows[name])
    assert len({content_key(row["question"], row["answer"]) for row in rows[name]}) == len(rows[name])


@pytest.mark.parametrize(
    ("name", "quality", "low", "high"),
    [
        ("embedded_word_problems", "good", 0.75, 0.85),
        ("embedded_general_reasoning", "good", 0.6, 0.75),
        ("embedded_model_drafts", "wrong", 0.25, 0.35),
        ("embedded_homework_answers", "bare", 0.45, 0.55),
        ("embedded_code_maths", "code", 0.68, 0.78),
        ("embedded_chat", "good", 0.08, 0.16),
        ("embedded_target", "good", 1.0, 1.0),
    ],
)
def test_qualities_are_planted_in_the_shares_of_each_source(rows, name, quality, low, high):
    share = Counter(row["planted"] for row in rows[name])[quality] / len(rows[name])
    assert low <= share <= high


def test_every_quality_is_planted_often_enough_to_be_measured(rows):
    counts = Counter(row["planted"] for name in pool.POOL for row in rows[name])
    assert set(counts) == {GOOD, *POOR}
    assert min(counts.values()) >= 100


def test_good_answers_are_right_in_every_equation_and_at_the_end(rows):
    checked = 0
    for name in NAMES:
        for row in rows[name]:
            if row["planted"] != GOOD:
                continue
            for expression, value in EQUATION.findall(row["answer"]):
                assert eval(expression) == int(value), row
                checked += 1
            assert FINAL.search(row["answer"]).group(1) == row["final_answer"], row
    assert checked > 3000


def test_final_answers_agree_with_the_question_worked_out_another_way(rows):
    def numbers(row):
        return [int(number) for number in re.findall(r"\d+", row["question"])]

    worked_out = {
        "shopping": lambda n: n[0] * n[1] + n[2],
        "change": lambda n: n[0] - n[1] * n[2],
        "sharing": lambda n: n[0] * n[1] // n[2],
        "ages": lambda n: n[0] + n[0] * n[1] + n[2],
        "travel": lambda n: n[0] * n[1] + n[2],
        "saving": lambda n: n[0] + n[1] * n[2],
        "reading": lambda n: n[0] - n[1] * n[2],
        "garden": lambda n: n[0] * n[1] - n[2],
        "equation": lambda n: (n[2] - n[1]) // n[0],
        "sequence": lambda n: n[2] + 2 * (n[1] - n[0]),
        "mean": lambda n: sum(n) // 3,
        "perimeter": lambda n: 2 * (n[0] + n[1]),
        "area": lambda n: n[0] * n[1] - n[2],
        "percent": lambda n: n[0] - n[0] * n[1] // 100,
        "days": lambda n: 7 * n[0] + n[1],
    }
    assert set(worked_out) == {*families.WORDS, *families.NUMBERS}
    for name in NAMES:
        for row in rows[name]:
            if row["family"] in worked_out:
                assert row["final_answer"] == str(worked_out[row["family"]](numbers(row))), row


def test_wrong_answers_end_in_something_else(rows):
    wrong = [row for name in pool.POOL for row in rows[name] if row["planted"] == "wrong"]
    assert all(FINAL.search(row["answer"]).group(1) != row["final_answer"] for row in wrong)


def test_cut_answers_never_reach_their_end(rows):
    cut = [row for name in pool.POOL for row in rows[name] if row["planted"] == "cut"]
    assert not any(FINAL.search(row["answer"]) for row in cut)


def test_a_cut_answer_is_the_start_of_the_good_one():
    _, problem = families.draw_problem(Random(0), ["shopping"], "pool")
    good = write(problem, Style(GOOD, "list", "marker"), Random(0))
    cut = write(problem, Style("cut", "list", "marker"), Random(0))
    assert good.startswith(cut)
    assert good != cut


def test_pool_target_evaluation_and_training_share_no_question(rows):
    trained = (pair for document, _ in zip(documents(0), range(2000), strict=False) for pair in document)
    parts = [
        {normalise_question(row["question"]) for name in pool.POOL for row in rows[name]},
        {
            normalise_question(row["question"])
            for name in pool.SOURCES.keys() - pool.POOL.keys()
            for row in rows[name]
        },
        {normalise_question(row["question"]) for row in pool.evaluation_rows(500)},
        {normalise_question(question) for question, _ in trained},
    ]
    assert len(set().union(*parts)) == sum(len(part) for part in parts)


def test_evaluation_rows_are_good_distinct_and_follow_from_the_seed():
    drawn = pool.evaluation_rows(300, seed=3)
    assert drawn == pool.evaluation_rows(300, seed=3)
    assert {row["planted"] for row in drawn} == {GOOD}
    assert len({row["question"] for row in drawn}) == 300


def test_training_documents_hold_no_unseen_quality():
    text = " ".join(
        answer for document, _ in zip(documents(0), range(3000), strict=False) for _, answer in document
    )
    assert "#?" not in text
    assert UNSEEN == ("noise",)


@pytest.mark.parametrize("family", families.FAMILIES)
def test_a_family_draws_many_questions_that_can_be_solved(family):
    draw = Random(0)
    problems = [families.FAMILIES[family](draw) for _ in range(300)]
    assert len({problem.question for problem in problems}) > 150
    for problem in problems:
        sentences, final = problem.solve(exact)
        assert sentences
        assert final
