"""What of a config or preset cannot be had now, for its plan: named with the reason, and never a failure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hf_qads.config import Config, Source
from hf_qads.pipeline.reading import Missing, benchmarks, grouped, spec_of

LEFT_OUT = "Cannot be had now, and not counted (missing: leave_out; the rows are the paper's):"
COUNTED = "Cannot be had now, and counted with the paper's sizes:"
TEST_SETS = "Test sets that cannot be had now:"
STOP = "A run would stop now: "
GIVE = "Give files of your own (copies: {NAME: FILE})"


@dataclass(frozen=True)
class Reachable:
    """What a plan says of what cannot be had, and names of sources and anchor sets that it does not count."""

    said: list[str]
    sources: Collection[str] = ()
    anchors: Collection[str] = ()


def named(source: Source) -> str:
    """The name by which a source is said to be missing."""
    return source.name or source.path


def reachable(config: Config) -> Reachable:
    """What can be had of what a config asks for. Asks the Hub once for each, and downloads no rows.

    Raises:
        SourceError: a source names nothing that there is.
    """
    asked = {
        "source": config.sources,
        "anchors": config.anchors.sources if config.anchors and not config.scores_given else [],
        "benchmark": benchmarks(config),
    }
    gone = _missing(asked, config.seed)
    stops = _stops(config, asked, gone)
    spared = config.missing == "leave_out" and not any(_all_gone(asked, gone, role) for role in asked)
    said = [STOP + reason for reason in stops]
    if wanted := [*gone["source"], *gone["anchors"]]:
        said += [LEFT_OUT if spared else COUNTED, *_lines(wanted, _paper_rows(config))]
    if gone["benchmark"]:
        said += [TEST_SETS, *_lines(gone["benchmark"], {})]
    if spared:
        sources, anchors = ([one.name for one in gone[role]] for role in ("source", "anchors"))
        return Reachable(said, sources, anchors)
    if unsized := _unsized(config, gone["source"]):
        said.append(
            f"Not counted, as their sizes are not known before they are fetched: {', '.join(unsized)}."
        )
    return Reachable(said, unsized)


def unpublished(sizes: Mapping[str, int]) -> list[str]:
    """A line for each source of the catalogue without a public copy, with its rows and what is known."""
    from hf_qads.sources import CATALOGUE

    gone = [CATALOGUE[name] for name in sizes if name in CATALOGUE and CATALOGUE[name].hub is None]
    if not gone:
        return []
    rows = sum(sizes[entry.name] for entry in gone)
    return [
        f"{len(gone)} sources, {rows:,} of the rows, have no public copy: give files of your own "
        "(copies: {NAME: FILE}) or go on without them (missing: leave_out)",
        *(f"{entry.name}, {sizes[entry.name]:,} rows: {entry.notes[0]} {entry.home}" for entry in gone),
    ]


def _missing(asked: Mapping[str, list[Source]], seed: int) -> dict[str, list[Missing]]:
    """What cannot be had, by what it is asked for as."""
    from hf_qads.sources.resolving import why_missing

    known: dict[str, str | None] = {}
    found: dict[str, list[Missing]] = {role: [] for role in asked}
    for role, sources in asked.items():
        for source in sources:
            key = f"{source.path}@{source.revision}"
            if key not in known:
                known[key] = why_missing(spec_of(source, seed=seed))
            if (why := known[key]) is not None:
                found[role].append(Missing(named(source), role, why))
    return found


def _stops(config: Config, asked: Mapping[str, list[Source]], gone: Mapping[str, list[Missing]]) -> list[str]:
    """Why a run would stop, as `find_missing` and the pool's check of the prompts have it."""
    names = {role: [one.name for one in missing] for role, missing in gone.items()}
    if config.missing == "error" and (wanted := list(dict.fromkeys([*names["source"], *names["anchors"]]))):
        return [
            f"{', '.join(wanted)} cannot be had (missing: error). {GIVE}, or go on without them "
            "(missing: leave_out)."
        ]
    stops = [
        f"nothing is left as {role}: {', '.join(names[role])} cannot be had. {GIVE}."
        for role in ("source", "anchors")
        if _all_gone(asked, gone, role)
    ]
    if needed := [name for name in names["benchmark"] if _needed(config, name)]:
        stops.append(
            f"{', '.join(needed)} cannot be had, and rows that repeat their questions are to be dropped. "
            f"{GIVE}, or name the test sets to compare with (overlap: {{against: [...]}})."
        )
    if isinstance(config.prompts, dict) and names["source"] and set(config.prompts) <= set(names["source"]):
        stops.append(f"none of the sources that prompts names can be had. Name others. {GIVE}.")
    return stops


def _needed(config: Config, benchmark: str) -> bool:
    """Whether a run stops without a test set: only where its repeats are to be dropped."""
    from hf_qads.sources import BENCHMARKS

    if config.overlap is None or not config.overlap.drop:
        return False
    unpublished = benchmark in BENCHMARKS and BENCHMARKS[benchmark].hub is None
    return not (isinstance(config.overlap.against, str) and unpublished)


def _all_gone(asked: Mapping[str, list[Source]], gone: Mapping[str, list[Missing]], role: str) -> bool:
    return role != "benchmark" and bool(asked[role]) and len(gone[role]) == len(asked[role])


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


def _paper_rows(config: Config) -> dict[str, int]:
    """The paper's size of each source of the catalogue, cut as the config says."""
    from hf_qads.sources import CATALOGUE

    return {
        named(source): min(max(CATALOGUE[source.path].sizes.values()), source.rows or 10**12)
        for source in config.sources
        if source.path in CATALOGUE and CATALOGUE[source.path].sizes
    }
