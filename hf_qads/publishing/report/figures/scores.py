"""Figures of scores: means (the paper's Figure 5), spread, agreement (Figure 4), length."""

from typing import TYPE_CHECKING

import numpy as np

from hf_qads import schema
from hf_qads.publishing.cards.templating import number
from hf_qads.publishing.facts.measuring import Measured, length_correlation
from hf_qads.publishing.facts.run_columns import SourceData
from hf_qads.publishing.report import style
from hf_qads.publishing.report.figures.axes import binned_median, by_kind, count_axis, few

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRAWN = 4_000  # points of a scatter, at most


def label(measured: Measured) -> str:
    """What the scores are called on an axis."""
    influence = measured.facts.score_column == schema.INFLUENCE
    return "quality score (share of anchors)" if influence else "quality score (1 to 5)"


def limits(measured: Measured) -> tuple[float, float]:
    """The range that scores can take."""
    return (0.0, 1.0) if measured.facts.score_column == schema.INFLUENCE else (1.0, 5.0)


def describe_means(measured: Measured) -> str | None:
    """Best and worst source by mean score."""
    means = [(s.mean[0], s.name) for _, group in by_kind(measured) for s in group if s.mean]
    if not means:
        return None
    text = "Mean quality score of each source's rows, with the 95 % interval of the mean. "
    ends = [number(max(means)[0]), number(min(means)[0])]
    if len(means) > 1 and ends[0] == ends[1]:
        return f"{text}To two decimals all {len(means)} sources have the same, {ends[0]}."
    highest, lowest = ([name for value, name in means if number(value) == end] for end in ends)
    text += f"{_are(highest)} highest with {ends[0]}"
    return f"{text}, {_are(lowest)} lowest with {ends[1]}." if len(means) > 1 else f"{text}."


def draw_means(measured: Measured, narrow: bool) -> "Figure":
    """Mean score per source, kinds one under the other, the best on top."""
    groups = by_kind(measured)
    figure, axes = _stacked(groups, narrow)
    low, high = limits(measured)
    for axis, (kind, group) in zip(axes, groups, strict=True):
        for place, source in enumerate(group):
            middle, lower, upper = source.mean or (np.nan,) * 3
            axis.barh(place, middle - low, left=low, height=0.66, color=style.KIND.get(kind, style.PICKED))
            axis.plot([lower, upper], [place, place], color=style.INK, linewidth=1.1, solid_capstyle="butt")
            axis.text(
                max(upper, middle) + (high - low) * 0.018, place, number(middle), va="center", fontsize=8.5
            )
        _frame(axis, kind, group, narrow, step=(high - low) / 4)
        axis.set_xlim(low, high + (high - low) * 0.06)
    axes[-1].set_xlabel("mean " + label(measured))
    return figure


def describe_spread(measured: Measured) -> str | None:
    """How many rows have a score."""
    known = sum(int(np.isfinite(s.score).sum()) for s in measured.scored)
    if not known:
        return None
    return (
        f"Scores of {known:,} rows: the dark mark is the median, the box holds the middle half of a source's "
        "rows, the line 90 % of them. Sources are ordered by their mean."
    )


def draw_spread(measured: Measured, narrow: bool) -> "Figure":
    """Median, middle half and 90 % of the scores of each source."""
    from matplotlib.colors import to_rgba

    groups = by_kind(measured)
    figure, axes = _stacked(groups, narrow)
    low, high = limits(measured)
    for axis, (kind, group) in zip(axes, groups, strict=True):
        colour = style.KIND.get(kind, style.PICKED)
        for place, source in enumerate(group):
            five, quarter, middle, third, most = np.nanpercentile(source.score, [5, 25, 50, 75, 95])
            axis.plot([five, most], [place, place], color=colour, linewidth=1.2, solid_capstyle="butt")
            # Its edge keeps the box in sight where half of the rows have one score.
            axis.barh(
                place,
                third - quarter,
                left=quarter,
                height=0.46,
                color=to_rgba(colour, 0.4),
                edgecolor=colour,
                linewidth=1.4,
                zorder=2.5,
            )
            axis.plot([middle] * 2, [place - 0.33, place + 0.33], color=style.INK, linewidth=1.8, zorder=3)
        _frame(axis, kind, group, narrow, step=(high - low) / 4)
        axis.set_xlim(low - (high - low) * 0.02, high + (high - low) * 0.02)
    axes[-1].set_xlabel(label(measured))
    return figure


