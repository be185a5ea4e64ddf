"""What an augmentation will ask for, counted by hand."""

from hf_qads.augmenting.augment import Paths
from hf_qads.augmenting.estimate import expect
from hf_qads.augmenting.operators import find_operator


def test_requests_and_rows_of_two_rounds():
    # round 1: 10 * 2 prompts, 20 new; round 2: 20 * 2, 40 new; answers: (10 + 60) * 4
    found = expect(
        10,
        40.0,
        operators=["numbers", "condition"],
        rounds=2,
        paths=Paths(samples=4, most=3),
        max_new_tokens=100,
    )
    assert found.usage.requests == 20 + 40 + 280
    assert found.rows == 70 * 3
    # a new question has 1.5 * 40 tokens, an answer half of 100
    assert found.usage.answer_tokens == 60 * 60 + 280 * 50


def test_prompts_hold_instruction_examples_and_question():
    operator = find_operator("answer")
    examples = {"answer": [("a" * 70, "b" * 35)]}
    settings = {"operators": [], "paths": Paths(samples=1), "max_new_tokens": 10}
    plain = expect(100, 40.0, **settings).usage.prompt_tokens
    shot = expect(100, 40.0, examples=examples, **settings).usage.prompt_tokens
    assert plain == round(100 * (len(operator.prompt("")) / 3.5 + 40))
    longer = len(operator.prompt("", examples["answer"])) - len(operator.prompt(""))
    assert abs(shot - plain - 100 * longer / 3.5) <= 1


def test_no_more_questions_are_answered_than_asked_for():
    found = expect(10, 40.0, operators=["numbers"], paths=Paths(own=3, new=5, samples=2), max_new_tokens=10)
    assert found.usage.requests == 10 + 8 * 2
