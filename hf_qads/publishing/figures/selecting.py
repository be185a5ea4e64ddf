"""Figures of the selection: the map of the pool, and how its coverage grows."""

from typing import TYPE_CHECKING

import numpy as np

from hf_qads.publishing import style
from hf_qads.publishing.coverage import Curve
from hf_qads.publishing.measuring import Measured
from hf_qads.publishing.templating import listing, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 12  # sources with a panel of their own, at most


def describe_map(measured: Measured) -> str | None:
    """What the plane shows of the pool."""
    found = measured.map
    if found is None:
        return None
    both = percent(sum(found.explained))
    of = (
        f"{len(found.points):,} of {found.of:,}"
        if len(found.points) < found.of
        else f"All {len(found.points):,}"
    )
    return (
        f"{of} rows on the first two principal components of their vectors, which hold {both} of the "
        "variance: near in the plane need not be near in full. Drawn by source, and by what was kept."
    )


def draw_map(measured: Measured, narrow: bool) -> "Figure":
    """The pool by source, and the kept rows on it."""
    found = measured.map
    if found is None:
        raise ValueError("there is no map to draw")
    figure, axes = style.canvas(
        7.6 if narrow else 3.9, narrow=narrow, rows=2 if narrow else 1, columns=1 if narrow else 2
    )
    x, y = found.points.T
    size = 9 if len(x) < 3_000 else 5
    counts = np.bincount(found.source, minlength=len(measured.sources))
    shown = list(np.argsort(-counts, kind="stable")[: len(style.COLOURS)])
    others = ~np.isin(found.source, shown)
    alone = np.unique(found.source[others])
    rest = style.shorten(measured.sources[alone[0]].name) if len(alone) == 1 else "other sources"
    if others.any():
        axes[0].scatter(x[others], y[others], s=size, color=style.POOL, linewidths=0, label=rest)
    for number_, colour, marker in zip(shown, style.COLOURS, style.MARKERS, strict=False):
        if counts[number_]:
            inside = found.source == number_
            name = style.shorten(measured.sources[number_].name)
            axes[0].scatter(
                x[inside], y[inside], s=size, color=colour, marker=marker, alpha=0.6, linewidths=0, label=name
            )
    kept = found.kept
    mixed = np.random.default_rng(0).permutation(len(kept))  # neither sort hides the other
    axes[1].scatter(
        x[mixed], y[mixed], s=size, c=np.where(kept, style.PICKED, style.POOL)[mixed], alpha=0.8, linewidths=0
    )
    for axis, title in zip(axes, ("by source", "kept rows (blue), others (grey)"), strict=True):
        _plane(axis, title, found.explained)
    legend = figure.legend(
        loc="outside lower left",
        ncols=1 if narrow else 3,
        markerscale=1.8,
        handletextpad=0.2,
        columnspacing=1.0,
    )
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1)
    return figure


def describe_coverage(measured: Measured) -> str | None:
    """On how many sources the picks cover better than chance at the full budget."""
    curves = measured.curves
    if not curves:
        return None
    better = [c for c in curves if c.picked[-1] < c.random[:, -1].mean()]
    sampled = [c for c in curves if c.rows < c.of]
    exact = (
        "over all rows" if not sampled else f"over up to {max(c.rows for c in curves):,} rows of each source"
    )
    panels = f" The {PANELS} sources with most picks are drawn." if len(curves) > PANELS else ""
    draws = len(curves[0].random)
    verdict = f"At the full budget it is smaller than at random for {len(better)} of {len(curves)} sources"
    worse = [c.source for c in curves if c not in better] if better else []
    but = f" (not for {listing(worse[:3])}{' and others' if len(worse) > 3 else ''})" if worse else ""
    by_quality = (measured.facts.config.get("select") or {}).get("strategy", "qads") == "qads"
    why = " Quality counts in each pick, so a far row of low score may stay uncovered." if by_quality else ""
    if any((source.start & source.kept).any() for source in measured.sources):
        why += " The rows drawn for the start are ranked last: until they come, what they cover is uncovered."
    return (
        f"Largest {_distance(measured)} from a row to its nearest kept row, {exact}, as rows are taken in "
        f"the order picked; beside the mean and range of {draws} random orders. {verdict}{but}.{why}{panels}"
    )


def draw_coverage(measured: Measured, narrow: bool) -> "Figure":
    """One small panel per source: largest distance against budget."""
    curves = sorted(measured.curves, key=lambda c: -c.budgets[-1])[:PANELS]
    drawn = {curve.source for curve in curves}
    curves = [curve for curve in measured.curves if curve.source in drawn]
    columns = min(2 if narrow else 3, len(curves))
    rows = -(-len(curves) // columns)
    figure, axes = style.canvas(
        0.5 + (1.5 if narrow else 1.75) * rows, narrow=narrow, rows=rows, columns=columns
    )
    for axis, curve in zip(axes, curves, strict=False):
        _panel(axis, curve, narrow)
    for axis in axes[len(curves) :]:
        axis.remove()
    figure.supxlabel("rows kept", fontsize=9)
    figure.supylabel(f"largest {_distance(measured)}", fontsize=9)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2)
    return figure


def _panel(axis: "Axes", curve: Curve, narrow: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.fill_between(
        curve.budgets,
        curve.random.min(axis=0),
        curve.random.max(axis=0),
        color=style.RANDOM,
        alpha=0.18,
        linewidth=0,
    )
    axis.plot(curve.budgets, curve.picked, color=style.PICKED, label="as picked")
    axis.plot(
        curve.budgets,
        curve.random.mean(axis=0),
        color=style.RANDOM,
        linestyle=(0, (4, 2)),
        linewidth=1.5,
        label="at random",
    )
    axis.set_title(style.shorten(curve.source, 16 if narrow else 24), fontsize=8.5)
    axis.set_ylim(bottom=0)
    axis.set_xlim(left=0)
    axis.xaxis.set_major_locator(MaxNLocator(3 if narrow else 4, integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(4))
    axis.xaxis.set_major_formatter(style.thousands)
    axis.yaxis.set_major_formatter(style.thousands)
    axis.grid(axis="y")


def _plane(axis: "Axes", title: str, explained: tuple[float, float]) -> None:
    axis.set_title(title)
    axis.set_xlabel(f"1st component, {percent(explained[0])}")
    axis.set_ylabel(f"2nd component, {percent(explained[1])}")
    axis.set_xticks([])
    axis.set_yticks([])


def _distance(measured: Measured) -> str:
    return "cosine distance" if measured.metric == "cosine" else "distance"
