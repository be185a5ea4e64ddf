"""The catalogue as text, for the command line."""

import textwrap
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from hf_qads.errors import SourceError
from hf_qads.repositories import licences
from hf_qads.rows.columns import Pair
from hf_qads.sources.catalogue.entry import Entry
from hf_qads.sources.catalogue.registry import BENCHMARKS, CATALOGUE, FURTHER, embedded, from_packages, lookup

HEADER: Final = ("name", "kind", "rows (paper)", "licence", "answers by", "from")
WIDTH: Final = 100
MARKS: Final = {
    "share_alike": "=",
    "non_commercial": "*",
    "no_derivatives": "#",
    "own_terms": "+",
    "unknown": "?",
}


def table() -> str:
    """Every entry on a line, under a title for each group of them."""
    groups = {
        "Training sources": CATALOGUE.values(),
        "Training sources beside the paper's": FURTHER.values(),
        "Test sets (evaluation and decontamination only)": BENCHMARKS.values(),
        "Embedded pools": embedded().values(),
        "From installed packages": from_packages().values(),
    }
    lines = {title: [_line(entry) for entry in entries] for title, entries in groups.items()}
    widths = [
        max(len(line[i]) for group in lines.values() for line in (HEADER, *group)) for i in range(len(HEADER))
    ]
    parts = []
    for title, group in lines.items():
        if group:
            parts += [title, *(_row(line, widths) for line in (HEADER, *group)), ""]
    marks = "   ".join(f"{mark} {licences.WORDS[flag]}" for flag, mark in MARKS.items())
    return "\n".join([*parts, marks, "(of the whole or of a part)   local: needs a file of your own"])


def describe(name: str) -> str:
    """One entry in words, with three example rows as its reader gives them.

    The example rows of the catalogue are written by hand in the dataset's shape; those of an embedded pool
    are its first ones.

    Raises:
        SourceError: the catalogue holds no such name.
    """
    entry = lookup(name)
    facts = {
        "in the paper": f"{entry.title} ({_sizes(entry) or 'not in the paper'})",
        "kind": entry.kind,
        "answers by": entry.answers,
        "languages": ", ".join(entry.languages),
        "licence": _licence(entry),
        "from": _origin(entry),
        "filter": ", ".join(f"{column} = {value}" for column, value in entry.where.items()),
        "home": entry.home,
    }
    lines = [name, *(f"  {label:13} {value}" for label, value in facts.items() if value)]
    lines += [line for note in entry.notes for line in _wrap(note, "  - ", "    ")]
    rows, label = _examples(entry)
    lines += ["", label]
    for number, pair in enumerate(rows, 1):
        said = [(f"({turn['role']})", turn["content"]) for turn in pair.history or ()]
        for i, (speaker, text) in enumerate([*said, ("Q:", pair.question), ("A:", pair.answer)]):
            lead = f"  {number}. " if i == 0 else "     "
            lines += _wrap(text, f"{lead}{speaker} ", "        ")
    return "\n".join([*lines, "", entry.citation]).rstrip()


def _line(entry: Entry) -> tuple[str, ...]:
    return (entry.name, entry.kind, _sizes(entry), _licence(entry, short=True), entry.answers, _origin(entry))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _sizes(entry: Entry) -> str:
    return ", ".join(_count(size) for size in dict.fromkeys(entry.sizes.values()))


def _count(size: int) -> str:
    if size >= 1_000_000:
        return f"{size / 1_000_000:.1f}M"
    return f"{size / 1000:g}K" if size >= 1000 and size % 100 == 0 else f"{size:,}"


def _licence(entry: Entry, *, short: bool = False) -> str:
    flags = licences.flags(entry.licences)
    mark = "".join(mark for flag, mark in MARKS.items() if getattr(flags, flag))
    stated = entry.licence or "none stated"
    if short:
        return f"{stated}{f' {mark}' if mark else ''}"
    parts = f"; parts: {', '.join(entry.part_licences)}" if entry.part_licences else ""
    return f"{stated}{parts} ({flags.in_words()})"


def _origin(entry: Entry) -> str:
    if entry.hub is None:
        return "this package" if not entry.home else "local" if entry.released else "never released"
    return ":".join(filter(None, (entry.hub, entry.config)))


def _examples(entry: Entry) -> tuple[list[Pair], str]:
    if entry.examples:
        pairs = [pair for raw in entry.examples for pair in _read(entry, raw)]
        return pairs[:3], "Example rows, written by hand in the dataset's shape, as its reader gives them:"
    if entry.name in embedded():
        from hf_qads.embedded import pool

        first: Iterable[dict[str, str]] = islice(pool.rows(entry.name), 3)  # type: ignore[arg-type]
        return [Pair(None, row["question"], row["answer"]) for row in first], "First rows:"
    return [], "No example rows."


def _read(entry: Entry, raw: object) -> list[Pair]:
    try:
        return entry.to_rows(raw)  # type: ignore[arg-type]
    except SourceError:
        return []  # an example of a row that is left out


def _wrap(text: str, first: str, rest: str) -> list[str]:
    lines: list[str] = []
    for part in text.splitlines() or [""]:
        lead = rest if lines else first
        lines += textwrap.wrap(part, WIDTH, initial_indent=lead, subsequent_indent=rest) or [lead]
    return lines
