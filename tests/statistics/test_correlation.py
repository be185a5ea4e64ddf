import numpy as np
import pytest
from scipy import stats

from hf_qads.statistics.correlation import RESAMPLED, correlation, correlations, ranks


def test_correlation_of_a_small_table_by_hand():
    # means 2.5 and 3; sums of products 5, of squares 5 and 6
    assert correlation(np.array([1.0, 2, 3, 4]), np.array([2, 2, 3, 5])) == pytest.approx(5 / np.sqrt(5 * 6))


def test_correlations_of_hand_worked_pairs():
    # Deviations (-1.5, -.5, .5, 1.5) and (-1.5, -.5, 1.5, .5): 4 / 5; the ranks are the same numbers.
    found = correlations([1, 2, 3, 4], [1, 2, 4, 3])
    assert found.pearson == pytest.approx(0.8)
    assert found.spearman == pytest.approx(0.8)
    assert found.n == 4


def test_ties_share_their_mean_rank():
    assert ranks(np.array([5.0, 1, 5, 3])).tolist() == [2.5, 0, 2.5, 1]
    assert ranks(np.asarray([5.0, 1.0, 5.0, 9.0])).tolist() == [1.5, 0.0, 1.5, 3.0]


def test_spearman_sees_only_the_order():
    x = np.arange(1, 9)
    found = correlations(x, np.exp(x))
    assert found.spearman == pytest.approx(1.0)
    assert found.pearson < 0.9


def tied(n, seed):
    """Two columns that hang together, with many equal values."""
    x = np.random.default_rng(seed).integers(0, 12, n).astype(float)
    return x, np.round(x + np.random.default_rng(seed + 1).normal(scale=4, size=n))


@pytest.mark.parametrize(
    ("x", "y"), [tied(40, 0), tied(300, 1), np.random.default_rng(2).normal(size=(2, 60))]
)
def test_coefficients_are_scipys(x, y):
    found = correlations(x, y, resamples=0)
    assert found.pearson == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert found.spearman == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert found.pearson_low is None


@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_intervals_are_scipys_bootstrap_of_the_rows(name):
    x, y = tied(80, 5)
    statistic = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[name]
    expected = stats.bootstrap(
        (x, y), lambda a, b: statistic(a, b).statistic, paired=True, vectorized=False, n_resamples=2000,
        method="percentile", rng=0,
    ).confidence_interval  # fmt: skip
    found = correlations(x, y, resamples=2000)
    ends = getattr(found, f"{name}_low"), getattr(found, f"{name}_high")
    assert ends == pytest.approx((expected.low, expected.high), abs=0.03)


def test_a_resamples_ranks_are_those_of_sorting_it_anew():
    from hf_qads.statistics.correlation import _weighted_ranks

    x, _ = tied(30, 3)
    drawn = np.random.default_rng(0).integers(0, 30, (5, 30))
    weights = np.stack([np.bincount(row, minlength=30) for row in drawn]).astype(float)
    found = _weighted_ranks(weights, np.unique(x, return_inverse=True)[1])
    for row, weight in zip(found, weights, strict=True):
        expected = ranks(np.repeat(x, weight.astype(int)))
        np.testing.assert_allclose(np.repeat(row, weight.astype(int)) - 0.5, expected)


def test_the_interval_holds_the_value_and_narrows_with_more_rows():
    rng = np.random.default_rng(0)
    widths = []
    for n in (30, 1000, 4 * RESAMPLED):
        real = rng.normal(size=n)
        found = correlations(real, real + rng.normal(size=n), seed=1)
        assert found.pearson_low < found.pearson < found.pearson_high
        assert found.spearman_low < found.spearman < found.spearman_high
        widths.append(found.pearson_high - found.pearson_low)
    assert widths[1] < widths[0] / 3
    # The standard error of a correlation of r = 0.707 over 20,000 rows is (1 - r^2) / sqrt(n).
    assert widths[2] == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(4 * RESAMPLED), rel=0.15)


def test_the_same_seed_gives_the_same_interval():
    real, predicted = np.random.default_rng(0).normal(size=(2, 50))
    assert correlations(real, predicted, seed=3) == correlations(real, predicted, seed=3)
    assert correlations(real, predicted, seed=3) != correlations(real, predicted, seed=4)


def test_rows_without_a_score_are_not_counted():
    found = correlations([1, 2, 3, 4, np.nan, 5], [1, 2, 4, 3, 7, np.nan])
    assert (found.n, found.pearson) == (4, pytest.approx(0.8))


def test_scores_far_from_zero_keep_their_correlation_and_resamples_that_do_not_vary_are_left_out():
    found = correlations(1e6 + np.array([0.0, 0, 0, 1, 1]), [1, 1, 1, 2, 3])
    # deviations of the first (-.4, -.4, -.4, .6, .6), of the second (-.6, -.6, -.6, .4, 1.4)
    assert found.pearson == pytest.approx(1.8 / np.sqrt(1.2 * 3.2))
    assert -1 <= found.pearson_low <= found.pearson <= found.pearson_high <= 1


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
    found = correlations(real, predicted, names=("real scores", "predicted scores"))
    assert (found.pearson, found.reason) == (None, reason)
