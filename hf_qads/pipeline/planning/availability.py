"""Availability of a plan's datasets: what is not there now is named with the reason, and never a failure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hf_qads.config.schema import Config, Source
from hf_qads.pipeline.reading import (
    Missing,
    asked_for,
    benchmarks,
    grouped,
    missing_now,
    named,
    reasons_to_stop,
)

LEFT_OUT = "Not available now, and not counted (on_missing: skip; the rows are the paper's):"
COUNTED = "Not available now, and counted with the paper's sizes:"
TEST_SETS = "Test sets that are not available now:"
STOP = "A run would stop now: "


@dataclass(frozen=True)
class Availability:
    """What a plan says of what is not available, and the sources and anchor sets that it does not count."""

    said: list[str]
    sources: Collection[str] = ()
    anchors: Collection[str] = ()


def availability(config: Config) -> Availability:
    """What is available of what a config asks for. Asks the Hub once for each, and downloads no rows.

    Raises:
        SourceError: a source names nothing that there is.
    """
    missing = missing_now(config)
    gone = {role: [one for one in missing if one.role == role] for role in asked_for(config)}
    stops = reasons_to_stop(config, missing, listed=False)
    spared = config.on_missing == "skip" and not any(
        gone[role] and len(gone[role]) == len(sources)
        for role, sources in asked_for(config).items()
        if role != "benchmark"
    )
    said = [STOP + reason for reason in stops]
    if wanted := [*gone["source"], *gone["anchors"]]:
        said += [LEFT_OUT if spared else COUNTED, *_lines(wanted, _paper_rows(config))]
    if gone["benchmark"]:
        said += [TEST_SETS, *_lines(gone["benchmark"], {})]
    if spared:
        sources, anchors = ([one.name for one in gone[role]] for role in ("source", "anchors"))
        return Availability(said, sources, anchors)
    if unsized := _unsized(config, gone["source"]):
        said.append(
            f"Not counted, as their sizes are not known before they are fetched: {', '.join(unsized)}."
        )
    return Availability(said, unsized)


def unpublished(config: Config) -> list[str]:
    """A line for each source of the catalogue without a public copy, and one for such test sets."""
    from hf_qads.sources import BENCHMARKS, CATALOGUE

    sizes, lines = _paper_rows(config), []
    gone = [CATALOGUE[name] for name in sizes if CATALOGUE[name].hub is None]
    if gone:
        rows = sum(sizes[entry.name] for entry in gone)
        lines = [
            f"{len(gone)} sources, {rows:,} of the rows, have no public copy: give files of your own "
            "(local_files: {NAME: FILE}) or go on without them (on_missing: skip)",
            *(f"{entry.name}, {sizes[entry.name]:,} rows: {entry.notes[0]} {entry.home}" for entry in gone),
        ]
    unseen = [one.path for one in benchmarks(config) if BENCHMARKS[one.path].hub is None]
    if unseen:
        lines.append(f"test sets without a public copy, to be given likewise: {', '.join(unseen)}")
    return lines


def _unsized(config: Config, gone: list[Missing]) -> list[str]:
    """Missing sources whose size the catalogue does not know; none where there are no others to count."""
    from hf_qads.sources import CATALOGUE

    names = {one.name for one in gone}
    unsized = [named(s) for s in config.sources if named(s) in names and s.path not in CATALOGUE]
    return unsized if len(unsized) < len(config.sources) else []


def _lines(missing: list[Missing], rows: Mapping[str, int]) -> list[str]:
    def sized(name: str, role: str) -> str:
        return f"{name} ({rows[name]:,} rows)" if role == "source" and name in rows else name

    return [
        f"- {role} {', '.join(sized(name, role) for name in names)}: {why}"
        for (role, why), names in grouped(missing).items()
    ]


def paper_rows(source: Source) -> int:
    """The paper's size of a source of the catalogue, cut as the config says; 0 where it gives none."""
    from hf_qads.sources import CATALOGUE

    return min(max(CATALOGUE[source.path].sizes.values(), default=0), source.rows or 10**12)


def _paper_rows(config: Config) -> dict[str, int]:
    """The paper's size of each source of the catalogue."""
    from hf_qads.sources import CATALOGUE

    return {
        named(source): paper_rows(source)
        for source in config.sources
        if source.path in CATALOGUE and CATALOGUE[source.path].sizes
    }
