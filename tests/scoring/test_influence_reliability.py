import numpy as np
import pytest

from hf_qads.scoring.influence.length import without_length
from hf_qads.scoring.influence.result import Influence, join
from hf_qads.statistics.correlation import correlations
from hf_qads.statistics.intervals import wilson
from hf_qads.statistics.split_half import split_half

NAN = float("nan")


def result(one_shot, zero_shot, answer_tokens=None):
    one = np.array(one_shot, dtype=np.float32)
    return Influence(
        one_shot=one,
        zero_shot=np.array(zero_shot, dtype=np.float32),
        answer_tokens=np.array(answer_tokens or range(1, len(one) + 1), dtype=np.int32),
        row_reasons=[None] * len(one),
        anchor_reasons=[None] * one.shape[1],
        left_out={},
    )


def test_win_rate_counts_strict_improvements_of_scored_pairs():
    found = result([[-1.0, -2.0, -3.0, NAN], [-1.5, -2.5, -2.9, -9.0]], [-1.5, -2.0, -3.5, -4.0])
    # Row 0: better, equal, better, not scored: 2 of 3. Row 1: equal, worse, better, worse: 1 of 4.
    assert found.win_rate.tolist() == pytest.approx([2 / 3, 1 / 4])
    assert found.pairs.tolist() == [3, 4]


def test_the_interval_over_sets_of_one_size_is_that_of_all_pairs():
    part = result([[-1.0, -3.0], [-1.0, -1.0]], [-2.0, -2.0])
    both = join({"a": part, "b": part}, (1.0, 1.0))
    low, high = both.interval
    expected = wilson(np.array([2, 4]), np.array([4, 4]))
    np.testing.assert_allclose([low, high], expected, rtol=1e-6)


def test_a_row_that_one_set_cannot_score_has_no_mean_over_the_others():
    good = result([[-1.0, -3.0], [-1.0, -1.0]], [-2.0, -2.0])
    poor = result([[-1.0, -3.0], [NAN, NAN]], [-2.0, -2.0])
    both = join({"a": good, "b": poor}, (1.0, 1.0))
    assert both.win_rate[0] == 0.5
    assert np.isnan(both.win_rate[1])
    assert both.reasons == [None, "no pair with an anchor of 'b' could be scored"]
    assert both.pairs.tolist() == [4, 2]


def test_halves_that_agree_are_reliable_and_noise_is_not():
    rng = np.random.default_rng(0)
    quality = rng.random((200, 1))
    telling = (rng.random((200, 60)) < quality).astype(np.float32)
    noise = (rng.random((200, 60)) < 0.5).astype(np.float32)
    good, poor = split_half([telling]), split_half([noise])
    assert good.n == 200
    assert good.anchors == 60
    assert good.spearman > 0.8
    assert good.reliability == pytest.approx(2 * good.spearman / (1 + good.spearman))
    assert abs(poor.spearman) < 0.2
    assert split_half([telling]) == good  # drawn with a seed


def test_split_half_says_nothing_where_there_is_too_little():
    assert split_half([np.full((10, 8), np.nan, dtype=np.float32)]).reliability is None
    assert split_half([np.ones((10, 1), dtype=np.float32)]).spearman is None
    assert split_half([np.ones((10, 8), dtype=np.float32)]).spearman is None  # every row scores the same
    assert split_half([np.eye(3, dtype=np.float32)]).spearman is None


def test_length_explains_all_of_a_score_that_is_its_logarithm():
    tokens = np.array([1, 10, 100, 1000])
    scores = (0.2 + 0.1 * np.log10(tokens)).astype(np.float32)
    effect = correlations(scores, tokens)
    assert effect.n == 4
    assert effect.spearman == pytest.approx(1.0)
    np.testing.assert_allclose(without_length(scores, tokens), np.full(4, 0.35), atol=1e-6)  # the mean


def test_a_score_that_does_not_hang_on_length_stays_as_it_is():
    tokens = np.array([10, 10, 20, 20])
    scores = np.array([0.2, 0.8, 0.2, 0.8], dtype=np.float32)
    assert correlations(scores, tokens).pearson == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(without_length(scores, tokens), scores, atol=1e-6)


def test_rows_without_a_score_stay_without_one():
    scores = np.array([0.2, NAN, 0.4, 0.6, 0.9], dtype=np.float32)
    tokens = np.array([5, 0, 50, 500, 5000])
    controlled = without_length(scores, tokens)
    assert np.isnan(controlled).tolist() == [False, True, False, False, False]
    assert np.nanmean(controlled) == pytest.approx(np.nanmean(scores), abs=1e-6)
    assert correlations(scores, tokens).n == 4


def test_equal_lengths_leave_the_scores_as_they_are():
    scores = np.array([0.1, 0.5, 0.9, 0.3], dtype=np.float32)
    np.testing.assert_array_equal(without_length(scores, np.full(4, 7)), scores)
    assert correlations(scores, np.full(4, 7)).pearson is None


def test_halves_that_disagree_in_every_split_have_the_lowest_reliability():
    wins = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    assert split_half([wins]).reliability == -1.0