def describe_picked(measured: Measured) -> str | None:
    """Mean score of kept rows beside the pool's."""
    score, kept = _together(measured.scored)
    if not kept.any() or kept.all():
        return None
    pool, picked = number(score.mean()), number(score[kept].mean())
    means = f"the mean goes from {pool} to {picked}" if pool != picked else f"both have the mean {pool}"
    return (
        f"The pool's scores and, in front, those of the rows that were kept: {means}. Rows are picked within "
        "each source, so the shares of the sources weigh in."
    )


def draw_picked(measured: Measured, narrow: bool) -> "Figure":
    """Histogram of all scores with the kept ones inside, one panel per kind."""
    kinds = [(kind, _together(group)) for kind, group in by_kind(measured)]
    side_by_side = not narrow and len(kinds) > 1
    rows, columns = (1, len(kinds)) if side_by_side else (len(kinds), 1)
    figure, axes = style.canvas(2.5 * rows, narrow=narrow, rows=rows, columns=columns)
    bins = np.linspace(*limits(measured), 33).tolist()
    for axis, (kind, (score, kept)) in zip(axes, kinds, strict=True):
        axis.hist(score, bins=bins, color=style.POOL, histtype="stepfilled", label="pool")
        axis.hist(score[kept], bins=bins, color=style.PICKED, histtype="stepfilled", label="kept")
        axis.set_title(f"{kind}: {int(kept.sum()):,} of {len(score):,} kept")
        axis.set_xlabel(label(measured))
        axis.yaxis.set_major_formatter(style.thousands)
        axis.set_ylabel("rows")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


def describe_agreement(measured: Measured) -> str | None:
    """Pearson and n of every scorer."""
    if not measured.held_out:
        return None
    parts = [
        f"{group.capitalize()}: Pearson {number(agreed.pearson)} (95 % interval "
        f"{number(agreed.pearson_low)} to {number(agreed.pearson_high)}, n = {agreed.n:,})"
        for group, agreed in measured.facts.agreements.items()
    ]
    agreement = "; ".join(parts) or "too few rows for a correlation"
    return f"Rows held out of the scorer's training, measured and predicted. {agreement}."


