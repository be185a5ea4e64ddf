from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads import schema
from hf_qads.errors import MixingError
from hf_qads.mixing.benchmarks import Benchmarks
from hf_qads.mixing.overlap import find_overlap
from hf_qads.mixing.questions import stem

TRAIN = (
    "A train travels 360 miles in 3 hours. At the same rate, how many additional hours would it take to "
    "travel an additional 240 miles?"
)
CHOICES = (
    "A shopkeeper sold 25 pens at a gain of 10 percent. What was the cost?\nAnswer Choices: (A) 5 (B) 7 (C) 9"
)
VAGUE = "Which of the following is true?\nOptions:\n(A) 5 is prime\n(B) 6 is prime"
SHORT = "What is 3 + 4?"


@pytest.fixture(scope="module")
def index():
    return Benchmarks({"one": [TRAIN, CHOICES, VAGUE, SHORT]}, near=0.6)


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
        "",
        "?!",
    ],
)
def test_another_question_is_not(index, text):
    assert index.find([text]) == []


def test_without_confirmation_every_common_run_of_tokens_counts():
    other = TRAIN.replace("360", "270")
    assert Benchmarks({"one": [TRAIN]}).find([other]) == []
    assert Benchmarks({"one": [TRAIN]}, confirm=False).find([other])[0].method == "ngram"


def test_only_a_whole_run_of_the_given_length_counts():
    question = "alpha beta gamma delta epsilon"
    text = "so alpha beta gamma delta it was"
    assert len(Benchmarks({"one": [question]}, ngram=4).find([text])) == 1
    assert Benchmarks({"one": [question]}, ngram=5).find([text]) == []
    assert Benchmarks({"one": [question]}, ngram=None).find([text]) == []


def test_chinese_questions_match_by_characters():
    question = "小明有十二个苹果,他给了小红五个苹果,请问小明还剩下几个苹果?"
    index = Benchmarks({"one": [question]})
    assert index.find([f"请回答:{question}谢谢"])[0].method == "ngram"
    assert index.find(["小明有十二个苹果,他想买一本书,请问书多少钱?"]) == []


def test_of_several_questions_the_closest_is_named():
    close = TRAIN.replace("A train", "The fast train")
    found = Benchmarks({"one": [close, TRAIN], "two": [close]}).find([f"Hello there. {TRAIN}"])
    assert [(match.benchmark, match.question) for match in found] == [("one", 1), ("two", 0)]


def test_the_stem_is_what_stands_before_the_choices():
    assert stem("How many?\nOptions:\n(A) 1") == "How many?\n"
    assert stem("有几个?\n选项:(A) 1 (B) 2") == "有几个?\n"
    assert stem("Pick.\nA. one\nB. two") == "Pick."
    assert stem("Options: (A) 1") == "Options: (A) 1"
    assert stem("What are my options?") == "What are my options?"


def test_overlap_counts_lists_and_names_the_rows_to_drop(tmp_path):
    turns = [{"role": "user", "content": TRAIN}, {"role": "assistant", "content": "5"}]
    pool = {
        "a": _rows(tmp_path / "a", "a", [(CHOICES, None), ("What now?", turns), ("Hello?", None)]),
        "b": _rows(tmp_path / "b", "b", [("Hello?", None)]),
    }
    found = find_overlap({"one": [TRAIN, "Who?"], "two": [CHOICES, TRAIN]}, pool)
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
    found.save(tmp_path / "overlap.parquet")
    listed = pq.read_table(tmp_path / "overlap.parquet").to_pylist()
    assert [line["benchmark_question"] for line in listed] == [CHOICES, TRAIN, TRAIN]


def test_nothing_to_find_gives_an_empty_list(tmp_path):
    found = find_overlap({}, {"a": _rows(tmp_path / "a", "a", [("Hello?", None)])}, near=0.8)
    assert (found.table(), found.dropped, len(found.hits)) == ([], {"a": 0}, 0)


@pytest.mark.parametrize(("options", "says"), [({"ngram": 1}, "2 or more"), ({"near": 0}, r"\(0, 1\]")])
def test_wrong_values_say_what_is_wrong(options, says):
    with pytest.raises(MixingError, match=says):
        Benchmarks({"one": ["?"]}, **options)


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
        with pytest.raises(MixingError, match="the table of the pool 'mine' lacks row_id"):
            find_overlap({"test": [TRAIN]}, {"mine": pa.table(content)})
    with pytest.raises(MixingError, match=message):
        find_overlap({"test": [TRAIN]}, {"mine": [path]})
