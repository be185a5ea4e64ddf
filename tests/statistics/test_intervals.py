import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hf_qads.statistics.intervals import mean_interval, wilson

NAN = float("nan")


def test_wilson_intervals_are_the_textbooks():
    # 8 of 10: centre (0.8 + 0.1921) / 1.3841 = 0.7168, half width 0.2266
    low, high = wilson(np.array([8, 0, NAN]), np.array([10, 20, 5]))
    assert low[0] == pytest.approx(0.4902, abs=2e-4)
    assert high[0] == pytest.approx(0.9433, abs=2e-4)
    assert (low[1], high[1]) == (0.0, pytest.approx(0.1611, abs=2e-4))
    assert np.isnan(low[2])
    assert np.isnan(high[2])


def test_without_a_trial_nothing_is_known_of_a_share():
    assert wilson(0, 0) == (0.0, pytest.approx(1.0))


@given(st.integers(1, 500), st.data())
def test_wilson_intervals_are_scipys_hold_the_share_and_stay_within_bounds(trials, data):
    right = data.draw(st.integers(0, trials))
    low, high = wilson(right, trials)
    assert 0 <= low <= right / trials <= high <= 1
    expected = stats.binomtest(right, trials).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_mean_interval_by_hand():
    mean, low, high = mean_interval(np.array([1.0, 3.0]))
    assert (mean, high - mean) == (2.0, pytest.approx(1.959964 * np.sqrt(2) / np.sqrt(2)))
    assert mean - low == pytest.approx(high - mean)
