"""Figures of a comparison: forest plot of differences, means by budget, composition, overlap of picks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_qads.experiments.results import UNITS, Line
from hf_qads.publishing.report.style import INK, PICKED, POOL, QUIET, RANDOM, SHADES, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"better": PICKED, "worse": RANDOM, "inconclusive": QUIET}
HATCHES, DASHES = ("", "////", "...."), ("-", "--", ":")  # what tells apart those with the same shade


def forest(shown: Sequence[Line], control: str) -> "Figure":
    """Difference of each arm to the control with the interval by which its verdict is decided.

    Args:
        shown: the lines of one budget and measure; those that were not compared are left out.
        control: the name of the control.
    """
    compared = [line for line in shown if line.against is not None and np.isfinite(line.against.low)]
    figure, (axes,) = canvas(0.35 * len(compared) + 1.1, narrow=False)
    for place, line in enumerate(reversed(compared)):
        one = line.against
        assert one is not None
        colour = COLOURS[line.verdict]
        axes.plot([one.low, one.high], [place, place], color=colour, linewidth=2)
        axes.plot(one.mean, place, "o", color=colour, markersize=5)
        axes.annotate(line.verdict, (one.high, place), (5, 0), textcoords="offset points", va="center",
                      fontsize=8, color=colour, bbox={"fc": "white", "lw": 0, "pad": 1})  # fmt: skip
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(compared)), [line.arm for line in reversed(compared)])
    axes.set_ylim(-0.6, max(0.6, len(compared) - 0.4))
    axes.margins(x=0.22)
    unit = UNITS[shown[0].measure] if shown else ""
    axes.set_xlabel(f"difference to {control}, {unit}")
    return figure


def by_budget(tables: Mapping[str, Sequence[Line]]) -> "Figure":
    """Mean of each arm against the tokens trained on, as Figure 3 does against the ratio.

    Args:
        tables: budget -> its lines, all by one measure; at least one line. Arms without a budget are drawn
            as levels.
    """
    figure, (axes,) = canvas(3.2, narrow=False)
    arms = dict.fromkeys(line.arm for shown in tables.values() for line in shown if line.budget)
    measure = next(line.measure for shown in tables.values() for line in shown)
    for number, arm in enumerate(arms):
        points = sorted(
            (line.tokens, line.mean) for shown in tables.values() for line in shown if line.arm == arm
        )
        again, shade = divmod(number, len(SHADES))
        axes.plot(*zip(*points, strict=True), "o", ls=DASHES[again % 3], color=SHADES[shade], label=arm)
    fixed = {line.arm: line.mean for shown in tables.values() for line in shown if not line.budget}
    for arm, mean in fixed.items():
        axes.axhline(mean, color=POOL, linewidth=1, linestyle="--")
        axes.annotate(arm, (1, mean), (-4, 3), xycoords=("axes fraction", "data"), fontsize=8, ha="right",
                      textcoords="offset points", color=QUIET)  # fmt: skip
    axes.set_xlabel("tokens of an epoch")
    axes.set_ylabel(f"mean, {UNITS[measure]}")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def composed(shares: Mapping[str, Mapping[str, float]]) -> "Figure":
    """Share of each source in what an arm chose.

    Args:
        shares: arm -> source -> its share in [0, 1], as `results.composition` gives them; every arm has all
            sources.
    """
    figure, (axes,) = canvas(0.35 * len(shares) + 1.3, narrow=False)
    names = list(next(iter(shares.values())))
    left = np.zeros(len(shares))
    for number, name in enumerate(names):
        widths = np.array([of[name] for of in shares.values()])
        again, shade = divmod(number, len(SHADES))
        axes.barh(
            range(len(shares)), widths, left=left, color=SHADES[shade], label=name,
            hatch=HATCHES[again % 3], edgecolor="white", linewidth=0,
        )  # fmt: skip
        left += widths
    axes.set_yticks(range(len(shares)), list(shares))
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the chosen rows")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def overlap(names: Sequence[str], table: Any) -> "Figure":
    """Jaccard overlap of the rows that two arms chose, as a heat map.

    Args:
        names: of the arms.
        table: (arms, arms) in [0, 1], as `results.jaccard` gives it; NaN is left blank.
    """
    figure, (axes,) = canvas(0.42 * len(names) + 1.2, narrow=False)
    axes.imshow(table, vmin=0, vmax=1, cmap="Blues")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    for i in range(len(names)):
        for j in range(len(names)):
            if np.isfinite(table[i, j]):
                axes.text(j, i, f"{table[i, j]:.2f}", ha="center", va="center", fontsize=7,
                          color="white" if table[i, j] > 0.6 else INK)  # fmt: skip
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure
