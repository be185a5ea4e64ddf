import numpy as np
import pytest

from hf_qads.publishing.facts.statistics import binned_median, mean_interval, pearson, spearman


def test_pearson_of_a_small_table_by_hand():
    # means 2.5 and 3; sums of products 4, of squares 5 and 6: r = 4 / sqrt(30)
    result = pearson(np.array([1.0, 2, 3, 4]), np.array([2.0, 2, 3, 5]))
    assert result.n == 4
    assert result.r == pytest.approx(5 / np.sqrt(5 * 6))
    # Fisher: atanh(r) -+ 1.96 / sqrt(1)
    assert result.low == pytest.approx(np.tanh(np.arctanh(result.r) - 1.959964))


def test_there_is_no_correlation_with_a_constant_or_with_three_pairs():
    assert pearson(np.ones(9), np.arange(9.0)) is None
    assert pearson(np.arange(3.0), np.arange(3.0)) is None


def test_spearman_sees_only_the_order():
    x = np.array([1.0, 2, 3, 4, 5])
    assert spearman(x, np.exp(x)).r == pytest.approx(1)


def test_mean_interval_by_hand():
    mean, low, high = mean_interval(np.array([1.0, 3.0]))
    assert (mean, high - mean) == (2.0, pytest.approx(1.959964 * np.sqrt(2) / np.sqrt(2)))
    assert mean - low == pytest.approx(high - mean)


def test_equal_values_share_a_bin():
    x, y = binned_median(np.array([1.0] * 50 + [9.0] * 50), np.arange(100.0))
    assert x.tolist() == [1, 9]
    assert y.tolist() == [24.5, 74.5]
