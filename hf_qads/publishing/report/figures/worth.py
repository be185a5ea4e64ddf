"""Figure: what the selection is worth before training, beside controls of the same size."""

from typing import TYPE_CHECKING, Any

from hf_qads.publishing.facts.measuring import Measured
from hf_qads.publishing.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = (
    ("coverage", "distance to a pick\n(small: covers)"),
    ("novelsum", "NovelSum\n(large: diverse)"),
    ("clusters", "effective clusters\n(large: broad)"),
    ("mean_score", "mean score"),
)


def describe_worth(measured: Measured) -> str | None:
    """How the run's selection stands beside the controls."""
    if len(measured.worth) < 2:
        return None
    own, *others = measured.worth
    beside = " ".join(f"{one['name']} has {one['coverage']:.3g} and {one['novelsum']:.3g}." for one in others)
    return (
        f"The {own['rows']:,} rows of {own['name']}, beside as many of each source by other strategies: "
        f"mean distance to the nearest pick {own['coverage']:.3g}, NovelSum {own['novelsum']:.3g}; "
        f"{beside} None of these figures says how a trained model does."
    )


def draw_worth(measured: Measured, narrow: bool) -> "Figure":
    """A panel for each measure, a bar for each selection; the run's own is blue."""
    lines = list(reversed(measured.worth))
    panels = [panel for panel in PANELS if all(line[panel[0]] is not None for line in lines)]
    rows, columns = (-(-len(panels) // 2), 2) if narrow else (1, len(panels))
    figure, axes = style.canvas((0.85 + 0.3 * len(lines)) * rows, narrow=narrow, rows=rows, columns=columns)
    for place, (axis, (name, title)) in enumerate(zip(axes, panels, strict=False)):
        values: list[Any] = [line[name] for line in lines]
        colours = [style.PICKED if line is measured.worth[0] else style.QUIET for line in lines]
        axis.barh(range(len(lines)), values, height=0.66, color=colours)
        for height, value in enumerate(values):
            axis.text(max(value, 0) + max(values) * 0.02, height, f"{value:.3g}", va="center", fontsize=8.5)
        axis.set_yticks(range(len(lines)), [style.shorten(line["name"], 16) for line in lines])
        if place % columns:
            axis.set_yticklabels([])
        axis.set_xlim(0, max([*values, 1e-9]) * 1.3)
        axis.set_xticks([])
        axis.spines["bottom"].set_visible(False)
        axis.tick_params(axis="y", length=0)
        axis.set_title(title, fontsize=9)
    for axis in axes[len(panels) :]:
        axis.remove()
    return figure
