import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_qads.errors import MixingError
from hf_qads.mixing import ratios

SIZES = {"a": 2000, "b": 4000, "c": 300, "d": 50_000, "e": 8000}


def test_size_cuts_large_sources_to_the_mean_of_the_middle_ones():
    # Eq. 5 with low 1000, upp 8000: the middle sizes are 2000 and 4000, their mean is 3000.
    shares = ratios.by_size(SIZES, upp=8000)
    assert shares == {"a": 1, "b": 1, "c": 1, "d": 3000 / 50_000, "e": 3000 / 8000}
    assert ratios.kept(SIZES, shares) == {"a": 2000, "b": 4000, "c": 300, "d": 3000, "e": 3000}


def test_size_bounds_are_strict_and_upp_itself_is_cut():
    shares = ratios.by_size({"low": 1000, "mid": 1001, "upp": 5000}, low=1000, upp=5000)
    assert shares == {"low": 1, "mid": 1, "upp": 1001 / 5000}


def test_size_keeps_all_whole_where_none_reaches_upp():
    assert set(ratios.by_size(SIZES, upp=60_000).values()) == {1.0}


def test_score_is_the_mean_over_the_highest_score():
    assert ratios.by_score({"a": 4.5, "b": 1.0}) == {"a": 0.9, "b": 0.2}
    assert ratios.by_score({"a": 0.25}, scale=1) == {"a": 0.25}


def test_total_is_in_proportion_to_score_and_size():
    # weights 100 * 4 and 200 * 1: 300 rows are shared 2 : 1, but a holds 100 only, so b gives 200.
    assert _total({"a": 100, "b": 200}, {"a": 4, "b": 1}, 60) == {"a": 40, "b": 20}
    assert _total({"a": 100, "b": 200}, {"a": 4, "b": 1}, 200) == {"a": 100, "b": 100}
    assert _total({"a": 100, "b": 200}, {"a": 4, "b": 1}, 300) == {"a": 100, "b": 200}


def test_total_with_the_rows_of_the_score_rule_is_the_score_rule():
    sizes, means = {"a": 1000, "b": 500}, {"a": 2.5, "b": 4.0}
    assert _total(sizes, means, 900) == ratios.kept(sizes, ratios.by_score(means)) == {"a": 500, "b": 400}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.floats(0.01, 5)), min_size=1, max_size=8), st.floats(0.001, 1)
)
def test_total_gives_exactly_the_rows_asked_for(sources, share):
    sizes = {str(i): size for i, (size, _) in enumerate(sources)}
    means = {str(i): mean for i, (_, mean) in enumerate(sources)}
    rows = max(1, int(share * sum(sizes.values())))
    if rows > sum(sizes.values()):
        return
    kept = _total(sizes, means, rows)
    assert sum(kept.values()) == rows
    assert all(0 <= kept[source] <= sizes[source] for source in sizes)


def test_a_half_row_rounds_up():
    assert ratios.kept({"a": 5, "b": 3, "c": 5}, {"a": 0.1, "b": 0.1, "c": 0.5}) == {"a": 1, "b": 0, "c": 3}
    assert ratios.kept({"a": 15}, {"a": 0.7}) == {"a": 11}  # 0.7 * 15 is 10.5 but for a float's last bit


def test_a_rule_per_kind_sees_its_own_kind_only():
    kinds = {"a": "reasoning", "b": "reasoning", "d": "general"}
    shares = ratios.from_rule(
        {"reasoning": {"rule": "size", "low": 1000, "upp": 4000}, "general": {"rule": "fixed", "value": 0.1}},
        sizes={source: SIZES[source] for source in kinds},
        kinds=kinds,
    )
    assert shares == {"a": 1, "b": 0.5, "d": 0.1}


def test_rules_of_a_config_give_what_their_functions_give():
    means = {source: 2.0 for source in SIZES}
    shares = {
        "score": ratios.from_rule({"rule": "score", "low": None}, sizes=SIZES, means=means),
        "all": ratios.from_rule({"rule": "all"}, sizes=SIZES),
        "total": ratios.from_rule({"rule": "total", "rows": 100}, sizes=SIZES, means=means),
        "explicit": ratios.from_rule({"rule": "explicit", "shares": dict.fromkeys(SIZES, 0.5)}, sizes=SIZES),
    }
    assert set(shares["score"].values()) == {0.4}
    assert shares["all"] == ratios.keep_all(SIZES)
    assert shares["total"] == ratios.total(SIZES, means, rows=100)
    assert set(shares["explicit"].values()) == {0.5}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ratios.by_size(SIZES, upp=500), "0 <= low < upp"),
        (lambda: ratios.by_size({"a": 9000}, upp=5000), "no source with more than low"),
        (lambda: ratios.by_score({"a": math.nan}), "NaN means"),
        (lambda: ratios.by_score({"a": 5.1}), r"\[0, 5\]"),
        (lambda: ratios.by_score({}), "no sources"),
        (lambda: ratios.fixed(["a"], value=0), r"\(0, 1\]"),
        (lambda: ratios.total({"a": 3}, {"a": 1}, rows=4), "hold 3"),
        (lambda: ratios.total({"a": 3}, {"a": 1}, rows=0), "positive integer"),
        (lambda: ratios.kept({"a": 3}, {}), "no ratio for source 'a'"),
        (lambda: ratios.kept({"a": 3}, {"a": math.nan}), r"\[0, 1\]"),
        (lambda: ratios.kept({"a": -1}, {"a": 1}), "whole number"),
        (lambda: ratios.from_rule({"rule": "best"}, sizes=SIZES), "must be one of score"),
        (lambda: ratios.from_rule({"rule": "fixed"}, sizes=SIZES), "needs value"),
        (lambda: ratios.from_rule({"rule": "all", "value": 1}, sizes=SIZES), "does not take value"),
        (
            lambda: ratios.from_rule({"rule": "score"}, sizes=SIZES, means={"a": 1}),
            "no mean score for source 'b'",
        ),
        (
            lambda: ratios.from_rule({"general": {"rule": "all"}}, sizes={"a": 1}, kinds={"a": "reasoning"}),
            "no rule for",
        ),
        (
            lambda: ratios.from_rule({"reasoning": "all"}, sizes={"a": 1}, kinds={"a": "reasoning"}),
            "must be a mapping",
        ),
        (lambda: ratios.from_rule({}, sizes=SIZES), "needs a rule"),
    ],
)
def test_wrong_values_say_what_is_wrong(call, says):
    with pytest.raises(MixingError, match=says):
        call()


def _total(sizes, means, rows):
    return ratios.kept(sizes, ratios.total(sizes, means, rows=rows))
