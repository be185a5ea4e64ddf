import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_qads.errors import ScoringError
from hf_qads.scoring.labels import all_equal, cut, edges


def test_five_equal_widths_lie_between_the_lowest_and_the_highest_score():
    # Bins of 0.2 from 0 to 1; a score on a border goes up, and the highest stays in the last bin.
    scores = [0.0, 0.19, 0.2, 0.39, 0.4, 0.6, 0.8, 0.99, 1.0]
    assert cut(scores).tolist() == [1, 1, 2, 2, 3, 4, 5, 5, 5]
    assert edges([0.1, 0.6]).tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])


def test_quantile_bins_hold_equally_many_rows():
    scores = [0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.9, 0.91, 0.92, 0.93]
    assert np.bincount(cut(scores, "quantile"), minlength=6)[1:].tolist() == [2, 2, 2, 2, 2]


def test_rows_with_equal_scores_share_a_bin():
    labels = cut([0.0] * 6 + [0.5, 0.6, 0.7, 1.0], "quantile")
    assert len(set(labels[:6].tolist())) == 1


@pytest.mark.parametrize("method", ["width", "quantile"])
def test_equal_scores_all_get_the_middle_label(method):
    assert cut([0.3, 0.3, 0.3], method).tolist() == [3, 3, 3]
    assert all_equal(edges([0.3, 0.3], method))


def test_borders_of_other_rows_can_be_used():
    assert cut([-1.0, 0.5, 9.0], borders=edges([0.0, 1.0])).tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    ("scores", "method", "told"),
    [([], "width", "one score per row"), ([0.1, np.nan], "width", "1 of 2"), ([0.1], "deciles", "'deciles'")],
)
def test_what_cannot_be_cut_is_refused(scores, method, told):
    with pytest.raises(ScoringError, match=told):
        cut(scores, method)


@given(st.lists(st.integers(0, 100), min_size=2, max_size=40), st.sampled_from(["width", "quantile"]))
def test_a_higher_score_never_gets_a_lower_label(counts, method):
    scores = np.asarray(counts) / 100
    labels = cut(scores, method)
    assert ((labels >= 1) & (labels <= 5)).all()
    order = np.argsort(scores, kind="stable")
    assert (np.diff(labels[order]) >= 0).all()
