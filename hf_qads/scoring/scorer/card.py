"""The model card of a scorer or probe."""

import re
from collections.abc import Mapping
from typing import Any


def card(evaluation: Mapping[str, Any], snippet: str) -> str:
    """The model card, from the facts of the evaluation alone."""
    rows, base = evaluation["rows"], evaluation["base_model"]
    head = ["---", "library_name: transformers", "pipeline_tag: text-classification", "tags: [qads, hf_qads]"]
    if evaluation["type"] == "probe":
        head[1:3] = ["library_name: hf_qads"]
    named = f"`{_name(base)}`" if base else "a local model"
    lines = [
        *head,
        "---",
        "# QaDS scorer" + (" (probe)" if evaluation["type"] == "probe" else ""),
        "",
        "Predicts how much a question with its answer helps a language model, shown as an example, to give "
        "the answers of a target set: the quality score of QaDS, as a number in [1, 5].",
        f"Trained on {rows['trained_on']:,} rows scored for real with {named}.",
        "",
        "```python",
        snippet,
        "```",
        "",
        "## Agreement with real scores",
        f"On {rows['held_out']:,} held-out rows, none of whose questions was trained on. "
        "In brackets: 95 % bootstrap interval.",
        "",
        "| rows | n | Pearson | Spearman |",
        "|---|---|---|---|",
        *_table(evaluation["agreement"]),
        "",
        "`length alone` is the correlation of the answer's length with the real score.",
    ]
    if rows["left_out"]:
        told = ", ".join(f"{count:,} {reason}" for reason, count in rows["left_out"].items())
        lines += ["", f"Left out of training and evaluation: {told}."]
    return "\n".join(lines) + "\n"


def _table(found: Mapping[str, Any]) -> list[str]:
    lines = [("all", found["all"])]
    for way in ("groups", "sources"):
        if len(found[way]) > 1:
            lines += [(f"{way[:-1]} {_name(name)}", entry) for name, entry in found[way].items()]
    lines.append(("length alone", found["length_alone"]))
    return [
        f"| {name} | {entry['n']} | {_told(entry, 'pearson')} | {_told(entry, 'spearman')} |"
        for name, entry in lines
    ]


def _told(entry: Mapping[str, Any], name: str) -> str:
    if entry[name] is None:
        return f"unknown ({entry['reason']})"
    return f"{entry[name]:.2f} [{entry[f'{name}_low']:.2f}, {entry[f'{name}_high']:.2f}]"


def _name(text: str) -> str:
    """A name with what could be read as markup replaced."""
    return re.sub(r"[^\w./ -]", "?", text)
