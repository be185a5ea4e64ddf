from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads import schema
from hf_qads.errors import FilteringError
from hf_qads.filtering.contamination import find_contamination
from hf_qads.filtering.question_index import QuestionIndex
from hf_qads.filtering.questions import stem

TRAIN = (
    "A train travels 360 miles in 3 hours. At the same rate, how many additional hours would it take to "
    "travel an additional 240 miles?"
)
CHOICES = (
    "A shopkeeper sold 25 pens at a gain of 10 percent. What was the cost?\nAnswer Choices: (A) 5 (B) 7 (C) 9"
)
VAGUE = "Which of the following is true?\nOptions:\n(A) 5 is prime\n(B) 6 is prime"
SHORT = "What is 3 + 4?"
DIVISIBLE = "How many three-digit numbers are divisible by 13?"


@pytest.fixture(scope="module")
def index():
    return QuestionIndex({"one": [TRAIN, CHOICES, VAGUE, SHORT]}, near=0.6)


@pytest.mark.parametrize(
    ("text", "question", "method"),
    [
        (TRAIN.upper().replace(",", " ;"), 0, "exact"),
        (CHOICES, 1, "exact"),
        (CHOICES.replace("Answer Choices: (A) 5 (B) 7 (C) 9", "Options:\n(A) 7\n(B) 5"), 1, "exact"),
        (CHOICES.split("\n")[0], 1, "exact"),
        (VAGUE, 2, "exact"),
        ("what is 3+4", 3, "exact"),
        (f"Please answer step by step. {TRAIN} Thank you. Show 2 ways.", 0, "ngram"),
        (TRAIN.replace("3 hours", "three hours").replace("train", "bus"), 0, "ngram"),
        (TRAIN.replace("an additional 240 miles", "miles, 240 of them, more"), 0, "ngram"),
        ("A shopkeeper sold 25 pens with a gain of 10 percent. What was the cost?", 1, "near"),
    ],
)  # fmt: skip
def test_a_repeated_question_is_found(index, text, question, method):
    (match,) = index.find([text])
    assert (match.question, match.method) == (question, method)


@pytest.mark.parametrize(
    "text",
    [
        TRAIN.replace("360", "270").replace("240", "180"),  # the same sentence with other numbers
        "Which of the following is true? (A) Water is wet (B) Fire is cold",
        "What is 3 + 5?",
        "A shopkeeper sold 30 pens at a gain of 10 percent. What was the cost?",
        "How many hours are in 3 days?",
        "Which of the following is true?\nOptions:\n(A) Water is wet\n(B) Fire is cold",
        "",
        "?!",
    ],
)
def test_another_question_is_not(index, text):
    assert index.find([text]) == []


def test_without_confirmation_every_common_run_of_tokens_counts():
    other = TRAIN.replace("360", "270")
    assert QuestionIndex({"one": [TRAIN]}).find([other]) == []
    assert QuestionIndex({"one": [TRAIN]}, confirm=False).find([other])[0].method == "ngram"


def test_only_a_whole_run_of_the_given_length_counts():
    question = "alpha beta gamma delta epsilon"
    text = "so alpha beta gamma delta it was"
    assert len(QuestionIndex({"one": [question]}, ngram=4).find([text])) == 1
    assert QuestionIndex({"one": [question]}, ngram=5).find([text]) == []
    assert QuestionIndex({"one": [question]}, ngram=None).find([text]) == []


@pytest.mark.parametrize(
    "text",
    [
        f"Question: {DIVISIBLE}\nLet's think step by step.",
        f"Q: {DIVISIBLE[:-1]} A:",
        f"Solve the following math problem and explain your steps.\n\n{DIVISIBLE}",
        f"Tell me, how{DIVISIBLE[3:]}",
        DIVISIBLE.replace(
            "13?", "$13$ ? (2004 AMC 8 Problem, Question \\#18)\nAnswer Choices: (A) $$7$$ (B) $$67$$"
        ),
        f"Hello! {DIVISIBLE[:-1]} Answer Choices: (A) 67 (B) 69",
        f"1. {DIVISIBLE}Thanks.",
    ],
)
def test_a_short_question_is_found_whole_inside_a_row(text):
    (match,) = QuestionIndex({"one": [TRAIN, DIVISIBLE]}).find([text])
    assert (match.question, match.method, match.share) == (1, "ngram", 1.0)
    assert QuestionIndex({"one": [DIVISIBLE]}, ngram=None).find([text]) == []


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What is 60% of 30?", "What is 60% of 30% of 1400 grams?"),
        ("Evaluate $\\log_3 81$.", "Evaluate $\\log_{3}{81}-\\log_{3}{\\frac{1}{9}}$."),
        ("What is 5! + 4!?", "What is 5! + 4! + 3!?"),
        ("Calculate 7 + 30 + 4.", "Calculate 7 + 30 + 4.5."),
        ("2 + 3 + 4 * 5", "Find 1 + 2 + 3 + 4 * 5."),
        ("2 + 3 + 4 * 5", "Find $7 \\times 2 + 3 + 4 * 5$."),
        (DIVISIBLE, DIVISIBLE.replace("13?", "13 or 17?")),
        (DIVISIBLE, f"{DIVISIBLE[:-4]} 17? Name 13."),
        ("Which of the following is true?", "Ben has 4 books. Which of the following is true?"),
        ("Simplify $\\sqrt{242}$.", "Question: Simplify $\\sqrt{242}$."),  # three tokens say too little
    ],
)
def test_a_short_question_is_not_found_in_a_longer_one(question, text):
    assert QuestionIndex({"one": [question]}).find([text]) == []


