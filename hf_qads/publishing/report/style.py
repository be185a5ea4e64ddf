"""Matplotlib style of every figure: Okabe-Ito colours, quiet axes, sizes for print and phone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE: Final = 7.2  # inches; at 100 CSS pixels to the inch, as wide as the report's column
NARROW: Final = 3.6  # a phone
DPI: Final = 200  # twice the CSS resolution

INK: Final = "#1f2328"
QUIET: Final = "#5b636b"
GRID: Final = "#e3e6ea"
POOL: Final = "#b8bfc7"
LEFT: Final = "#7d858e"  # a row that was not kept, in front of
FAINT: Final = "#e3e6ea"  # rows that only show where the pool is
PICKED: Final = "#0072b2"
RANDOM: Final = "#d55e00"
SHADES: Final = (PICKED, RANDOM, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", LEFT, INK)
KIND: Final = {"reasoning": "#0072b2", "general": "#d55e00"}

STYLE: Final[dict[str, Any]] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,  # a source named `$x$` is a name; so no tick may be labelled in mathtext
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    "figure.facecolor": "white",
    "figure.dpi": DPI,
}


def canvas(
    height: float,
    *,
    narrow: bool,
    rows: int = 1,
    columns: int = 1,
    sharex: bool = False,
    sharey: bool = False,
    heights: Sequence[float] | None = None,
) -> tuple["Figure", list["Axes"]]:
    """A figure of the report's width, or a phone's, with its axes in reading order.

    Args:
        height: inches.
        narrow: draw for a phone.
        rows: of axes.
        columns: of axes.
        sharex: one scale along, for all axes.
        sharey: one scale up, for all axes.
        heights: of the rows, relative.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(NARROW if narrow else WIDE, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey, height_ratios=heights)
    return figure, list(axes.flat)


def shorten(name: str, limit: int = 26) -> str:
    """A name that fits a margin, cut in the middle; characters that the font lacks become `?`."""
    shown = "".join(
        c if c.isascii() or "\u00a1" <= c <= "\u017f" or "\u0370" <= c <= "\u04ff" else "?" for c in name
    )
    shown = "".join(c if c.isprintable() else "?" for c in shown)
    if len(shown) <= limit:
        return shown
    head = (limit - 1) * 2 // 3
    return f"{shown[:head]}…{shown[len(shown) - (limit - 1 - head) :]}"


def folded(name: str, limit: int) -> str:
    """A name for a title: on two lines of at most `limit` characters before any of it is cut."""
    shown = shorten(name, len(name))
    if len(shown) <= limit:
        return shown
    breaks = [place for place, c in enumerate(shown[:limit], 1) if c in "_-/. "]
    return f"{shown[: breaks[-1]]}\n{shorten(shown[breaks[-1] :], limit)}" if breaks else shorten(name, limit)


def thousands(axis_number: float, _position: float = 0) -> str:
    """Tick labels of counts: `800`, `12k`, `1.5M`."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(axis_number) >= unit:
            return f"{axis_number / unit:.3g}{letter}"
    return f"{axis_number:.3g}"
