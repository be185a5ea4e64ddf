"""Figure of what each stage cost."""

from typing import TYPE_CHECKING

from hf_qads.publishing.cards.templating import seconds, size
from hf_qads.publishing.facts.measuring import Measured
from hf_qads.publishing.report import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MIB = 2**20


def describe_stages(measured: Measured) -> str | None:
    """Total time, the longest stage and the peak memory."""
    if not measured.stages:
        return None
    longest = max(measured.stages, key=lambda stage: stage.seconds)
    total = sum(stage.seconds for stage in measured.stages)
    text = f"{seconds(total)} in all before the report; "
    text += f"{longest.name} took longest with {seconds(longest.seconds)}."
    peaks = [stage for stage in measured.stages if stage.peak_mib]
    if peaks:
        most = max(peaks, key=lambda stage: stage.peak_mib or 0)
        text += f" Memory was highest in {most.name}, {size((most.peak_mib or 0) * MIB)} resident."
    return text


def draw_stages(measured: Measured, narrow: bool) -> "Figure":
    """Seconds and resident memory of each stage, in the order they ran."""
    stages = list(reversed(measured.stages))
    peaks = any(stage.peak_mib for stage in stages)
    stacked = narrow and peaks
    rows, columns = (2, 1) if stacked else (1, 2 if peaks else 1)
    height = (0.75 + 0.27 * len(stages)) * rows
    figure, axes = style.canvas(height, narrow=narrow, rows=rows, columns=columns)
    panels = [("time", [stage.seconds for stage in stages], seconds)]
    if peaks:
        memory = [(stage.peak_mib or 0) * MIB for stage in stages]
        panels.append(("peak memory, resident", memory, size))
    for axis, (title, values, words) in zip(axes, panels, strict=True):
        axis.barh(
            range(len(stages)), values, height=0.66, color=style.PICKED if title == "time" else style.QUIET
        )
        for place, value in enumerate(values):
            if value:
                axis.text(value + max(values) * 0.015, place, words(value), va="center", fontsize=8.5)
        axis.set_yticks(range(len(stages)), [style.shorten(stage.name, 16) for stage in stages])
        axis.set_xlim(0, max(*values, 1e-9) * 1.25)
        axis.set_xticks([])
        axis.spines["bottom"].set_visible(False)
        axis.tick_params(axis="y", length=0)
        axis.set_title(title)
    if peaks and not stacked:
        axes[1].set_yticklabels([])
    return figure
