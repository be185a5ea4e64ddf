"""What finished cells say, made by hand: sentences, verdicts, overlap, spread, what scores predict."""

import numpy as np
import pytest

from hf_qads.experiments.planning import pilot_spread
from hf_qads.experiments.results import composition, jaccard, lines, markdown, sentence
from hf_qads.experiments.validity import score_lines


def made(arm, seed, values, *, rows=10, tokens=100.0, sources=None, ids=()):
    return {
        "cell": {"arm": arm, "budget": "b", "seed": seed, "key": ""},
        "rows": rows,
        "tokens": tokens,
        "sources": sources or {"a": 1},
        "row_ids": list(ids),
        "values": {"gsm8k": {"accuracy": list(values)}},
    }


def test_a_sentence_names_every_factor_in_which_two_arms_differ():
    rng = np.random.default_rng(0)
    cells = [made("random", seed, rng.normal(0, 0.01, 30)) for seed in range(4)]
    cells += [made("rds", seed, rng.normal(1, 0.01, 30), tokens=160.0) for seed in range(4)]
    control, best = lines(cells, control="random", budget="b", measure="accuracy")
    said = sentence(best, control, factors=["strategy"])
    assert "rds is better than random by +0.99" in said or "rds is better than random by +1.00" in said
    assert "They differ in strategy, tokens trained on (160 and 100)." in said
    assert "| rds | 4 | 10 | 160 |" in markdown([control, best])


def test_no_verdict_comes_of_one_seed():
    cells = [made("random", 0, np.zeros(30)), made("qads", 0, np.ones(30))]
    assert [line.verdict for line in lines(cells, control="random", budget="b", measure="accuracy")] == [
        "",
        "",
    ]


def test_overlap_and_composition_by_hand():
    cells = [
        made("a", 0, [1.0], sources={"x": 3, "y": 1}, ids=["1", "2", "3"]),
        made("b", 0, [1.0], sources={"x": 1}, ids=["2", "3", "4"]),
    ]
    names, table = jaccard(cells, "b")
    assert names == ["a", "b"]
    assert table[0, 1] == 0.5
    assert composition(cells, "b") == {"a": {"x": 0.75, "y": 0.25}, "b": {"x": 1.0, "y": 0.0}}


def test_the_spread_of_a_pilot_is_found_again():
    rng = np.random.default_rng(3)
    cells = []
    for arm in "abcdefgh":
        own = rng.normal(0, 0.2, 400)
        for seed in range(15):
            cells.append(made(arm, seed, own + rng.normal(0, 0.1) + rng.normal(0, 0.3, 400)))
    seed, question, noise = pilot_spread(cells, "accuracy")
    assert (seed, question, noise) == pytest.approx((0.1, 0.2 * 2**0.5, 0.3), rel=0.25)


def test_a_score_that_predicts_is_told_from_one_that_does_not():
    rng = np.random.default_rng(0)
    cells = [made("untrained", 0, np.zeros(50))]
    for seed in range(5):
        for group in (1, 2, 3):
            for score, lift in (("good", 0.1 * group), ("idle", 0.0)):
                one = made(score, seed, lift + rng.normal(0, 0.005) + rng.normal(0, 0.01, 50))
                one["cell"]["budget"] = f"group{group}"
                cells.append(one | {"score": float(group)})
    good, idle = score_lines(cells, measure="accuracy")
    assert (good.score, good.top.verdict, idle.top.verdict) == ("good", "better", "inconclusive")
    assert good.gains == pytest.approx((0.1, 0.2, 0.3), abs=0.01)
    assert good.spearman > 0.9 > abs(idle.spearman)
