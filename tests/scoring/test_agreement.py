import numpy as np
import pytest

from hf_qads.scoring.agreement import agreement, agreement_by, ranks


def test_correlations_of_hand_worked_pairs():
    # Deviations (-1.5, -.5, .5, 1.5) and (-1.5, -.5, 1.5, .5): 4 / 5; the ranks are the same numbers.
    found = agreement([1, 2, 3, 4], [1, 2, 4, 3])
    assert found.pearson == pytest.approx(0.8)
    assert found.spearman == pytest.approx(0.8)
    assert found.n == 4


def test_ties_share_the_mean_of_their_ranks():
    assert ranks(np.asarray([5.0, 1.0, 5.0, 9.0])).tolist() == [1.5, 0.0, 1.5, 3.0]


def test_spearman_sees_only_the_order():
    x = np.arange(1, 9)
    found = agreement(x, np.exp(x))
    assert found.spearman == pytest.approx(1.0)
    assert found.pearson < 0.9


def test_the_interval_holds_the_value_and_narrows_with_more_rows():
    rng = np.random.default_rng(0)
    widths = []
    for n in (30, 1000):
        real = rng.normal(size=n)
        found = agreement(real, real + rng.normal(size=n), seed=1)
        assert found.pearson_low < found.pearson < found.pearson_high
        assert found.spearman_low < found.spearman < found.spearman_high
        widths.append(found.pearson_high - found.pearson_low)
    assert widths[1] < widths[0] / 3


def test_the_same_seed_gives_the_same_interval():
    real, predicted = np.random.default_rng(0).normal(size=(2, 50))
    assert agreement(real, predicted, seed=3) == agreement(real, predicted, seed=3)
    assert agreement(real, predicted, seed=3) != agreement(real, predicted, seed=4)


def test_rows_without_a_score_are_not_counted():
    found = agreement([1, 2, 3, 4, np.nan, 5], [1, 2, 4, 3, 7, np.nan])
    assert (found.n, found.pearson) == (4, pytest.approx(0.8))


@pytest.mark.parametrize(
    ("real", "predicted", "reason"),
    [
        ([1, 2, 3], [1, 2, 3], "only 3 rows"),
        ([1, 1, 1, 1], [1, 2, 3, 4], "all real scores are equal"),
        ([1, 2, 3, 4], [2, 2, 2, 2], "all predicted scores are equal"),
        ([], [], "only 0 rows"),
    ],
)
def test_what_has_no_correlation_says_why(real, predicted, reason):
    found = agreement(real, predicted)
    assert (found.pearson, found.reason) == (None, reason)


def test_each_part_of_the_rows_has_its_own():
    real = np.asarray([1.0, 2, 3, 4, 1, 2, 3, 4])
    found = agreement_by(real, np.asarray([1.0, 2, 3, 4, 4, 3, 2, 1]), {"sources": ["a"] * 4 + ["b"] * 4})
    assert found["sources"]["a"]["pearson"] == pytest.approx(1.0)
    assert found["sources"]["b"]["pearson"] == pytest.approx(-1.0)
    assert found["all"]["n"] == 8
    assert found["all"]["pearson"] == pytest.approx(0.0)
