"""New questions out of a model's text, and why some are not usable."""

import pytest

from hf_qads.augmenting import questions
from hf_qads.augmenting.operators import find_operator
from hf_qads.augmenting.questions import Language, read_question, unusable

PARENT = "Mia buys 3 pens at 4 dollars each. What is the cost?"
CHINESE = "5 \u652f\u94a2\u7b14\u6bcf\u652f 6 \u5143 \u4e00\u5171 \u591a\u5c11\u94b1\uff1f \u662f\u591a\u5c11"
RUSSIAN = "\u0421\u043a\u043e\u043b\u044c\u043a\u043e \u0441\u0442\u043e\u0438\u0442 \u043e\u043d\u0430?"
PARENTS = [
    f"{name} buys {n} pens at 4 dollars each. What is the cost?"
    for n in range(9)
    for name in ("Mia", "Tom", "Eva")
]


@pytest.mark.parametrize(
    "text",
    [
        "How many pens are there?",
        " \n How many pens are there? \n",
        "New problem: How many pens are there?",
        "**New problem:** How many pens are there?",
        "### Question 2: How many pens are there?",
        "Here is a new problem:\n\nHow many pens are there?",
        "Sure, here's the rewritten problem: How many pens are there?",
        '"How many pens are there?"',
        "**How many pens are there?**",
        "Modified question: \u201cHow many pens are there?\u201d",
    ],
)
def test_labels_quotes_and_emphasis_around_a_question_go(text):
    assert read_question(text) == "How many pens are there?"


@pytest.mark.parametrize(
    ("text", "operator", "reason"),
    [
        ("Mia buys 5 pens at 6 dollars each. What is the cost?", "numbers", None),
        ("Mia buys 3 cups at 4 dollars each. What is the cost?", "numbers", questions.NOT_DONE),
        (PARENT.upper(), "numbers", questions.AGAIN),
        ("", "numbers", questions.NO_QUESTION),
        ("Sure!", "numbers", questions.NO_QUESTION),
        ("Mia has a nice day with 12 pens of hers.", "numbers", questions.NO_QUESTION),
        ("Find the cost of 12 pens at 3 dollars each.", "numbers", None),
        ("What do 5 pens cost? And what do 6 cups cost?", "numbers", questions.TWO),
        ("1. What do 5 pens cost at 3 each\n2. Find the cost of 7 pens.", "numbers", questions.TWO),
        ("What do 5 pens at 2 dollars cost?\nQuestion: and 7 at 2.", "numbers", questions.TWO),
        ("What do 5 pens at 2 dollars cost?\nThe answer is 10.", "numbers", questions.GIVEN_AWAY),
        ("What do 5 pens cost?\nSolution: at 2 each it is ten.", "numbers", questions.GIVEN_AWAY),
        ("What do 5 pens at 2 dollars cost, as 5 * 2 = 10?", "numbers", questions.GIVEN_AWAY),
        ("What do 5 pens at 2 dollars cost? #### 10", "numbers", questions.GIVEN_AWAY),
        ("Combien co\u00fbtent cinq stylos pour la fille de Paul ?", "numbers", questions.OTHER_LANGUAGE),
        (CHINESE, "numbers", questions.OTHER_LANGUAGE),
        ("Mia buys 3 pens at 4 dollars each and gets 25% off. What is the cost?", "fractions", None),
        ("Mia buys half as many pens at 4 dollars each. What is the cost?", "fractions", None),
        ("Mia buys 5 pens at 4 dollars each. What is the cost?", "fractions", questions.NOT_DONE),
        ("Mia buys 3 pens at 4 dollars each. If she has 10 dollars, what is left?", "condition", None),
        ("Mia buys 3 pens at 4 dollars each. What is the cost of all?", "condition", questions.NOT_DONE),
        ("Mia buys 3 pens at 4 dollars each and 2 cups. What is the cost?", "complexity", None),
        ("What is the cost of 3 pens?", "complexity", questions.NOT_DONE),
    ],
)  # fmt: skip
def test_a_question_is_usable_or_has_a_reason(text, operator, reason):
    language = Language(PARENTS)
    assert unusable(read_question(text), PARENT, find_operator(operator), language) == reason


def test_with_few_parents_only_the_script_tells_the_language():
    language = Language(PARENTS[:5])
    assert language.holds("Combien co\u00fbtent cinq stylos pour la fille de Paul ?")
    assert not language.holds(RUSSIAN)


def test_a_question_may_ask_as_often_as_its_parent():
    parent = "What do 3 pens cost? And 4 cups?"
    new = "What do 5 pens cost? And 6 cups?"
    assert unusable(new, parent, find_operator("numbers"), Language([parent])) is None