def draw_agreement(measured: Measured, narrow: bool) -> "Figure":
    """Predicted against measured score, one panel per scorer."""
    columns = 1 if narrow else min(2, len(measured.held_out))
    rows = -(-len(measured.held_out) // columns)
    figure, axes = style.canvas(3.1 * rows, narrow=narrow, rows=rows, columns=columns)
    for axis, held in zip(axes, measured.held_out, strict=False):
        chosen = _sample(len(held.real))
        colour = style.KIND.get(held.group, style.PICKED)
        axis.scatter(held.real[chosen], held.predicted[chosen], s=14, color=colour, alpha=0.5, linewidths=0)
        if held.agreement.pearson is not None:
            slope, intercept = np.polyfit(held.real, held.predicted, 1)
            ends = np.array([held.real.min(), held.real.max()])
            axis.plot(ends, intercept + slope * ends, color=style.INK, linewidth=1.2)
        said = "" if held.agreement.pearson is None else f"r = {number(held.agreement.pearson)}, "
        axis.set_title(f"{style.shorten(held.group)}: {said}n = {len(held.real):,}")
        axis.set_xlim(-0.02, 1.02)
        axis.set_ylim(0.9, 5.25)
        axis.set_yticks(range(1, 6))
        axis.set_xlabel("measured (share of anchors improved)")
        axis.grid()
    for axis in axes[len(measured.held_out) :]:
        axis.remove()
    for axis in axes[::columns]:
        axis.set_ylabel("predicted (1 to 5)")
    return figure


def describe_length(measured: Measured) -> str | None:
    """Correlation of score and length, overall and per kind."""
    if not measured.scored:
        return None
    parts = []
    for kind, group in by_kind(measured):
        found = length_correlation(group)
        if found.pearson is not None:
            parts.append(
                f"{kind.capitalize()}: Pearson with the logarithm {number(found.pearson)} (95 % interval "
                f"{number(found.pearson_low)} to {number(found.pearson_high)}), "
                f"Spearman {number(found.spearman)}, n = {found.n:,}"
            )
    known = sum(int(np.isfinite(s.score).sum()) for s in measured.scored)
    shown = f" {DRAWN:,} rows per kind are drawn at most." if known > DRAWN else ""
    said = "; ".join(parts) or "too few different rows for a correlation"
    return (
        f"Does a long answer score high for its length? {said}. The dots are "
        f"medians, each of a group of rows of similar length.{shown}"
    )


def draw_length(measured: Measured, narrow: bool) -> "Figure":
    """Score against characters of the answer on a logarithmic axis, one panel per kind."""
    groups = by_kind(measured)
    side_by_side = not narrow and len(groups) > 1
    rows, columns = (1, len(groups)) if side_by_side else (len(groups), 1)
    figure, axes = style.canvas(2.7 * rows, narrow=narrow, rows=rows, columns=columns, sharey=True)
    low, high = limits(measured)
    known = np.concatenate([s.length[np.isfinite(s.score)] for s in measured.scored])
    reach = float(known.min()), float(known.max())
    for axis, (kind, group) in zip(axes, groups, strict=True):
        score = np.concatenate([s.score for s in group])
        length = np.concatenate([s.length for s in group])[np.isfinite(score)]
        score = score[np.isfinite(score)]
        chosen = _sample(len(score))
        colour = style.KIND.get(kind, style.PICKED)
        axis.scatter(
            np.maximum(length[chosen], 1),
            score[chosen],
            s=7,
            color=colour,
            alpha=0.25,
            linewidths=0,
            rasterized=True,
        )
        axis.plot(
            *binned_median(np.maximum(length, 1), score),
            "o",
            color=style.INK,
            markersize=5.5,
            markeredgecolor="white",
            label="median of a group of rows of similar length",
        )
        count_axis(axis, *reach)
        axis.set_ylim(low - (high - low) * 0.03, high + (high - low) * 0.03)
        axis.set_title(kind)
        axis.set_xlabel("characters of the answer")
        axis.grid()
    axes[0].set_ylabel(label(measured))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left")
    return figure


def _are(names: list[str]) -> str:
    return f"{few(names)} {'is' if len(names) == 1 else 'are'}"


def _together(group: list[SourceData]) -> tuple[np.ndarray, np.ndarray]:
    score = np.concatenate([s.score for s in group]) if group else np.empty(0)
    kept = np.concatenate([s.kept for s in group]) if group else np.empty(0, dtype=bool)
    known = np.isfinite(score)
    return score[known], kept[known]


def _stacked(groups: list[tuple[str, list[SourceData]]], narrow: bool) -> tuple["Figure", list["Axes"]]:
    """Axes one under the other, each as high as its sources need."""
    sizes = [len(group) for _, group in groups]
    height = 0.55 * len(groups) + 0.27 * sum(sizes) + 0.35
    heights = [0.6 + size for size in sizes]
    return style.canvas(height, narrow=narrow, rows=len(groups), sharex=True, heights=heights)


def _frame(axis: "Axes", kind: str, group: list[SourceData], narrow: bool, *, step: float) -> None:
    """The names of a kind's sources beside their rows, and a line along the scores at each `step`."""
    from matplotlib.ticker import MultipleLocator

    axis.set_title(f"{kind} ({len(group)})")
    axis.xaxis.set_major_locator(MultipleLocator(step))
    axis.grid(axis="x")
    axis.tick_params(axis="y", length=0)
    names = [style.folded(s.name, 17) if narrow else style.shorten(s.name) for s in group]
    axis.set_yticks(range(len(group)), names, fontsize=7.4 if narrow else 8.5, linespacing=1.0)
    axis.set_ylim(len(group) - 0.4, -0.6)


def _sample(size: int) -> np.ndarray:
    return np.arange(size) if size <= DRAWN else np.random.default_rng(0).choice(size, DRAWN, replace=False)
