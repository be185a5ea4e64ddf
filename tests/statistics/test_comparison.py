"""Comparisons on simulated results whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from hf_qads.statistics.comparison import (
    Comparison,
    compare_arms,
    detectable,
    expected_spread,
    hierarchical_bootstrap,
    holm,
)
from hf_qads.statistics.students_t import t_cdf, t_quantile

QUESTIONS = 60
# seed, question and noise: standard deviations as accuracies and log-probabilities have them
DESIGNS = {
    "seeds weigh": (0.05, 0.1, 0.3),
    "both weigh": (0.02, 0.2, 0.2),
    "questions weigh": (0.02, 0.3, 0.1),
}


def simulated(rng, seeds, *, design, arms=1, effect=0.0, control_seeds=None):
    """Arms and a control on two test sets: `effect` is the true difference of every arm."""
    of_seed, of_question, noise = design
    counts = [seeds] * arms + [control_seeds or seeds]
    shifts = [rng.normal(0, of_seed, (count, 1)) for count in counts]
    found = [{} for _ in counts]
    for benchmark in "ab":
        hard = rng.normal(0, 1, QUESTIONS)
        for place, (count, shift) in enumerate(zip(counts, shifts, strict=True)):
            own = rng.normal(0, of_question / np.sqrt(2), QUESTIONS)
            lift = effect if place < arms else 0.0
            found[place][benchmark] = hard + own + shift + lift + rng.normal(0, noise, (count, QUESTIONS))
    return found[:-1], found[-1]


@pytest.mark.parametrize("seeds", [2, 3, 5, 8, 20])
@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_the_interval_covers_the_truth_as_often_as_it_says(seeds, design):
    rng = np.random.default_rng(seeds)
    covered = 0
    for _ in range(1000):
        (arm,), control = simulated(rng, seeds, design=design, effect=0.03)
        one = compare_arms(arm, control)
        covered += one.low <= 0.03 <= one.high
    assert 930 <= covered <= 970


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3, 5, 8, 20])
@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_a_false_better_among_many_arms_is_as_rare_as_it_says(seeds, design):
    rng = np.random.default_rng(100 + seeds)
    false = 0
    for _ in range(1000):
        arms, control = simulated(rng, seeds, design=design, arms=6, control_seeds=max(seeds, 5))
        verdicts = holm({str(n): compare_arms(arm, control) for n, arm in enumerate(arms)})
        false += any(one.verdict == "better" for one in verdicts.values())
    assert false <= 50


def test_the_percentile_bootstrap_is_too_narrow_at_three_seeds():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        (arm,), control = simulated(rng, 3, design=(0.1, 0.05, 0.1))
        low, high = hierarchical_bootstrap(arm, control, draws=300)
        covered += low <= 0 <= high
    assert covered < 180  # below 90 % where 95 % are meant


def test_the_bootstrap_and_the_interval_agree_at_many_seeds():
    rng = np.random.default_rng(5)
    (arm,), control = simulated(rng, 40, design=DESIGNS["both weigh"], effect=0.1)
    one, (low, high) = compare_arms(arm, control), hierarchical_bootstrap(arm, control)
    assert (low, high) == pytest.approx((one.low, one.high), abs=0.15 * (one.high - one.low))


def test_the_smallest_detectable_difference_is_found_in_four_of_five_experiments():
    design = DESIGNS["both weigh"]
    spread = expected_spread(
        seed=design[0],
        question=design[1] * np.sqrt(1),
        noise=design[2],
        seeds=(8, 8),
        questions=[QUESTIONS, QUESTIONS],
    )
    size = detectable(spread)
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(500):
        (arm,), control = simulated(rng, 8, design=design, effect=size)
        found += compare_arms(arm, control).verdict == "better"
    assert 0.74 <= found / 500 <= 0.88
    assert detectable(spread, comparisons=6) > size


def test_a_difference_by_hand():
    # two seeds, two questions: means 3 and 1; seeds differ by 2 and by 0; questions' gaps 1 and 3
    arm = {"a": np.array([[1.0, 3.0], [3.0, 5.0]])}
    control = {"a": np.array([[1.0, 1.0], [1.0, 1.0]])}
    one = compare_arms(arm, control)
    assert (one.mean, one.seeds, one.n) == (2.0, (2, 2), 2)
    # variance: seeds 2 / 2 = 1, questions 2 / 2 = 1, residual 0; degrees of freedom 4 / (1 + 1) = 2
    assert one.spread.variance == pytest.approx(2.0)
    assert one.spread.df == pytest.approx(2.0)
    assert one.high - one.mean == pytest.approx(stats.t.ppf(0.975, 2) * np.sqrt(2))
    assert one.p == pytest.approx(2 * stats.t.sf(2 / np.sqrt(2), 2))


def test_test_sets_weigh_alike_whatever_their_size():
    arm = {"large": np.ones((3, 300)), "small": np.zeros((3, 10))}
    control = {"large": np.zeros((3, 300)), "small": np.zeros((3, 10))}
    assert compare_arms(arm, control).mean == 0.5


def test_one_seed_is_inconclusive_and_questions_without_a_number_are_left_out():
    one = compare_arms({"a": np.ones((1, 50))}, {"a": np.zeros((5, 50))})
    assert (one.mean, one.verdict, one.low) == (1.0, "inconclusive", -np.inf)
    holed = np.ones((3, 50))
    holed[0, :10] = np.nan
    assert compare_arms({"a": holed}, {"a": np.zeros((3, 50))}).n == 40


def test_holm_tests_the_smallest_first_and_shows_the_level_it_tested_at():
    def known(mean, error):
        arm = {"a": np.full((4, 200), 0.0)}
        rng = np.random.default_rng(int(1000 * abs(mean)))
        arm["a"] += mean + rng.normal(0, error, (4, 1)) + rng.normal(0, error, (4, 200))
        return compare_arms(arm, {"a": rng.normal(0, error, (4, 1)) + np.zeros((4, 200))})

    found = holm({"clear": known(1.0, 0.05), "weak": known(0.02, 0.05), "none": known(0.001, 0.05)})
    assert found["clear"].level == pytest.approx(1 - 0.05 / 3)
    assert found["clear"].verdict == "better"
    assert found["weak"].level == found["none"].level == pytest.approx(1 - 0.05 / 2)
    assert {found["weak"].verdict, found["none"].verdict} == {"inconclusive"}


def test_the_verdict_is_decided_by_the_interval_that_is_shown():
    assert Comparison(1, 0.1, 2, 0.95, 0.01, (5, 5), 9).verdict == "better"
    assert Comparison(-1, -2, -0.1, 0.95, 0.01, (5, 5), 9).verdict == "worse"
    assert Comparison(1, -0.1, 2, 0.95, 0.06, (5, 5), 9).verdict == "inconclusive"


@pytest.mark.parametrize("df", [1, 2, 2.7, 7, 30.5, 1000])
def test_student_s_t_is_scipy_s(df):
    for t in (-8.0, -1.5, 0.0, 0.3, 2.0, 40.0):
        assert t_cdf(t, df) == pytest.approx(stats.t.cdf(t, df), abs=1e-10)
    for p in (0.001, 0.025, 0.3, 0.5, 0.8, 0.975, 0.99999):
        assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-8, abs=1e-8)
