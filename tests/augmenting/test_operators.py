"""Operators: a file each, prompts with examples, and the way back from a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_qads.augmenting.operators import find_operator, operators, prompt_reader, read_examples
from hf_qads.errors import ConfigError


def test_the_five_operators_are_there():
    assert operators() == ["complexity", "concepts", "condition", "fractions", "numbers"]


@pytest.mark.parametrize("name", [*operators(), "answer"])
def test_a_prompt_holds_instruction_examples_and_question_in_this_order(name):
    operator = find_operator(name)
    prompt = operator.prompt("How many?", [("Old one?", "New one."), ("Older?", "Newer.")])
    places = [prompt.index(text) for text in ("maths problem", "Old one?", "New one.", "Older?", "How many?")]
    assert places == sorted(places)
    assert prompt.endswith(operator.after)
    assert "{" not in prompt


@given(st.sampled_from([*operators(), "answer"]), st.text(min_size=1, max_size=80))
def test_a_prompt_can_be_read_back(name, question):
    operator = find_operator(name)
    if operator.label in question:
        return
    read = prompt_reader(operators())
    assert read(operator.prompt(question)) == (name, question)
    assert read(operator.prompt(question, [("Old?", "New?")])) == (name, question)
    assert read("something else") is None


def test_an_operator_of_ones_own_is_one_file(tmp_path):
    path = tmp_path / "units.md"
    path.write_text(
        "---\nline: other units\nneeds: metre\n---\nWrite it in metres.\n\n{examples}Q: {question}\nA:"
    )
    operator = find_operator(str(path))
    assert (operator.name, operator.line) == ("units", "other units")
    assert operator.prompt("How far?", [("a", "b")]) == "Write it in metres.\n\nQ: a\nA: b\n\nQ: How far?\nA:"
    assert operator.done("How many metres?", "How far?")
    assert not operator.done("How many miles?", "How far?")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no head {examples}Q: {question}\nA:", "needs a head"),
        ("---\nneeds: a\n---\n{examples}Q: {question}\nA:", "needs a head"),
        ("---\nline: a\nodd: 1\n---\n{examples}Q: {question}\nA:", "needs a head"),
        ("---\nline: a\nneeds: '('\n---\n{examples}Q: {question}\nA:", "head of .* is not valid"),
        ("---\nline: a\n---\n{examples}Q: \nA:", "needs {examples}"),
        ("---\nline: a\n---\n{examples}{question}\nA:", "needs {examples}"),
    ],
)
def test_a_file_that_is_no_operator_is_an_error(tmp_path, text, message):
    path = tmp_path / "own.md"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        find_operator(str(path))


def test_an_unknown_operator_names_those_that_there_are():
    with pytest.raises(ConfigError, match="Use complexity, concepts"):
        find_operator("numberz")


def test_examples_come_from_a_file(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("numbers:\n  - {question: '3 pens?', new: '4 pens?'}\n")
    assert read_examples(path) == {"numbers": [("3 pens?", "4 pens?")]}
    for wrong in ("- a", "numbers: 3", "numbers: [{question: a}]", "a: ["):
        path.write_text(wrong)
        with pytest.raises(ConfigError, match="not usable"):
            read_examples(path)
