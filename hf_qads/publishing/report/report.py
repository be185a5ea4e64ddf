"""HTML report of a run: figures as files, the numbers as JSON, and one page that needs nothing else."""

import base64
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hf_qads.publishing.cards.limits import doubt
from hf_qads.publishing.cards.templating import number, percent, render, seconds
from hf_qads.publishing.facts.measuring import Measured, measure
from hf_qads.publishing.report.figures import FIGURES, Sketch, save
from hf_qads.publishing.report.tables import tables
from hf_qads.runfolder import RunFolder
from hf_qads.runtime.files import write_json, write_text

STEADY = 0.7  # reliability of measured scores from which no warning is said


@dataclass(frozen=True)
class Drawn:
    """A figure in the page, at full width and for a phone."""

    name: str
    title: str
    text: str
    wide: str
    narrow: str
    width: int
    height: int


def report(run: RunFolder, out: Path | None = None, *, seed: int = 0) -> Path:
    """Write `report.html`, `figures/*.png` and `tables.json`.

    The page embeds its figures and asks for nothing from any server; text of datasets is escaped. Figures and
    tables of stages that did not run are absent.

    Args:
        run: a run folder whose pool is read.
        out: folder to write to; None writes to `report/` of the run.
        seed: of every draw.

    Returns:
        The path of the page.

    Raises:
        RunError: a file of the run is damaged.
    """
    out = run.folder("report") if out is None else out
    measured = measure(run, seed=seed)
    drawn = _draw(measured, out / "figures")
    found = tables(measured)
    write_json(out / "tables.json", json.loads(json.dumps(found, default=float).replace("NaN", "null")))
    write_text(out / "report.html", page(measured, drawn, found))
    return out / "report.html"


def page(measured: Measured, drawn: list[Drawn], found: dict[str, Any]) -> str:
    """The page as HTML."""
    facts = measured.facts
    values = {
        "facts": facts,
        "tables": found,
        "figures": {figure.name: figure for figure in drawn},
        "headline": headline(measured),
        "tiles": tiles(measured),
        "most_kept": max((s.kept or 0 for s in facts.sources), default=0),
        "most_left": max((row["rows"] for row in found["left_out"]), default=0),
        "findings": findings(measured),
        "measured": measured,
    }
    return render("report.html.jinja", values, autoescape=True)


def headline(measured: Measured) -> str:
    """What came out, in one sentence."""
    facts = measured.facts
    sources = f"{len(facts.sources)} source{'s' if len(facts.sources) != 1 else ''}"
    if facts.kept:
        return f"{facts.kept:,} of {facts.rows:,} rows from {sources} were kept."
    return f"{facts.rows:,} rows from {sources} were read; nothing is picked yet."


def tiles(measured: Measured) -> list[tuple[str, str]]:
    """The numbers at the top of the page: value and meaning."""
    facts, stages = measured.facts, measured.stages
    found = [(f"{facts.rows:,}", "rows in the pool")]
    if facts.kept:
        found.append((f"{facts.kept:,}", f"kept ({percent(facts.share)})"))
    if facts.left_out:
        found.append((f"{facts.left_out:,}", "left out, each with a reason"))
    found += [
        (number(agreed.pearson), f"Pearson, scorer {group}")
        for group, agreed in list(facts.agreements.items())[:2]
    ]
    if measured.halves:
        found.append((number(measured.halves.reliability), "reliability of measured scores"))
    if stages:
        found.append((seconds(sum(stage.seconds for stage in stages)), "in all stages before the report"))
    return found


_DOUBTS = {
    "against": "does not agree with measured scores {}: do not use it",
    "weak": "agrees weakly with measured scores {}: read no single one",
    "few": "was compared with too few measured scores {} to say whether it agrees",
}


def findings(measured: Measured) -> list[str]:
    """Sentences that a reader should not have to find alone."""
    said = []
    if measured.facts.missing:
        said.append(f"Asked for, and not available: {', '.join(measured.facts.missing)}.")
    if measured.facts.compared and measured.facts.config.get("decontaminate"):
        said.append(measured.facts.compared.sentence())
    for group, agreed in measured.facts.agreements.items():
        why = doubt(agreed)
        if why:
            found = f"(r = {number(agreed.pearson)}, n = {agreed.n:,})"
            said.append(f"The scorer {group} {_DOUBTS[why].format(found)}.")
    reliability = measured.halves.reliability if measured.halves else None
    if reliability is not None and reliability < STEADY:
        said.append(
            f"Measured scores are unsteady (reliability {number(reliability)}): more anchors would help."
        )
    missing = sum(int(np.isnan(source.score).sum()) for source in measured.scored)
    if missing and measured.facts.score_column == "qads_score":
        said.append(f"{missing:,} rows have no score and could not be picked.")
    if measured.facts.demonstration:
        said.append(
            "The model and scorer are the demonstration ones of the package: learn the way, not the numbers."
        )
    return said


def _draw(measured: Measured, folder: Path) -> list[Drawn]:
    ready = [(sketch, text) for sketch in FIGURES if (text := sketch.describe(measured))]
    with tempfile.TemporaryDirectory() as phone:
        return [
            _drawn(sketch, text, measured, folder, Path(phone))
            for sketch, text in tqdm(ready, desc="figures", unit="figure", disable=None, leave=False)
        ]


def _drawn(sketch: Sketch, text: str, measured: Measured, folder: Path, phone: Path) -> Drawn:
    wide, narrow = folder / f"{sketch.name}.png", phone / f"{sketch.name}.png"
    save(sketch, measured, wide)
    save(sketch, measured, narrow, narrow=True)
    width, height = _png_size(wide)
    return Drawn(sketch.name, sketch.title, text, _data(wide), _data(narrow), width // 2, height // 2)


def _data(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _png_size(path: Path) -> tuple[int, int]:
    header = path.read_bytes()[16:24]
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")
