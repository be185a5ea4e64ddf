import dataclasses
import itertools

import numpy as np
import pytest

from hf_qads.publishing.facts.measuring import measure
from hf_qads.publishing.report import style
from hf_qads.publishing.report.figures import FIGURES, axes, scores, selecting, stages
from tests.publishing.runs import SMALL, make_run

LENGTHS = [(1, 1), (7, 8), (29, 35), (60, 480), (36, 2_300), (1, 200), (3, 5_000_000), (124, 124)]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return measure(make_run(tmp_path_factory.mktemp("figures") / "run", sources=SMALL))


def with_scores(measured, change):
    sources = tuple(dataclasses.replace(s, score=change(s.score)) for s in measured.sources)
    return dataclasses.replace(measured, sources=sources)


def drawn_axes(sketch, measured, narrow):
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with mpl.rc_context(style.STYLE):
        figure = sketch.draw(measured, narrow)
        FigureCanvasAgg(figure).draw()
    return figure


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("ends", LENGTHS)
def test_answers_of_any_lengths_have_ticks_that_can_be_read(measured, ends, narrow):
    lengths = [np.linspace(*ends, len(s.score)).astype(np.int64) for s in measured.sources]
    sources = zip(measured.sources, lengths, strict=True)
    changed = tuple(dataclasses.replace(s, length=length) for s, length in sources)
    sketch = next(sketch for sketch in FIGURES if sketch.name == "score_length")
    figure = drawn_axes(sketch, dataclasses.replace(measured, sources=changed), narrow)
    for axis in figure.axes:
        labels = [tick.get_text() for tick in axis.get_xticklabels(which="both") if tick.get_text()]
        assert 1 <= len(labels) <= axes.LABELS
        assert not any("$" in label for label in labels)
        boxes = [tick.get_window_extent() for tick in axis.get_xticklabels() if tick.get_text()]
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


@pytest.mark.parametrize("sketch", FIGURES, ids=lambda sketch: sketch.name)
def test_no_figure_labels_in_mathtext(measured, sketch):
    from matplotlib.text import Text

    figure = drawn_axes(sketch, measured, narrow=False)
    assert not [text.get_text() for text in figure.findobj(Text) if "mathdefault" in text.get_text()]


def test_ticks_by_hand():
    assert axes.count_ticks(24, 43) == [30, 40]
    assert axes.count_ticks(110, 247) == [150, 200]
    assert axes.count_ticks(2, 66) == [2, 5, 10, 20, 50]
    assert axes.count_ticks(0.9, 230) == [1, 3, 10, 30, 100]


def test_every_figure_orders_sources_by_kind_and_mean(measured):
    assert [source.name for source in axes.in_order(measured)] == ["gsm8k", "dmath", "cot"]
    spread = drawn_axes(FIGURES[1], measured, narrow=False)
    names = [label.get_text() for axis in spread.axes for label in axis.get_yticklabels()]
    assert names == ["gsm8k", "dmath", "cot"]
    panels = drawn_axes(FIGURES[6], measured, narrow=False).axes
    assert [axis.get_title("left") for axis in panels] == ["gsm8k", "dmath", "cot"]


def test_equal_means_are_called_equal(measured):
    same = with_scores(measured, lambda score: np.full(len(score), 3.07))
    assert "all 3 sources have the same, 3.07" in scores.describe_means(same)
    assert "both have the mean 3.07" in scores.describe_picked(same)
    two = with_scores(measured, lambda score: np.full(len(score), 3.07 if len(score) != 90 else 1))
    assert "gsm8k and cot are highest with 3.07, dmath is lowest with 1.00" in scores.describe_means(two)


def test_the_band_of_random_orders_is_in_the_legend(measured):
    figure = drawn_axes(FIGURES[6], measured, narrow=True)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:3] == ["as picked", "at random, mean", "at random, range of 3"]
    assert "start rows" in figure.legends[0].get_title().get_text().replace("\n", " ")


def test_a_source_kept_whole_is_not_called_picked(measured):
    sources = tuple(dataclasses.replace(s, start=s.kept) for s in measured.sources[:1]) + measured.sources[1:]
    whole = dataclasses.replace(measured, sources=sources)
    assert "of 2 sources with picks; 1 other kept whole" in selecting.describe_coverage(whole)
    labels = [text.get_text() for text in drawn_axes(FIGURES[6], whole, narrow=False).legends[0].get_texts()]
    assert "in pool order (kept whole)" in labels


def test_a_long_name_is_folded_before_it_is_cut():
    assert style.folded("embedded_homework_answers", 26) == "embedded_homework_answers"
    assert style.folded("embedded_homework_answers", 17) == "embedded_\nhomework_answers"
    assert style.folded("organisation-10_a_long_dataset_name_10", 17) == "organisation-10_\na_long_dat…ame_10"
    assert "…" in style.folded("a" * 60, 17)


def test_times_are_those_before_the_report(measured):
    assert "in all before the report" in stages.describe_stages(measured)


def test_equal_values_share_a_bin():
    x, y = axes.binned_median(np.array([1.0] * 50 + [9.0] * 50), np.arange(100.0))
    assert x.tolist() == [1, 9]
    assert y.tolist() == [24.5, 74.5]
