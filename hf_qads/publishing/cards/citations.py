"""BibTeX to cite: of the parts that a run used, and only those."""

import re

from hf_qads.publishing.facts.facts import Facts


def citations(facts: Facts) -> list[str]:
    """BibTeX entries, each once: what the stages of the run used, and the sources that were kept."""
    used = [source.citation or "" for source in facts.sources if source.kept is None or source.kept]
    entries = [entry for text in (*facts.citations, *used) for entry in re.split(r"\n(?=@)", text)]
    return list(dict.fromkeys(entry.strip() for entry in entries if entry.strip()))
