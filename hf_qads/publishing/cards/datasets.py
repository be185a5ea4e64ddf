"""Cards of datasets: the mixture, and the whole pool with its scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hf_qads.publishing.cards.citations import citations
from hf_qads.publishing.cards.common import HERE, CardFigure, card, command, described, slug
from hf_qads.publishing.cards.escaping import markdown
from hf_qads.publishing.cards.licences import combine_licences
from hf_qads.publishing.cards.limits import limits
from hf_qads.publishing.cards.metadata import dataset_metadata
from hf_qads.publishing.cards.templating import listing, plural
from hf_qads.publishing.facts.evidence import Evidence
from hf_qads.publishing.facts.facts import Facts, Subset


@dataclass(frozen=True)
class Extras:
    """What is known once a repository is staged; each part is left out of the card where it is empty.

    Args:
        repo: the name to load the repository by; None takes the card's own name.
        columns: columns of the files; empty stands for the usual ones.
        output: what the snippet really printed.
        evidence: what was measured beside the scorer's agreement.
        figures: files of the repository to show.
        info: `dataset_info` of each config.
    """

    repo: str | None = None
    columns: Sequence[str] = ()
    output: str | None = None
    evidence: Evidence | None = None
    figures: Sequence[CardFigure] = ()
    info: Sequence[Mapping[str, Any]] = ()


def mixture_card(facts: Facts, *, columns: Sequence[str] = (), extras: Extras | None = None) -> str:
    """Card of a mixture: YAML front matter and Markdown.

    Args:
        facts: of the run; `facts.subsets` are the repository's configs, the default one first.
        columns: columns of the files, unless `extras` names them.
        extras: what is known once the repository is staged.
    """
    extras = extras or Extras(columns=columns)
    snippet = mixture_snippet(facts, extras.repo or slug(facts.name))
    rows = max((subset.rows for subset in facts.subsets), default=facts.kept)
    return _dataset(facts, extras, facts.name, _mixture_summary(facts), snippet, rows, facts.subsets)


def scored_card(facts: Facts, *, extras: Extras | None = None, configs: Sequence[Subset] = ()) -> str:
    """Card of the whole pool with its scores.

    Args:
        facts: of the run.
        extras: what is known once the repository is staged.
        configs: the default config and one per source.
    """
    extras = extras or Extras()
    name = f"{facts.name}-scored"
    snippet = scored_snippet(facts, extras.repo or slug(name))
    sources = plural(len(facts.sources), "source")
    summary = (
        f"**{plural(facts.rows, 'instruction row')}** of {sources}, each with the quality score that says "
        f"how much it helps as an example{_whose(facts)}, and its place in the order in which rows were "
        "picked."
    )
    return _dataset(facts, extras, name, summary, snippet, facts.rows, configs)


BEST: Final = 3  # rows that the scored dataset's snippet shows


def mixture_snippet(facts: Facts, repo: str) -> str:
    """Python that loads a mixture's smallest subset from `repo`, or, run in the card's folder, from there."""
    subset = smallest(facts)
    config = f', "{subset.name}"' if subset else ""
    before, where = "", f'"{repo}"'
    if repo == HERE:  # load_dataset(".") finds no name for the dataset
        before, where = (
            "# run this in the folder that holds this card\nfrom pathlib import Path\n\n",
            "str(Path.cwd())",
        )
    return (
        f"{before}from datasets import load_dataset\n\n"
        f'mixture = load_dataset({where}{config}, split="train")\n'
        "print(mixture)"
    )


def scored_snippet(facts: Facts, repo: str) -> str:
    """Python that shows the best scores of the scored dataset at `repo`."""
    column = facts.score_column
    return (
        "from datasets import load_dataset\n\n"
        f'rows = load_dataset("{repo}", split="train")\n'
        f'best = rows.sort("{column}", reverse=True).select(range({min(BEST, facts.rows)}))\n'
        f'print(best["source"][:], best["{column}"][:])'
    )


def smallest(facts: Facts) -> Subset | None:
    """The smallest subset of a mixture, or None where there is only the whole."""
    whole = max((subset.rows for subset in facts.subsets), default=0)
    return min((s for s in facts.subsets if 0 < s.rows < whole), key=lambda s: s.rows, default=None)


def _dataset(
    facts: Facts,
    extras: Extras,
    title: str,
    summary: str,
    snippet: str,
    rows: int,
    configs: Sequence[Subset],
) -> str:
    values = {
        "facts": facts,
        "title": title,
        "summary": summary,
        "snippet": snippet,
        "output": extras.output,
        "columns": described(extras.columns),
        "subsets": [subset for subset in configs if subset in facts.subsets],
        "whole": rows,
        "command": command(facts),
        "evidence": extras.evidence,
        "figures": extras.figures,
        "limits": limits(facts),
        "licences": combine_licences(facts.sources),
        "citations": citations(facts),
    }
    data = dataset_metadata(facts, name=title, rows=rows, configs=configs, info=extras.info)
    return card("dataset.md.jinja", data, values)


def _mixture_summary(facts: Facts) -> str:
    by_kind = [
        f"{plural(n, 'source')} of {kind} data" if kind == "reasoning" else f"{plural(n, 'general source')}"
        for kind in facts.kinds
        if (n := sum(source.kind == kind for source in facts.sources))
    ]
    chosen = any(source.kept is not None for source in facts.sources)
    share = f"**{f'{facts.kept:,} of ' if chosen else ''}{facts.rows:,} instruction rows**"
    whose = _whose(facts)
    told = f" Vectors and scores come{whose}." if whose else ""
    how = f", picked by {facts.picked_by}" if facts.picked_by else ""
    made = listing(list(dict.fromkeys(markdown(one.generator) for one in facts.generated)))
    generated = f" {facts.kept_generated:,} of them were generated by {made}." if made and chosen else ""
    return f"{share} from {listing(by_kind)}{how}.{generated}{told}"


def _whose(facts: Facts) -> str:
    if facts.demonstration:
        return " from the demonstration model inside `hf_qads`"
    return f" from {markdown(facts.model)}" if facts.model else ""
