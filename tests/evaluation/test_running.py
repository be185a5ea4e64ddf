"""Results are kept per question, and a start after a kill asks only what is left."""

import json

import numpy as np
import pytest

from hf_qads.evaluation.benchmarks import BENCHMARKS, PAPER
from hf_qads.evaluation.items import Item
from hf_qads.evaluation.likelihood import answer_log_probabilities, paired_difference
from hf_qads.evaluation.running import run_benchmark
from hf_qads.evaluation.tables import Score, score, table
from hf_qads.generation.engine import Output
from hf_qads.statistics.intervals import wilson
from tests.models import tiny_model, tiny_tokenizer

ITEMS = [Item(str(n), f"{n} + 1?", str(n + 1)) for n in range(6)]
PROMPTS = [item.question for item in ITEMS]


class Scripted:
    """Answers rightly but for the first, in reverse; stops after `most`."""

    def __init__(self, name="scripted", most=None):
        self.name, self.most, self.asked = name, most, []

    def answer(self, prompts, *, max_new_tokens):
        for done, place in enumerate(reversed(range(len(prompts)))):
            if done == self.most:
                raise KeyboardInterrupt
            self.asked.append(prompts[place])
            n = int(prompts[place].split()[0])
            yield place, Output(f"The answer is {n + 1 if n else 7}.")


def test_results_are_in_order_and_judged(tmp_path):
    results = run_benchmark(Scripted(), ITEMS, PROMPTS, benchmark="gsm8k", folder=tmp_path)
    assert [one.id for one in results] == [item.id for item in ITEMS]
    assert [one.right for one in results] == [False, True, True, True, True, True]
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [line["answer"] for line in lines] == ["7", "2", "3", "4", "5", "6"]


def test_kill_loses_nothing_that_was_answered(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_benchmark(Scripted(most=4), ITEMS, PROMPTS, benchmark="gsm8k", folder=tmp_path)
    with (tmp_path / "results.jsonl").open("a") as stream:
        stream.write('{"id": "1", "key": "cut off')
    engine = Scripted()
    results = run_benchmark(engine, ITEMS, PROMPTS, benchmark="gsm8k", folder=tmp_path)
    assert engine.asked == ["1 + 1?", "0 + 1?"]
    assert len(results) == 6
    again = Scripted()
    assert run_benchmark(again, ITEMS, PROMPTS, benchmark="gsm8k", folder=tmp_path) == results
    assert again.asked == []


def test_outputs_of_another_model_prompt_or_length_are_not_used(tmp_path):
    run_benchmark(Scripted(), ITEMS, PROMPTS, benchmark="gsm8k", folder=tmp_path)
    other = Scripted("another")
    run_benchmark(other, ITEMS, PROMPTS, benchmark="gsm8k", folder=tmp_path)
    assert len(other.asked) == 6
    longer = Scripted("another")
    run_benchmark(longer, ITEMS, PROMPTS, benchmark="gsm8k", folder=tmp_path, max_new_tokens=9)
    assert len(longer.asked) == 6


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(8, 10, 0.4901625, 0.9433178), (0, 10, 0.0, 0.2775328), (10, 10, 0.7224672, 1.0)],
)
def test_interval_is_wilson_s(right, n, low, high):
    assert wilson(right, n) == pytest.approx((low, high), abs=1e-6)


def test_table_shows_accuracy_interval_n_and_the_paper():
    shown = table({"mine": [score("gsm8k", [True] * 8 + [False] * 2)]})
    assert "| GSM8K | 10 | 80.0 [49.0, 94.3] | 45.6 | 47.2 | 50.6 | 52.5 |" in shown
    assert "mean" not in shown
    whole = table({"mine": [Score(name, 1, 2, 0.1, 0.9) for name in BENCHMARKS]})
    assert "| mean |  | 50.0 | 29.5 | 31.3 | 32.2 | 33.9 |" in whole


def test_paper_s_means_are_those_of_its_columns():
    for row in PAPER.values():
        assert np.mean([row[name] for name in BENCHMARKS]) == pytest.approx(row["all"], abs=0.06)


def test_log_probabilities_are_the_mean_over_answer_tokens():
    import torch

    from hf_qads.rows.rendering import Renderer

    model, tokenizer = tiny_model(), tiny_tokenizer()
    rows = [{"question": f"What is {n}?", "answer": "one " * (n + 1)} for n in range(4)]
    found = answer_log_probabilities(model, tokenizer, rows, batch_tokens=64)
    for row, value in zip(rows, found, strict=True):
        block = Renderer(tokenizer).block(row)
        ids = torch.tensor([[tokenizer.bos_token_id, *block.ids]])
        said = model(ids).logits.detach().log_softmax(-1)[0]
        start, stop = (place + 1 for place in block.answer)
        expected = np.mean([float(said[place - 1, ids[0, place]]) for place in range(start, stop)])
        assert value == pytest.approx(expected, abs=1e-5)
    short = answer_log_probabilities(tiny_model(context=16), tokenizer, rows)
    assert np.isnan(short).all()


def test_paired_difference_is_of_the_pairs_that_were_measured():
    first = np.array([1.0, 2.0, 3.0, np.nan])
    second = np.array([2.0, 2.0, 5.0, 1.0])
    gap = paired_difference(first, second)
    # gaps 1, 0, 2: mean 1, standard deviation 1, standard error 0.577
    assert (gap.mean, gap.n) == (1.0, 3)
    assert (gap.low, gap.high) == pytest.approx((1 - 1.95996 / 3**0.5, 1 + 1.95996 / 3**0.5), abs=1e-4)
