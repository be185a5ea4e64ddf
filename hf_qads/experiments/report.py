"""What a comparison writes: tables as Markdown and JSON, figures as PNG, one page of HTML."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_qads.experiments import figures
from hf_qads.experiments.results import (
    Line,
    as_json,
    composition,
    jaccard,
    lines,
    markdown,
    sentence,
)
from hf_qads.publishing.report.style import STYLE
from hf_qads.runtime import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JSON, MARKDOWN, PAGE = "comparison.json", "comparison.md", "comparison.html"


def write(
    out: Path,
    name: str,
    results: Sequence[Mapping[str, Any]],
    *,
    control: str,
    budgets: Sequence[str],
    measures: Sequence[str],
    arms: Mapping[str, Mapping[str, Any]],
    stages: Mapping[str, str],
    out_of_domain: Sequence[str] = (),
    notes: Sequence[str] = (),
    costs: Sequence[str] = (),
) -> str:
    """Write everything that can be said of the finished cells into `out`; returns the Markdown.

    Args:
        out: the comparison's folder.
        name: its name.
        results: of finished cells, complete or not.
        control: the arm that others are compared with.
        budgets: labels, in order.
        measures: `accuracy`, `log_probability`.
        arms: arm -> the settings by which it chooses, the control's too.
        stages: stage of the run -> the key of what the cells chose from.
        out_of_domain: benchmarks shown in a table of their own.
        notes: lines about what was left out or failed.
        costs: lines about time, which are no part of the JSON: it is the same whenever it is made.
    """
    import matplotlib

    text = [f"# {name}\n"]
    record: dict[str, Any] = {
        "name": name, "control": control, "arms": arms, "stages": stages, "notes": list(notes), "tables": {}
    }  # fmt: skip
    pictures: dict[str, Figure] = {}
    inside = [one for one in _benchmarks(results) if one not in out_of_domain]
    domains = {"in domain": inside, "out of domain": list(out_of_domain)} if inside and out_of_domain else {}
    for measure in measures:
        asked = {"control": control, "measure": measure}
        by_budget = {budget: lines(results, budget=budget, **asked) for budget in budgets}
        by_budget = {budget: shown for budget, shown in by_budget.items() if shown}
        for budget, shown in by_budget.items():
            sentences = _sentences(shown, control, arms)
            text += [f"\n## {budget}: {measure.replace('_', '-')}\n", markdown(shown), ""]
            text += [f"- {one}" for one in sentences.values()]
            record["tables"][f"{budget}/{measure}"] = {"lines": as_json(shown), "sentences": sentences}
            for title, names in domains.items():
                part = lines(results, budget=budget, benchmarks=names, **asked)
                text += [f"\n### {title}\n", markdown(part)] if part else []
                record["tables"][f"{budget}/{measure}/{title}"] = {"lines": as_json(part)}
        with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
            pictures |= _by_measure(by_budget, control, measure)
    with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
        pictures |= _of_rows(results, budgets)
    text += ["\n## Notes\n", *(f"- {note}" for note in (*notes, *costs))]
    said = "\n".join(text) + "\n"
    files.write_json(out / JSON, record)
    files.write_text(out / MARKDOWN, said)
    _page(out, name, said, pictures)
    return said


def _by_measure(tables: Mapping[str, list[Line]], control: str, measure: str) -> dict[str, "Figure"]:
    found = {
        f"forest_{budget}_{measure}": figures.forest(shown, control)
        for budget, shown in tables.items()
        if any(line.against for line in shown)
    }
    if len(tables) > 1:
        found[f"budgets_{measure}"] = figures.by_budget(tables)
    return found


def _of_rows(results: Sequence[Mapping[str, Any]], budgets: Sequence[str]) -> dict[str, "Figure"]:
    found: dict[str, Figure] = {}
    for budget in budgets:
        shares = composition(results, budget)
        if not shares:
            continue
        found[f"composition_{budget}"] = figures.composed(shares)
        names, table = jaccard(results, budget)
        if len(names) > 1:
            found[f"overlap_{budget}"] = figures.overlap(names, table)
    return found


def _sentences(shown: Sequence[Line], control: str, arms: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Arm -> its verdict, of those that were compared."""
    found = {}
    for line in shown:
        if line.against is not None:
            mine, theirs = arms[line.arm], arms[control]
            differs = [what for what in mine if mine[what] != theirs[what]]
            base = next(one for one in shown if one.arm == control)
            found[line.arm] = sentence(line, base, factors=differs)
    return found


def _benchmarks(results: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(results[0]["values"]) if results else []


def _page(out: Path, name: str, text: str, pictures: Mapping[str, "Figure"]) -> None:
    """One page that needs no other file."""
    folder = out / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    parts = [_as_html(text)]
    for title, figure in pictures.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=200, metadata={"Software": None})
        with files.atomic_path(folder / f"{title}.png") as temporary:
            temporary.write_bytes(buffer.getvalue())
        data = base64.b64encode(buffer.getvalue()).decode()
        shown = html.escape(title.replace("_", " "))
        parts.append(f'<h3>{shown}</h3><img alt="{shown}" src="data:image/png;base64,{data}">')
    style = (
        "body{font:15px/1.5 system-ui,sans-serif;max-width:1120px;margin:2rem auto;padding:0 1rem;"
        "color:#1f2328}table{border-collapse:collapse;display:block;overflow-x:auto;font-size:13px}"
        "td,th{padding:.25rem .6rem;border-bottom:1px solid #e3e6ea;text-align:right;white-space:nowrap}"
        "td:first-child,th:first-child{text-align:left}img{max-width:100%}"
    )
    files.write_text(
        out / PAGE,
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(name)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style>{"".join(parts)}</html>\n',
    )


def _as_html(text: str) -> str:
    """Headings, tables and lists of our own Markdown as HTML, everything escaped."""
    found: list[str] = []
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
            continue
        if rows:
            head, body = rows[0], rows[2:]
            cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
            lines_ = "".join(
                "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in body
            )
            found.append(f"<table><tr>{cells}</tr>{lines_}</table>")
            rows = []
        level = len(line) - len(line.lstrip("#"))
        if level:
            found.append(f"<h{level}>{html.escape(line[level:].strip())}</h{level}>")
        elif line.startswith("- "):
            found.append(f"<ul><li>{html.escape(line[2:])}</li></ul>")
        elif line.strip():
            found.append(f"<p>{html.escape(line)}</p>")
    return "".join(found).replace("</ul><ul>", "")
