"""Axes of figures: the order of sources, a readable logarithmic axis, binned medians."""

from typing import TYPE_CHECKING

import numpy as np

from hf_qads.publishing.cards.templating import listing
from hf_qads.publishing.facts.measuring import Measured
from hf_qads.publishing.facts.run_columns import SourceData
from hf_qads.publishing.report import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = 7  # along a logarithmic axis, at most
# Digits that get a label, from the closest ticks to the widest.
DIGITS = ((1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))


def in_order(measured: Measured) -> list[SourceData]:
    """Sources as every figure orders them: by kind, then the highest mean score first, unscored ones last."""
    kinds = {kind: place for place, kind in enumerate(measured.facts.kinds)}
    return sorted(
        measured.sources, key=lambda s: (kinds.get(s.kind, len(kinds)), -s.mean[0] if s.mean else np.inf)
    )


def by_kind(measured: Measured) -> list[tuple[str, list[SourceData]]]:
    """Scored sources of each kind, in order."""
    scored = [source for source in in_order(measured) if np.isfinite(source.score).any()]
    groups = [(kind, [s for s in scored if s.kind == kind]) for kind in measured.facts.kinds]
    return [(kind, group) for kind, group in groups if group]


def few(names: list[str]) -> str:
    """Up to three names: `a, b and c`, `a, b, c and others`."""
    return f"{', '.join(names[:3])} and others" if len(names) > 3 else listing(names)


def count_axis(axis: "Axes", low: float, high: float) -> None:
    """A logarithmic axis along counts from `low` to `high`, labelled in plain numbers.

    A narrow range is widened, so that equal counts stand in its middle; what is below 1 counts as 1.
    """
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter

    low, high = max(low, 1.0), max(high, 1.0)
    middle, reach = np.sqrt(low * high), max(np.sqrt(high / low) * 1.15, 1.6)
    ends = float(middle / reach), float(middle * reach)
    ticks = count_ticks(*ends)
    axis.set_xscale("log")
    axis.set_xlim(*ends)
    axis.xaxis.set_major_locator(FixedLocator(ticks))
    axis.xaxis.set_major_formatter(FixedFormatter([style.thousands(tick) for tick in ticks]))
    axis.xaxis.set_minor_locator(FixedLocator([t for t in _between(ends, range(1, 10)) if t not in ticks]))
    axis.xaxis.set_minor_formatter(NullFormatter())


def count_ticks(low: float, high: float) -> list[float]:
    """Whole numbers to label between `low` and `high`, as many as are readable side by side."""
    for digits in DIGITS:
        ticks = _between((low, high), digits)
        if len(ticks) <= LABELS:
            return ticks
    return ticks[:: -(-len(ticks) // LABELS)]


def _between(ends: tuple[float, float], digits: "tuple[float, ...] | range") -> list[float]:
    powers = range(int(np.floor(np.log10(ends[0]))), int(np.ceil(np.log10(ends[1]))) + 1)
    values = [round(digit * 10.0**power, 6) for power in powers for digit in digits]
    return [value for value in values if ends[0] <= value <= ends[1] and value >= 1 and value == int(value)]


def binned_median(x: np.ndarray, y: np.ndarray, bins: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Median of `y` in bins of about equal count along `x`: centres (b,) and medians (b,).

    Equal values of `x` share a bin.
    """
    edges = np.unique(np.quantile(x, np.linspace(0, 1, min(bins, max(1, len(x) // 8)) + 1)))
    place = np.searchsorted(edges[1:-1], x, side="right")
    parts = [np.flatnonzero(place == number) for number in np.unique(place)]
    return np.array([np.median(x[p]) for p in parts]), np.array([np.median(y[p]) for p in parts])
