"""Evaluation in process: per question, kept, by one call."""

import numpy as np
import pytest

from hf_qads.embedded import pool
from hf_qads.errors import EvaluationError
from hf_qads.evaluation import evaluate
from hf_qads.evaluation.items import Item, items_of
from hf_qads.evaluation.likelihood import answer_log_probabilities
from hf_qads.generation.engine import Output
from tests.models import tiny_model, tiny_tokenizer

ITEMS = {
    "gsm8k": [Item(str(n), f"{n} + 1?", str(n + 1), f"{n} + 1 = {n + 1}") for n in range(5)],
    "svamp": [Item("s", "2 + 2?", "4"), Item("t", "word " * 200, "7")],
}
BOTH = ("accuracy", "log_probability")


class Scripted:
    """Answers every question of the form `n + 1?` rightly."""

    name = "scripted"

    def __init__(self):
        self.asked = []

    def answer(self, prompts, *, max_new_tokens, sampling=None, draws=None):
        for place, prompt in enumerate(prompts):
            self.asked.append(prompt)
            yield place, Output(f"The answer is {int(prompt.split('Question: ')[-1].split()[0]) + 1}.")


def test_both_measures_come_question_by_question():
    model, tokenizer = tiny_model(context=256), tiny_tokenizer()
    found = evaluate(model, ITEMS, tokenizer=tokenizer, measures=BOTH, max_new_tokens=4)
    assert {name: one.ids for name, one in found.items()} == {"gsm8k": tuple("01234"), "svamp": ("s", "t")}
    rows = [{"question": item.question, "answer": item.solution} for item in ITEMS["gsm8k"]]
    expected = answer_log_probabilities(model, tokenizer, rows)
    np.testing.assert_allclose(found["gsm8k"].values["log_probability"], expected)
    assert found["gsm8k"].mean("log_probability") == pytest.approx(expected.mean())
    assert np.isnan(found["svamp"].values["log_probability"]).tolist() == [False, True]
    assert set(found["gsm8k"].values["accuracy"]) <= {0.0, 1.0}
    assert found["svamp"].unfinished == 2


def test_a_server_answers_and_gives_no_log_probability(tmp_path):
    engine = Scripted()
    found = evaluate(None, {"gsm8k": ITEMS["gsm8k"]}, engine=engine, folder=tmp_path)
    assert (found["gsm8k"].score.accuracy, found["gsm8k"].score.n) == (1.0, 5)
    again = evaluate(None, {"gsm8k": ITEMS["gsm8k"]}, engine=engine, folder=tmp_path)
    assert len(engine.asked) == 5
    np.testing.assert_array_equal(again["gsm8k"].values["accuracy"], found["gsm8k"].values["accuracy"])
    with pytest.raises(EvaluationError, match="gives no log-probabilities"):
        evaluate(None, ITEMS, engine=engine, measures=BOTH)


def test_the_embedded_model_is_evaluated_by_its_name():
    items = items_of(pool.evaluation_rows(20, 1), "embedded")
    found = evaluate("embedded", {"embedded": items}, measures=("log_probability",))["embedded"]
    assert np.isfinite(found.values["log_probability"]).all()
    assert found.mean("log_probability") > -3


def test_wrong_use_is_one_line():
    with pytest.raises(EvaluationError, match="not among accuracy, log_probability"):
        evaluate("embedded", ITEMS, measures=("f1",))
    with pytest.raises(EvaluationError, match="without its tokenizer"):
        evaluate(tiny_model(), ITEMS)