@pytest.mark.parametrize("question", ["900 + 5 \u00d7 12 = ?", "Divide. 7,285 \u00f7 4", "40 times 5"])
def test_two_numbers_make_three_tokens_enough(question):
    index = QuestionIndex({"one": [f"{question}\nOptions:\n(A) 1\n(B) 2"]})
    assert index.find([f"{question}\nAnswer Choices: (A) 7 (B) 8"])[0].method == "exact"
    assert index.find([f"Q: {question} A:"])[0].method == "ngram"


@pytest.mark.parametrize("text", ["Calculate 2 + 3 + 4 * 5.", "Here: 2 + 3 + 4 * 5\nGo on."])
def test_a_short_formula_is_found_after_a_word_or_sentence(text):
    assert len(QuestionIndex({"one": ["2 + 3 + 4 * 5"]}).find([text])) == 1


def test_every_short_question_is_found_among_many_that_share_their_runs():
    questions = [f"What is {a} times {b} plus {a}?" for a in range(12) for b in range(12)]
    found = QuestionIndex({"one": questions}).find(
        [f"Please help me. {question} Thanks." for question in questions]
    )
    assert [(match.text, match.question) for match in found] == [(i, i) for i in range(144)]


def test_a_question_that_its_choices_make_is_found_with_them_only():
    question = (
        "Which statement is false?\nOptions:\n(A) Every rose is a red flower\n(B) Every oak is a tall tree"
    )
    index = QuestionIndex({"one": [question]}, near=0.6)
    assert index.find([f"Question: {question}\nLet's think."])[0].method == "ngram"
    assert index.find(["Which statement is false?\nOptions:\n(A) 3 < 5\n(B) 5 < 3"]) == []


@pytest.mark.parametrize(
    ("written", "rewritten"),
    [
        ("earned $1,000 in 3 hours", "earned $1000 in 3 hours"),
        ("paid $3.50 and then 20.00 more", "paid $3.5 and then 20 more"),
        ("ate $\\frac12$ of a pie and $\\dfrac34$", "ate $\\frac{1}{2}$ of a pie and $\\frac{3}{4}$"),
    ],
)
def test_numbers_in_another_format_are_the_same_numbers(written, rewritten):
    question = (
        f"A farmer {written} on a cold day. How much would it be with half as much again at the same rate?"
    )
    text = f"Problem: {question.replace(written, rewritten)} Show your work."
    (match,) = QuestionIndex({"one": [question]}).find([text])
    assert (match.method, match.share) == ("ngram", 1.0)


def test_chinese_questions_match_by_characters():
    question = "小明有十二个苹果,他给了小红五个苹果,请问小明还剩下几个苹果?"
    index = QuestionIndex({"one": [question]})
    assert index.find([f"请回答:{question}谢谢"])[0].method == "ngram"
    assert index.find(["小明有十二个苹果,他想买一本书,请问书多少钱?"]) == []


def test_of_several_questions_the_closest_is_named():
    close = TRAIN.replace("A train", "The fast train")
    found = QuestionIndex({"one": [close, TRAIN], "two": [close]}).find([f"Hello there. {TRAIN}"])
    assert [(match.benchmark, match.question) for match in found] == [("one", 1), ("two", 0)]


def test_the_stem_is_what_stands_before_the_choices():
    assert stem("How many?\nOptions:\n(A) 1") == "How many?\n"
    assert stem("有几个?\n选项:(A) 1 (B) 2") == "有几个?\n"
    assert stem("Pick.\nA. one\nB. two") == "Pick."
    assert stem("Options: (A) 1") == "Options: (A) 1"
    assert stem("What are my options?") == "What are my options?"


