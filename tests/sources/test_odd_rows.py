"""Readers of the catalogue on rows that no dataset should hold."""

import json

import pytest

from hf_qads.errors import SourceError
from hf_qads.rows import columns
from hf_qads.rows.columns import Pair, RowError
from hf_qads.sources import BENCHMARKS, CATALOGUE, SourceSpec, read_source
from hf_qads.sources.catalogue import readers
from hf_qads.sources.normalising import normalise
from hf_qads.sources.recipe import Recipe

ALL = {**CATALOGUE, **BENCHMARKS}
ODD = [None, "", " ", "x", "\ud800", "a\0b", 0, -1, 99, 3.5, True, [], ["x"], [None], [[None]], [True], {}]
ODD += [{"a": 1}, [{"a": 1}], [[{"aoVal": "A"}]], {"from": None, "value": None}]
WORDS = ("None", "nan", "b'", "aoVal", "[")  # what a value that is no text would be written as
MEMORY_ONLY = [b"x", [b"x"], float("nan"), [float("nan")], {1}]  # JSON holds no such thing


def changed(value, odd):
    """Every form of `value` with one thing in it replaced by an odd value, or taken away."""
    yield from odd
    if isinstance(value, dict):
        for key, inner in value.items():
            rest = {k: v for k, v in value.items() if k != key}
            yield rest
            yield from ({**rest, key: other} for other in changed(inner, odd))
    if isinstance(value, list):
        for i, inner in enumerate(value):
            before, after = value[:i], value[i + 1 :]
            yield before + after
            yield from ([*before, other, *after] for other in changed(inner, odd))


def odd_rows(entry, odd):
    return [row for raw in entry.examples for row in changed(raw, odd) if isinstance(row, dict)]


def rows_or_none(entry, raw):
    try:
        return entry.to_rows(raw)
    except RowError:
        return []
    except SourceError:  # the columns themselves are gone, which is said of the whole dataset
        if entry.reader is not None:
            raise
        return []


@pytest.mark.parametrize("entry", ALL.values(), ids=ALL)
def test_a_reader_gives_rows_or_a_reason_whatever_a_row_holds(entry):
    for raw in odd_rows(entry, ODD + MEMORY_ONLY):
        for pair in rows_or_none(entry, raw):
            if columns.check(pair) is None:
                assert pair.final_answer is None or pair.final_answer.strip() == pair.final_answer != ""
                said = (pair.question, pair.answer, pair.final_answer or "")
                assert not any(word in text for word in WORDS for text in said), raw


@pytest.mark.parametrize("entry", ALL.values(), ids=ALL)
def test_odd_rows_of_a_dataset_are_left_out_and_counted(tmp_path, entry):
    raws = [*entry.examples, *odd_rows(entry, ODD)]
    (tmp_path / "raw.json").write_text(json.dumps(raws), encoding="utf-8")
    read = read_source(SourceSpec(str(tmp_path / "raw.json"), name=entry.name), out=tmp_path / "out")
    assert read.facts["read"] == len(raws) == read.rows + sum(read.left_out.values())
    assert not any("reader cannot read" in reason for reason in read.left_out)


@pytest.mark.parametrize(
    ("reader", "raw", "reason"),
    [
        (readers.mmlu, {"question": "q", "choices": ["a", "b"], "answer": True}, "answer is not the number"),
        (readers.mmlu, {"question": "q", "choices": ["a", None], "answer": 0}, "choices are too many, or no"),
        (readers.mmlu, {"question": "q", "choices": ["a"] * 11, "answer": 10}, "answer is not the number"),
        (readers.mmlu, {"question": "q", "choices": ["a"] * 11, "answer": 1}, "choices are too many"),
        (readers.agieval, {"query": "q", "gold": [True]}, "gold is not the number of one choice"),
        (readers.aqua, {"question": "q", "rationale": "r", "options": ["A)1", None]}, "not a list of texts"),
        (readers.aqua, {"question": "q", "rationale": "r", "options": [5]}, "options is not a list of texts"),
        (readers.aqua, {"question": "q", "rationale": "r", "options": ["x"]}, "options without letters"),
        *(
            (readers.tal, {"problem": "p", "answer_value": "A", "answer_option_list": options}, reason)
            for options, reason in (
                ([[None]], "answer_option_list is not a list of options"),
                ([None], "answer_option_list is not a list of options"),
                ([["x"]], "answer_option_list is not a list of options"),
                ([[{"aoVal": "A"}]], "missing content"),
                ([[{"aoVal": "A", "content": None}]], "missing content"),
                ([[{"aoVal": "A", "content": 5}]], "content is not text"),
                ([[{"content": "x"}]], "missing aoVal"),
            )
        ),
        (readers.tal, {"problem": "p", "answer_value": "A", "answer_analysis": [5]}, "not a list of texts"),
    ],
)
def test_choices_that_are_none_leave_a_row_out(reader, raw, reason):
    with pytest.raises(RowError, match=reason):
        reader(raw)


@pytest.mark.parametrize(
    ("reader", "raw", "expected"),
    [
        (readers.metamath, {"query": "q", "response": "x The answer is: "}, "x The answer is:"),
        (readers.gsm8k("q", "a"), {"q": "q", "a": "x ####"}, "x"),
    ],
)
def test_an_answer_that_ends_before_its_result_has_no_final_answer(reader, raw, expected):
    assert reader(raw) == [Pair(None, "q", expected, None)]


def test_a_bare_result_in_the_form_of_gsm8k_is_a_sentence():
    assert readers.gsm8k("q", "a")({"q": "q", "a": "#### 5"}) == [Pair(None, "q", "The answer is 5", "5")]


def test_rows_that_break_a_reader_of_ones_own_are_left_out_and_counted():
    def lengths(raw):
        return [Pair(None, raw["question"], str(len(raw["answer"])))]

    raws = [{"question": "q", "answer": "four"}, {"question": "q", "answer": 4}, {"question": "q"}]
    done = normalise(raws, Recipe("mine", "reasoning", to_rows=lengths))
    assert done.rows["answer"].to_pylist() == ["4"]
    assert done.left["reason"].to_pylist() == [
        "raw row that its reader cannot read (TypeError)",
        "raw row that its reader cannot read (KeyError)",
    ]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_final_answer_that_is_no_unicode_leaves_its_row_out(tmp_path, form):
    rows = [{"question": "q", "answer": "a", "final_answer": final} for final in ("\ud800", "1")]
    text = json.dumps(rows) if form == "json" else "\n".join(map(json.dumps, rows))
    (tmp_path / f"raw.{form}").write_text(text, encoding="utf-8")
    read = read_source(SourceSpec(str(tmp_path / f"raw.{form}")), out=tmp_path / "out")
    assert (read.rows, read.left_out) == (1, {"text that is not valid Unicode": 1})
