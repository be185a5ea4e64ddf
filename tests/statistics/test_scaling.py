"""Log-linear fits: known slopes are recovered from generated curves, with intervals that cover."""

import math

import numpy as np
import pytest

from hf_qads.statistics.scaling import GROWING, SATURATED, UNKNOWN, fit_log_linear

AMOUNTS = [100, 200, 400, 800, 1600]


def curves(seed, *, slope=0.05, noise=0.01, seeds=5, stops=math.inf, amounts=AMOUNTS):
    draw = np.random.default_rng(seed)
    clean = 0.1 + slope * np.log(np.minimum(np.asarray(amounts, float), stops))
    return clean + draw.normal(0, noise, (seeds, len(amounts)))


def test_a_line_worked_by_hand():
    # at 1, e and e squared: 1, 3 and 5 with slope 2; the other seed 1, 2 and 3 with slope 1
    fit = fit_log_linear([1, math.e, math.e**2], [[1, 3, 5], [1, 2, 3]])
    assert fit.slope == pytest.approx(1.5)
    assert fit.intercept == pytest.approx(1.0)
    # t of one degree of freedom is 12.706; the slopes' standard error 0.5
    assert (fit.low, fit.high) == pytest.approx((1.5 - 12.7062 * 0.5, 1.5 + 12.7062 * 0.5), abs=1e-3)
    assert fit.per_doubling[0] == pytest.approx(1.5 * math.log(2))
    assert fit.at([1, math.e]) == pytest.approx([1.0, 2.5])


def test_the_interval_covers_the_known_slope_as_often_as_it_says():
    fits = [fit_log_linear(AMOUNTS, curves(seed)) for seed in range(600)]
    covered = np.mean([fit.low <= 0.05 <= fit.high for fit in fits])
    assert 0.925 < covered < 0.975
    assert np.mean([fit.slope for fit in fits]) == pytest.approx(0.05, abs=0.0005)


def test_growth_that_goes_on_is_told_and_seldom_called_saturated():
    verdicts = [fit_log_linear(AMOUNTS, curves(seed)).verdict for seed in range(300)]
    assert verdicts.count(GROWING) > 270
    assert verdicts.count(SATURATED) < 15


def test_the_amount_from_which_nothing_grows_is_found():
    fits = [fit_log_linear(AMOUNTS, curves(seed, stops=400, noise=0.004)) for seed in range(300)]
    found = [fit.from_amount for fit in fits if fit.verdict == SATURATED]
    assert len(found) > 240
    assert np.mean([amount == pytest.approx(400) for amount in found]) > 0.6
    assert not any(amount > 900 for amount in found)


@pytest.mark.parametrize("values", [curves(0, noise=0.5), curves(0, seeds=1), curves(0, slope=0.0)])
def test_noise_and_a_single_seed_tell_nothing(values):
    fit = fit_log_linear(AMOUNTS, values)
    assert fit.verdict == UNKNOWN
    assert fit.from_amount is None
    assert fit.low < 0 < fit.high or len(values) > 1


def test_no_growth_at_all_is_not_called_growth():
    verdicts = [fit_log_linear(AMOUNTS, curves(seed, slope=0.0)).verdict for seed in range(300)]
    assert verdicts.count(UNKNOWN) > 270


@pytest.mark.parametrize(
    ("amounts", "values"), [([1, 2], [[1, 2]]), ([1, 3, 2], [[1, 2, 3]]), ([1, 2, 3], [[1, 2]])]
)
def test_amounts_that_do_not_rise_or_fit_are_an_error(amounts, values):
    with pytest.raises(ValueError, match="must rise"):
        fit_log_linear(amounts, values)
