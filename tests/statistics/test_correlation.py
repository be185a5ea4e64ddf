import numpy as np
import pytest

from hf_qads.statistics.correlation import comparable, correlation, ranks


def test_correlation_of_a_small_table_by_hand():
    # means 2.5 and 3; sums of products 5, of squares 5 and 6
    assert correlation(np.array([1.0, 2, 3, 4]), np.array([2, 2, 3, 5])) == pytest.approx(5 / np.sqrt(5 * 6))


def test_ties_share_their_mean_rank():
    assert ranks(np.array([5.0, 1, 5, 3])).tolist() == [2.5, 0, 2.5, 1]


def test_three_rows_or_a_constant_cannot_be_compared():
    four = np.arange(4.0)
    assert comparable(four, four)
    assert not comparable(four[:3], four[:3])
    assert not comparable(four, np.ones(4))
    assert not comparable(np.ones(4), four)
