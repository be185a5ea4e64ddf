"""The tables of a report: plain lists of plain values, also written as `tables.json`."""

from typing import Any

import numpy as np

from hf_qads.publishing.cards.escaping import one_line, visible
from hf_qads.publishing.facts.evidence import Example
from hf_qads.publishing.facts.measuring import Measured, length_correlation

QUESTION = 700  # characters of a row's text that are shown
ANSWER = 1_100


def tables(measured: Measured) -> dict[str, Any]:
    """Every table of the report by name; text of rows is made visible and cut, not escaped for markup."""
    return {
        "sources": _sources(measured),
        "agreement": [{"group": held.group} | held.agreement.as_dict() for held in measured.held_out],
        "length": _length(measured),
        "coverage": [vars(row) for row in measured.evidence.coverage],
        "coverage_curves": [_curve(curve) for curve in measured.curves],
        "worth": list(measured.worth),
        "reliability": vars(measured.halves) if measured.halves else None,
        "left_out": [
            {"source": source.name, "reason": one_line(reason), "rows": rows}
            for source in measured.facts.sources
            for reason, rows in sorted(source.left_out.items(), key=lambda item: (-item[1], item[0]))
        ],
        "examples": [
            {"title": group.title, "kind": group.kind, "rows": [_example(row) for row in group.rows]}
            for group in measured.examples
        ],
        "generated": [
            {"source": made.source, "name": made.name, "step": step.name, "what": what}
            | {"asked": step.asked, "kept": step.kept, "verified": step.verified}
            for made in measured.facts.generated
            for what, steps in (("question", made.questions), ("answer", made.answers))
            for step in steps
        ],
        "unused": [
            {"source": made.source, "what": what, "reason": one_line(reason), "count": count}
            for made in measured.facts.generated
            for what, reason, count in made.unused
        ],
        "stages": [vars(stage) for stage in measured.stages],
    }


def _sources(measured: Measured) -> list[dict[str, Any]]:
    rows = []
    for fact, data in zip(measured.facts.sources, measured.sources, strict=True):
        known = data.score[np.isfinite(data.score)]
        inside = data.score[data.kept & np.isfinite(data.score)]
        mean = data.mean or (None, None, None)
        rows.append(
            {
                "name": fact.name,
                "kind": fact.kind,
                "rows": fact.rows,
                "left_out": sum(fact.left_out.values()),
                "scored": len(known),
                "measured": int(np.isfinite(data.influence).sum()),
                "mean_score": mean[0],
                "mean_low": mean[1],
                "mean_high": mean[2],
                "kept": fact.kept,
                "ratio": fact.ratio,
                "mean_score_kept": float(inside.mean()) if len(inside) else None,
                "median_length": float(np.median(data.length)) if len(data.length) else None,
                "licence": fact.licence,
            }
        )
    return rows


def _length(measured: Measured) -> list[dict[str, Any]]:
    rows = []
    for kind in measured.facts.kinds:
        group = [source for source in measured.scored if source.kind == kind]
        if group:
            rows.append({"kind": kind} | length_correlation(group).as_dict())
    return rows


def _curve(curve: Any) -> dict[str, Any]:
    return {
        "source": curve.source,
        "budgets": curve.budgets.tolist(),
        "picked": curve.picked.tolist(),
        "random": curve.random.mean(axis=0).tolist(),
        "rows": curve.rows,
        "of": curve.of,
    }


def _example(row: Example) -> dict[str, Any]:
    return {
        "source": row.source,
        "score": row.score,
        "rank": row.rank,
        "kept": row.kept,
        "question": visible(row.question, QUESTION),
        "answer": visible(row.answer, ANSWER),
    }
