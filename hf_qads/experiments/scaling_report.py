"""The report of a scaling study: a table, a figure and the numbers behind both."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hf_qads.experiments.cells import CELLS, results
from hf_qads.experiments.results import UNITS
from hf_qads.experiments.scaling import BASE, Curve, ScalingStudy, added, as_dict, curves, part_tokens
from hf_qads.publishing.report.style import SHADES
from hf_qads.runtime import files, tables
from hf_qads.statistics.comparison import Comparison


def write(study: ScalingStudy, failed: Mapping[str, str]) -> str:
    """Write `scaling.json`, `scaling.md` and `scaling.png` of what is finished; returns the Markdown."""
    done = results(study.cells, study.out / CELLS)
    found = curves(done, study.setting)
    measures = dict.fromkeys(curve.measure for curve in found)
    parts = {measure: added(done, measure) for measure in measures}
    tokens = part_tokens(done)
    text = markdown(found, parts, tokens)
    text += f"\n{len(done)} of {len(study.cells)} cells are done.\n"
    text += "".join(f"The cell {name} failed: {reason}\n" for name, reason in failed.items())
    files.write_json(study.out / "scaling.json", as_dict(found, parts, tokens))
    files.write_text(study.out / "scaling.md", text)
    if found:
        with files.atomic_path(study.out / "scaling.png") as temporary:
            draw(found, temporary)
    return text


def markdown(
    found: Sequence[Curve], parts: Mapping[str, Mapping[str, Comparison]], tokens: Mapping[str, float]
) -> str:
    """The tables.

    Args:
        found: the curves.
        parts: measure -> part -> its difference to the base pool.
        tokens: part -> mean tokens of an epoch, the base pool's too.
    """
    rows = []
    for curve in found:
        means = [f"{mean:.4f}" for mean in np.asarray(curve.values).mean(axis=0)[[0, -1]]]
        amounts = f"{curve.tokens[0]:,.0f} to {curve.tokens[-1]:,.0f}"
        measure = curve.measure.replace("_", "-")
        rows.append([curve.strategy, curve.domain, measure, amounts, *means, curve.told])
    head = ["Chosen by", "Test sets", "Measure", "Tokens", "From", "To", "Growth"]
    text = tables.table(head, rows, words=(0, 1, 2, -1))
    for measure, compared in parts.items():
        if compared:
            text += f"\nWhat is added to the base pool, at equal tokens, in {UNITS[measure]}:\n\n"
            rows = [[BASE, f"{tokens[BASE]:,.0f}", "", "", ""]]
            for name, one in compared.items():
                reach = f"{one.low:+.4f} to {one.high:+.4f}"
                rows.append([name, f"{tokens[name]:,.0f}", f"{one.mean:+.4f}", reach, one.verdict])
            head = ["Part", "Tokens", "Difference", "95 % interval (Holm)", "Verdict"]
            text += tables.table(head, rows, words=(0, -1))
    return text


def draw(found: Sequence[Curve], path: Path) -> None:
    """A panel per measure and domain: seeds as points, their mean as a line, the fit dashed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullFormatter

    panels = list(dict.fromkeys((curve.measure, curve.domain) for curve in found))
    strategies = list(dict.fromkeys(curve.strategy for curve in found))
    rows = len(dict.fromkeys(measure for measure, _ in panels))
    columns = -(-len(panels) // rows)
    figure = Figure(figsize=(3.7 * columns + 0.3, 2.8 * rows), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axis, (measure, domain) in zip(axes, panels, strict=False):
        for curve in found:
            if (curve.measure, curve.domain) != (measure, domain):
                continue
            colour = SHADES[strategies.index(curve.strategy) % len(SHADES)]
            values, tokens = np.asarray(curve.values), np.asarray(curve.tokens)
            for seed in values:
                axis.plot(tokens, seed, "o", color=colour, alpha=0.35, markersize=3, markeredgewidth=0)
            axis.plot(tokens, values.mean(axis=0), "-", color=colour, linewidth=1.6, label=curve.strategy)
            axis.plot(tokens, curve.fit.at(tokens), "--", color=colour, linewidth=0.9)
        untrained = next(c.untrained for c in found if (c.measure, c.domain) == (measure, domain))
        if not math.isnan(untrained):
            axis.axhline(untrained, color="#7d858e", linewidth=0.8, linestyle=":", label="untrained")
        axis.set_xscale("log")
        axis.set_xticks(list(tokens))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:,.0f}k"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_title(f"{measure.replace('_', '-')}, {domain}", fontsize=9, loc="left", fontweight="bold")
        axis.set_xlabel("tokens of an epoch", fontsize=8)
        axis.set_ylabel(UNITS[measure], fontsize=8)
        axis.tick_params(labelsize=7.5)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(fontsize=7.5, frameon=False)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    figure.savefig(path, format="png")
