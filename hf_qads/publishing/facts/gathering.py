"""Staging context: the measured run, its figures and the namespace, which all repositories share."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hf_qads.publishing.cards.common import CardFigure, slug
from hf_qads.publishing.facts.facts import Facts
from hf_qads.publishing.facts.measuring import Measured, measure
from hf_qads.publishing.report.figures import FIGURES, save
from hf_qads.runfolder import RunFolder


@dataclass(frozen=True)
class Gathered:
    """A measured run, its figures, and the namespace that the cards name."""

    run: RunFolder
    measured: Measured
    drawing: Path
    namespace: str | None

    @property
    def facts(self) -> Facts:
        """Of the run."""
        return self.measured.facts

    def repo(self, name: str) -> str:
        """How a card calls a repository: with its namespace, where one is known."""
        return f"{self.namespace}/{name}" if self.namespace else name

    def repos(self) -> dict[str, str]:
        """The run's repositories that other cards may point to: `mixture` and `scored`."""
        name = slug(self.facts.name)
        return {"mixture": self.repo(name), "scored": self.repo(f"{name}-scored")}

    def figures(self, names: Sequence[str], folder: Path) -> list[CardFigure]:
        """Copy those of the named figures that the run has into `figures/` of a repository."""
        found = []
        for sketch in FIGURES:
            text = sketch.describe(self.measured) if sketch.name in names else None
            if text is None:
                continue
            drawn = self.drawing / f"{sketch.name}.png"
            if not drawn.exists():
                save(sketch, self.measured, drawn)
            place(drawn, folder / "figures" / drawn.name)
            found.append((names.index(sketch.name), CardFigure(f"figures/{drawn.name}", sketch.title, text)))
        return [figure for _, figure in sorted(found, key=lambda pair: pair[0])]


def gather(run: RunFolder, drawing: Path, *, namespace: str | None = None) -> Gathered:
    """Measure a run for staging; figures are drawn into `drawing` as they are asked for."""
    return Gathered(run, measure(run), drawing, namespace)


def place(source: Path, target: Path) -> None:
    """Link a file that will not be changed to `target`, or copy it where the file system cannot link."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
