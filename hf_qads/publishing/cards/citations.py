"""What to cite for the parts that a run used, and only those."""

from collections.abc import Mapping
from typing import Any

from hf_qads.publishing.cards.templating import FOLDER
from hf_qads.publishing.facts.facts import Facts


def citations(facts: Facts) -> list[str]:
    """BibTeX entries: the method, the strategy, augmentation where used, and the sources that were kept."""
    select: Mapping[str, Any] = facts.config.get("select") or {}
    strategy = str(select.get("strategy", "qads"))
    names = ["qads"] if strategy == "qads" or facts.score_column else []
    names.append("kcenter" if strategy == "qads" else strategy)
    names.append("mugglemath" if facts.config.get("augment") else "")
    entries = [_bibtex(name) for name in names]
    entries += [source.citation or "" for source in facts.sources if source.kept is None or source.kept]
    return list(dict.fromkeys(entry.strip() for entry in entries if entry.strip()))


def _bibtex(name: str) -> str:
    known = {path.stem: path for path in (FOLDER / "bibtex").glob("*.bib")}
    return known[name].read_text(encoding="utf-8") if name in known else ""
