import numpy as np
import pytest

from hf_qads.statistics.split_half import split_half
from hf_qads.statistics.wins import win_rate, wins

NAN = float("nan")


def test_a_win_is_a_strict_improvement_of_a_scored_pair():
    found = wins(np.array([[-1.0, -2.0, NAN], [-3.0, -2.0, -1.0]]), np.array([-2.0, -2.0, -2.0]))
    np.testing.assert_array_equal(found, np.array([[1, 0, NAN], [0, 0, 1]], dtype=np.float32))
    # 1 of 2 scored, and 1 of 3
    assert win_rate(found).tolist() == pytest.approx([1 / 2, 1 / 3])


def test_an_anchor_without_a_zero_shot_score_and_a_row_without_any_have_no_share():
    found = wins(np.array([[-1.0, -2.0]], dtype=np.float32), np.array([NAN, NAN]))
    assert np.isnan(found).all()
    assert np.isnan(win_rate(found)).all()


def test_reliability_is_the_mean_over_random_halvings_stepped_up_by_spearman_brown():
    rng = np.random.default_rng(0)
    won = (rng.random((50, 10)) < rng.random((50, 1))).astype(np.float32)
    draws, slow = np.random.default_rng(7), []
    for _ in range(5):
        order = draws.permutation(10)
        halves = [won[:, order[part::2]].mean(axis=1) for part in (0, 1)]
        ordered = [
            np.array([(half < v).sum() + ((half == v).sum() - 1) / 2 for v in half]) for half in halves
        ]
        slow.append(np.corrcoef(*ordered)[0, 1])
    found = split_half([won], splits=5, seed=7)
    assert found.spearman == pytest.approx(np.mean(slow))
    assert found.reliability == pytest.approx(2 * np.mean(slow) / (1 + np.mean(slow)))
