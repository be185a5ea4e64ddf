"""A scaling study's curves and parts, from cells made by hand."""

import math

import pytest

from hf_qads.config.experiments import parse
from hf_qads.embedded import pool
from hf_qads.errors import ConfigError
from hf_qads.experiments.scaling import BASE, BOTH, EQUAL, added, as_dict, curves, part_tokens
from hf_qads.experiments.scaling_report import draw, markdown

RAW = {
    "name": "study",
    "scaling": {
        "run": "run.yaml",
        "strategies": ["random"],
        "shares": [0.25, 0.5, 1.0],
        "seeds": 3,
        "tokens": 100,
        "evaluate": {
            "benchmarks": ["embedded_words", "embedded_numbers"],
            "out_of_domain": ["embedded_numbers"],
        },
    },
}
SETTING = parse(RAW).scaling


def cell(arm, budget, seed, tokens, words, numbers):
    values = {
        "embedded_words": {"log_probability": [words - 0.01, words + 0.01, None]},
        "embedded_numbers": {"log_probability": [numbers] * 2},
    }
    return {"cell": {"arm": arm, "budget": budget, "seed": seed}, "tokens": tokens, "values": values}


def study(seeds=3):
    """Word problems grow by 0.2 a doubling, give or take a seed's 0.01; number problems do not."""
    results = [cell("untrained", "", 0, 0, -2.0, -1.0)]
    for seed in range(seeds):
        for place, share in enumerate(("25pct", "50pct", "100pct")):
            slope = 0.2 + 0.01 * (seed - 1)
            results.append(cell("random", share, seed, 1000 * 2**place, -1.5 + slope * place, -1.0))
    return results


def test_the_slope_of_each_domain_is_found():
    words, numbers = curves(study(), SETTING)
    assert (words.domain, numbers.domain) == ("in-domain", "out-of-domain")
    assert words.tokens == (1000, 2000, 4000)
    assert words.fit.per_doubling[0] == pytest.approx(0.2)
    assert words.untrained == -2.0
    assert words.fit.verdict == "growing"
    assert numbers.fit.per_doubling == pytest.approx((0, 0, 0))
    assert "cannot be told" in numbers.told


def test_a_seed_without_all_shares_does_not_count():
    unfinished = study()[:-1]
    words, _ = curves(unfinished, SETTING)
    assert words.fit.seeds == 2


def test_parts_are_compared_with_the_base_pool():
    results = [
        cell(arm, EQUAL, seed, 100, low + 0.01 * seed, -1.0)
        for arm, low in ((BASE, -1.0), (BOTH, -0.5))
        for seed in range(3)
    ]
    (compared,) = added(results, "log_probability").values()
    assert compared.mean == pytest.approx(0.25)  # 0.5 on one of two benchmarks
    assert added(results[:1], "log_probability") == {}
    text = markdown([], {"log_probability": added(results, "log_probability")}, part_tokens(results))
    assert "| base pool | 100 |" in text
    assert "| base and both | 100 | +0.2500 |" in text


def test_the_report_tells_and_draws_what_is_finished(tmp_path):
    found = curves(study(), SETTING)
    text = markdown(found, {"log_probability": {}}, {})
    assert "| random | in-domain | log-probability | 1,000 to 4,000 | -1.5000 | -1.1000 | +0.2000 [" in text
    draw(found, tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").stat().st_size > 10_000


def test_one_seed_says_nothing_of_chance():
    words, _ = curves(study(seeds=1), SETTING)
    assert words.fit.low == -math.inf
    assert as_dict([words], {}, {})["curves"][0]["fit"]["low"] is None  # JSON has no infinity


def test_shares_must_grow():
    with pytest.raises(ConfigError, match="shares must grow"):
        parse({**RAW, "scaling": {**RAW["scaling"], "shares": [0.5, 0.25, 1.0]}})


def test_the_parts_of_the_embedded_test_set_are_of_their_families():
    assert {row["family"] for row in pool.evaluation_rows(60, name="embedded_words")} <= set(
        pool.EVALUATION["embedded_words"]
    )
    assert not set(pool.EVALUATION["embedded_words"]) & set(pool.EVALUATION["embedded_numbers"])
