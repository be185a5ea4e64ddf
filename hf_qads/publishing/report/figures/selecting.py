"""Figures of the selection: the map of the pool, and how its coverage grows."""

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from hf_qads.publishing.cards.templating import percent, plural
from hf_qads.publishing.facts.coverage import Curve
from hf_qads.publishing.facts.measuring import Measured
from hf_qads.publishing.facts.projection import Map
from hf_qads.publishing.facts.run_columns import SourceData
from hf_qads.publishing.report import style
from hf_qads.publishing.report.figures.axes import few, in_order

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 12  # in a figure, at most
COLUMNS = 112, 56  # characters of a note on a line, at full width and on a phone


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
    panels, sources = len(_with_panel(measured, found)), len(measured.sources)
    drawn = ""
    if panels > 1:
        each = f"the {panels} largest of {sources} sources" if panels < sources else "each source"
        drawn = f" Beside the whole pool, {each} in front of the rest."
    return (
        f"{of} rows on the first two principal components of their vectors, which hold {both} of the "
        f"variance: near in the plane need not be near in full. Kept rows are blue.{drawn}"
    )


def draw_map(measured: Measured, narrow: bool) -> "Figure":
    """The pool with its kept rows, then each source in front of the pool."""
    found = measured.map
    if found is None:
        raise ValueError("there is no map to draw")
    parts = _with_panel(measured, found)
    panels = 1 + (len(parts) if len(parts) > 1 else 0)
    columns = min(2 if narrow else 3, panels)
    rows = -(-panels // columns)
    each = 2.0 if panels > 1 else 3.4
    figure, axes = style.canvas(
        0.7 + (1.65 if narrow and panels > 1 else each) * rows, narrow=narrow, rows=rows, columns=columns
    )
    everything = np.ones(len(found.points), dtype=bool)
    _plane(axes[0], "all sources" if panels > 1 else "", found, everything)
    for axis, number in zip(axes[1:], parts, strict=False):
        name = style.folded(measured.sources[number].name, 17 if narrow else 26)
        _plane(axis, name, found, found.source == number)
    for axis in axes[panels:]:
        axis.remove()
    figure.supxlabel(f"1st component, {percent(found.explained[0])}", fontsize=9)
    figure.supylabel(f"2nd component, {percent(found.explained[1])}", fontsize=9)
    marks = [("kept", style.PICKED), ("not kept", style.LEFT)]
    marks += [("other sources", style.FAINT)] if panels > 1 else []
    _legend_of_marks(figure, marks)
    return figure


def describe_coverage(measured: Measured) -> str | None:
    """On how many sources the picks cover better than chance at the full budget."""
    whole = {source.name for source in measured.sources if _unpicked(source) == len(source.order)}
    curves = measured.curves
    chosen = [curve for curve in curves if curve.source not in whole]
    if not chosen:
        return None
    better = [c for c in chosen if c.picked[-1] < c.random[:, -1].mean()]
    sampled = [c for c in curves if c.rows < c.of]
    exact = (
        "over all rows" if not sampled else f"over up to {max(c.rows for c in curves):,} rows of each source"
    )
    panels = f" The {PANELS} sources with most picks are drawn." if len(curves) > PANELS else ""
    draws = len(curves[0].random)
    verdict = f"At the full budget it is smaller than at random for {len(better)} of {len(chosen)} sources"
    worse = [c.source for c in chosen if c not in better] if better else []
    apart = len(curves) - len(chosen)
    verdict += f" with picks; {plural(apart, 'other')} kept whole" if apart else ""
    but = f" (not for {few(worse)})" if worse else ""
    why = " Quality counts in each pick, so a far row of low score may stay uncovered."
    why = why if _by_quality(measured) else ""
    return (
        f"Largest {_distance(measured)} from a row to its nearest kept row, {exact}, as rows are taken in "
        f"the order picked; beside the mean and range of {draws} random orders. {verdict}{but}.{why}{panels}"
    )


def draw_coverage(measured: Measured, narrow: bool) -> "Figure":
    """One small panel per source: largest distance against budget."""
    most = sorted(measured.curves, key=lambda c: -c.budgets[-1])[:PANELS]
    by_name = {curve.source: curve for curve in most}
    sources = [source for source in in_order(measured) if source.name in by_name]
    columns = min(2 if narrow else 3, len(sources))
    rows = -(-len(sources) // columns)
    note = textwrap.wrap(_note(measured), COLUMNS[narrow])
    height = (0.5 if rows > 1 else 0.8) + 0.14 * len(note) + (1.5 if narrow else 1.75) * rows
    figure, axes = style.canvas(height, narrow=narrow, rows=rows, columns=columns)
    entries: dict[str, Artist] = {}
    for axis, source in zip(axes, sources, strict=False):
        _panel(axis, by_name[source.name], _unpicked(source), narrow)
        handles, names = axis.get_legend_handles_labels()
        entries |= dict(zip(names, handles, strict=True))
    for axis in axes[len(sources) :]:
        axis.remove()
    figure.supxlabel("rows kept", fontsize=9)
    if rows > 1:
        figure.supylabel(f"largest {_distance(measured)}", fontsize=9)
    else:  # the middle of the figure is not that of its axes
        axes[0].set_ylabel(f"largest\n{_distance(measured)}")
    labels = sorted(entries)
    figure.legend(
        [entries[label] for label in labels],
        labels,
        title="\n".join(note),
        title_fontsize=8.5,
        alignment="left",
        loc="outside upper left",
        ncols=2 if narrow else 4,
    )
    return figure


def _note(measured: Measured) -> str:
    """Why the order may cover less than chance, in words that the figure carries."""
    said = []
    if _by_quality(measured):
        said.append(
            "A pick has the most score times distance to the picks before it and to the start rows. Those "
            "are kept last or not at all, so what lies near them may stay uncovered."
        )
    if any(0 < _unpicked(source) < len(source.order) for source in measured.sources):
        said.append("Right of a dotted line, rows are kept without a pick.")
    return " ".join(said)


def _panel(axis: "Axes", curve: Curve, unpicked: int, narrow: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    whole = unpicked >= curve.budgets[-1]
    colour, name = (style.LEFT, "in pool order (kept whole)") if whole else (style.PICKED, "as picked")
    axis.plot(curve.budgets, curve.picked, color=colour, label=name)
    axis.plot(
        curve.budgets,
        curve.random.mean(axis=0),
        color=style.RANDOM,
        linestyle=(0, (4, 2)),
        linewidth=1.5,
        label="at random, mean",
    )
    axis.fill_between(
        curve.budgets,
        curve.random.min(axis=0),
        curve.random.max(axis=0),
        color=style.RANDOM,
        alpha=0.18,
        linewidth=0,
        label=f"at random, range of {len(curve.random)}",
    )
    if unpicked and not whole:
        first = int(curve.budgets[-1]) - unpicked
        axis.axvline(
            first, color=style.QUIET, linestyle=(0, (1, 1.5)), linewidth=1.2, label="end of the picks"
        )
    axis.set_title(style.folded(curve.source, 17 if narrow else 26), fontsize=8.5)
    axis.set_ylim(bottom=0)
    axis.set_xlim(left=0)
    axis.xaxis.set_major_locator(MaxNLocator(3 if narrow else 4, integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(4))
    axis.xaxis.set_major_formatter(style.thousands)
    axis.yaxis.set_major_formatter(style.thousands)
    axis.grid(axis="y")


def _with_panel(measured: Measured, found: Map) -> list[int]:
    """Numbers of the sources that have a panel of the map: the largest, in the order of all figures."""
    drawn = np.bincount(found.source, minlength=len(measured.sources))
    largest = {int(number) for number in np.argsort(-drawn, kind="stable")[: PANELS - 1] if drawn[number]}
    places = {source.name: number for number, source in enumerate(measured.sources)}
    return [places[s.name] for s in in_order(measured) if places[s.name] in largest]


def _plane(axis: "Axes", title: str, found: Map, inside: np.ndarray) -> None:
    """All rows, faint, and in front of them those `inside`, kept ones blue; larger where it stands alone."""
    x, y = found.points.T
    size = (8 if len(x) < 600 else 3.5 if len(x) < 3_000 else 2) * (1 if title else 2.5)
    axis.scatter(x[~inside], y[~inside], s=size, color=style.FAINT, linewidths=0)
    mixed = np.random.default_rng(0).permutation(np.flatnonzero(inside))  # neither sort hides the other
    colours = np.where(found.kept[mixed], style.PICKED, style.LEFT)
    axis.scatter(x[mixed], y[mixed], s=size, c=colours, alpha=0.85, linewidths=0)
    axis.set_title(title, fontsize=8.5)
    axis.margins(0.05)
    axis.set_xticks([])
    axis.set_yticks([])


def _legend_of_marks(figure: "Figure", marks: list[tuple[str, str]]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", linestyle="", markersize=6, color=colour, label=name)
        for name, colour in marks
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(marks), handletextpad=0.1)


def _by_quality(measured: Measured) -> bool:
    return bool((measured.facts.config.get("select") or {}).get("strategy", "qads") == "qads")


def _unpicked(source: SourceData) -> int:
    """Rows kept behind the picks: start rows, or all there are."""
    return int((source.start & source.kept).sum())


def _distance(measured: Measured) -> str:
    return "cosine distance" if measured.metric == "cosine" else "distance"