def test_contamination_counts_lists_and_names_the_rows_to_drop(tmp_path):
    turns = [{"role": "user", "content": TRAIN}, {"role": "assistant", "content": "5"}]
    pool = {
        "a": _rows(tmp_path / "a", "a", [(CHOICES, None), ("What now?", turns), ("Hello?", None)]),
        "b": _rows(tmp_path / "b", "b", [("Hello?", None)]),
    }
    found = find_contamination({"one": [TRAIN, "Who?"], "two": [CHOICES, TRAIN]}, pool)
    assert found.table() == [
        {
            "source": "a",
            "benchmark": "one",
            "exact": 1,
            "ngram": 0,
            "near": 0,
            "rows": 1,
            "questions": 1,
            "of": 2,
        },
        {
            "source": "a",
            "benchmark": "two",
            "exact": 2,
            "ngram": 0,
            "near": 0,
            "rows": 2,
            "questions": 2,
            "of": 2,
        },
    ]
    assert found.rows == {"a": 3, "b": 1}
    assert found.dropped == {"a": 2, "b": 0}
    assert found.row_ids["a"] == {f"a-{0:032x}", f"a-{1:032x}"}
    found.save(tmp_path / "contamination.parquet")
    listed = pq.read_table(tmp_path / "contamination.parquet").to_pylist()
    assert [line["benchmark_question"] for line in listed] == [CHOICES, TRAIN, TRAIN]


def test_nothing_to_find_gives_an_empty_list(tmp_path):
    found = find_contamination({}, {"a": _rows(tmp_path / "a", "a", [("Hello?", None)])}, near=0.8)
    assert (found.table(), found.dropped, len(found.hits)) == ([], {"a": 0}, 0)


@pytest.mark.parametrize(("options", "says"), [({"ngram": 1}, "2 or more"), ({"near": 0}, r"\(0, 1\]")])
def test_wrong_values_say_what_is_wrong(options, says):
    with pytest.raises(FilteringError, match=says):
        QuestionIndex({"one": ["?"]}, **options)


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (None, "question 1 of the benchmark 'one' is no text, got None"),
        (7, "question 1 of the benchmark 'one' is no text, got 7"),
        ("Half\ud800", r"question 1 of the benchmark 'one' holds '\\ud800', half a character"),
    ],
)
def test_a_benchmark_question_that_is_no_text_is_named(question, says):
    with pytest.raises(FilteringError, match=says):
        find_contamination({"one": ["?", question]}, {})


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (
            {"question": ["?", None]},
            "row 1 of the pool 'mine' has None where a text should stand in question",
        ),
        ({"question": [1, 2]}, "row 0 of the pool 'mine' has 1 where a text should stand in question"),
        ({"row_id": ["a", None]}, "row 1 of the pool 'mine' has None where a text should stand in row_id"),
        ({"history": [None, [{"from": "me"}]]}, "row 1 .* has {'from': 'me'} where .* in history"),
        ({"history": [None, [{"content": 5}]]}, "row 1 of the pool 'mine' has 5 where .* in history"),
    ],
)
def test_a_row_that_is_no_text_is_named(tmp_path, columns, says):
    table = pa.table({"row_id": ["a", "b"], "question": ["?", "!"], **columns})
    with pytest.raises(FilteringError, match=says):
        find_contamination({"one": [TRAIN]}, {"mine": table})
    pq.write_table(table, tmp_path / "pool.parquet")
    with pytest.raises(FilteringError, match=says):
        find_contamination({"one": [TRAIN]}, {"mine": [tmp_path / "pool.parquet"]})


def _rows(folder: Path, source: str, rows):
    folder.mkdir()
    table = pa.Table.from_pylist(
        [
            {schema.ROW_ID: f"{source}-{i:032x}", schema.QUESTION: question, schema.HISTORY: history}
            for i, (question, history) in enumerate(rows)
        ],
        schema=pa.schema(
            [schema.ROW_SCHEMA.field(name) for name in (schema.ROW_ID, schema.QUESTION, schema.HISTORY)]
        ),
    )
    pq.write_table(table, folder / "part-00000.parquet")
    return [folder / "part-00000.parquet"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"the pool 'mine' names .*pool\.parquet, which is not there"),
        (b"text", r"pool\.parquet of the pool 'mine' cannot be read as parquet"),
        ({"id": ["a"], "question": ["b"]}, "pool 'mine' lacks row_id, found id, question"),
    ],
)
def test_a_pool_that_cannot_be_read_is_named(tmp_path, content, message):
    path = tmp_path / "pool.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        pq.write_table(pa.table(content), path)
        with pytest.raises(FilteringError, match="the table of the pool 'mine' lacks row_id"):
            find_contamination({"test": [TRAIN]}, {"mine": pa.table(content)})
    with pytest.raises(FilteringError, match=message):
        find_contamination({"test": [TRAIN]}, {"mine": [path]})
