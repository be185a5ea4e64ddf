"""Figures of a run. Each file holds some; `FIGURES` lists them in the order of the report."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hf_qads.publishing.facts.measuring import Measured
from hf_qads.publishing.report.figures import generating, scores, selecting, stages, worth
from hf_qads.runtime.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Sketch:
    """How to draw one figure.

    Args:
        name: of its file, without suffix.
        title: heading in the report.
        describe: what it shows, in a sentence with numbers (also the text for those who cannot see it);
            None where the run has nothing to draw.
        draw: at full width, or `narrow` for a phone.
    """

    name: str
    title: str
    describe: Callable[[Measured], str | None]
    draw: Callable[[Measured, bool], "Figure"]


FIGURES: Final = (
    Sketch("scores_by_source", "Average score per source", scores.describe_means, scores.draw_means),
    Sketch("distributions", "How scores spread", scores.describe_spread, scores.draw_spread),
    Sketch("picked_scores", "Scores of kept rows", scores.describe_picked, scores.draw_picked),
    Sketch("real_predicted", "Scorer against real scores", scores.describe_agreement, scores.draw_agreement),
    Sketch("score_length", "Score and length of the answer", scores.describe_length, scores.draw_length),
    Sketch("map", "Map of the pool", selecting.describe_map, selecting.draw_map),
    Sketch("coverage", "Coverage against budget", selecting.describe_coverage, selecting.draw_coverage),
    Sketch("worth", "Worth before training", worth.describe_worth, worth.draw_worth),
    Sketch("generated", "Generated rows", generating.describe_generated, generating.draw_generated),
    Sketch("stages", "Time and memory", stages.describe_stages, stages.draw_stages),
)


def save(sketch: Sketch, measured: Measured, path: Path, *, narrow: bool = False) -> None:
    """Draw a figure to `path` as PNG: the same run gives the same bytes.

    Args:
        sketch: which figure.
        measured: the run.
        path: of the file, whose folder is made.
        narrow: draw for a phone.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    from hf_qads.publishing.report.style import STYLE

    look: Any = dict(mpl.rcParamsDefault) | STYLE
    with mpl.rc_context(look), atomic_path(path) as temporary:
        agg: Any = FigureCanvasAgg(sketch.draw(measured, narrow))
        agg.draw()
        pixels = Image.fromarray(np.asarray(agg.buffer_rgba())[..., :3])
        # 255 colours are a third of the bytes, and the page holds every figure twice.
        small = pixels.quantize(255, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        small.save(temporary, format="png")
