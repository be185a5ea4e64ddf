"""Read the sources of a run and the questions of its test sets, and say which are not available."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.config.schema import Config, Decontaminate, Source
from hf_qads.errors import ConfigError, SourceError, SourceMissing
from hf_qads.pipeline.log_forwarding import INDENT
from hf_qads.pipeline.stage import Context
from hf_qads.runtime.files import read_json

if TYPE_CHECKING:
    from hf_qads.sources import SourceRead, SourceSpec


GIVE = "give files of your own (local_files: {NAME: FILE})"


class Missing(NamedTuple):
    """Something that is not available: its name, what it was wanted as, and why."""

    name: str
    role: str
    why: str


def named(source: Source) -> str:
    """The name by which a source is said to be missing."""
    return source.name or source.path


def spec_of(source: Source, *, seed: int, precomputed: tuple[str, ...] = ()) -> "SourceSpec":
    """What `read_source` is asked for; `precomputed` names columns that the rows bring."""
    from hf_qads.sources import SourceSpec

    settings = source.model_dump(exclude={"path"})
    return SourceSpec(source.path, seed=seed, precomputed=precomputed, **settings)


def passed_over(context: Context, folder: Path) -> list[dict[str, Any]]:
    """Files that were passed over by what was read within a folder: said, and returned with their source."""
    from hf_qads.repositories.folders import sentence

    found = []
    for path in sorted(folder.rglob("facts.json")):
        facts = read_json(path)
        found += [{"source": facts["name"], **one} for one in facts.get("passed_over", ())]
    for one in found:
        context.say(f"{INDENT}{one['source']}: passed over {sentence(one)}")
    return found


def marks(sources: list[Source]) -> dict[str, Any]:
    """What the rows of some sources depend on beside their settings: size and state of their own files."""
    from hf_qads.sources.resolving import file_marks

    found: dict[str, Any] = {}
    for source in sources:
        try:
            held = file_marks(spec_of(source, seed=0))
        except SourceError:
            continue  # said when the source is read
        if held is not None:
            found[source.path] = held
    return found


def benchmarks(config: Config) -> list[Source]:
    """The test sets that rows are compared with: those named, or all of the catalogue."""
    from hf_qads.sources import BENCHMARKS

    if config.decontaminate is None:
        return []
    if not isinstance(config.decontaminate.against, str):
        return config.decontaminate.against
    return [
        config.local_files[name].model_copy(update={"name": name})
        if name in config.local_files
        else Source(path=name)
        for name in BENCHMARKS
    ]


def asked_for(config: Config) -> dict[str, list[Source]]:
    """Everything that a run reads, by what it is wanted as."""
    anchors = config.anchors.sources if config.anchors and not config.has_precomputed_scores else []
    return {"source": config.sources, "anchors": anchors, "benchmark": benchmarks(config)}


def missing_now(config: Config) -> list[Missing]:
    """What a run asks for and cannot have. Asks the Hub once for each dataset, and downloads no rows.

    Raises:
        SourceError: a source names nothing that there is.
    """
    from hf_qads.sources.resolving import why_missing

    known: dict[str, str | None] = {}
    found: list[Missing] = []
    for role, sources in asked_for(config).items():
        for source in sources:
            key = f"{source.path}@{source.revision}"
            if key not in known:
                known[key] = why_missing(spec_of(source, seed=config.seed))
            why = known[key]
            if why is not None:
                found.append(Missing(named(source), role, why))
    return found


def reasons_to_stop(config: Config, missing: list[Missing], *, listed: bool = True) -> list[str]:
    """Why a run cannot go on without what is missing; none where it can.

    A source or anchor set stops it where `on_missing` is `error` or nothing else is left, a benchmark where
    `decontaminate.on_missing` is `error` and rows that repeat its questions are to be dropped; where all
    benchmarks are asked for, those without a public copy do not.

    Args:
        config: of the run.
        missing: from `missing_now`.
        listed: with the reason of each.
    """
    stops = [_not_available(config, [one for one in missing if not _tolerated(config, one)], listed=listed)]
    for role, asked in asked_for(config).items():
        gone = [one for one in missing if one.role == role]
        if role != "benchmark" and gone and len(gone) == len(asked) and not stops[0]:
            what = f"not available, and all that the run has as {role}"
            stops.append(_not_available(config, gone, what, listed=listed))
    lost = {one.name for one in missing if one.role == "source"}
    if isinstance(config.prompts, dict) and set(config.prompts) <= lost and not any(stops):
        names = ", ".join(config.prompts)
        stops.append(f"none of the sources that prompts names is available: {names}. Name others, or {GIVE}.")
    return [stop for stop in stops if stop]


def find_missing(config: Config) -> list[Missing]:
    """What a run asks for and cannot have, found before anything is read.

    Raises:
        SourceMissing: the run cannot go on without it; see `reasons_to_stop`.
    """
    missing = missing_now(config)
    if stops := reasons_to_stop(config, missing):
        raise SourceMissing(" ".join(stops))
    return missing


def _tolerated(config: Config, one: Missing) -> bool:
    """Whether a run goes on without it."""
    from hf_qads.sources import BENCHMARKS

    if one.role != "benchmark":
        return config.on_missing == "skip"
    decontaminate = config.decontaminate or Decontaminate()
    unpublished = one.name in BENCHMARKS and BENCHMARKS[one.name].hub is None
    forgiven = decontaminate.on_missing == "skip" or not decontaminate.drop
    return forgiven or (isinstance(decontaminate.against, str) and unpublished)


def grouped(missing: list[Missing]) -> dict[tuple[str, str], list[str]]:
    """Names by what they were wanted as and why they are not available."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in missing:
        found.setdefault((one.role, one.why), []).append(one.name)
    return found


def _not_available(
    config: Config, missing: list[Missing], what: str = "not available", *, listed: bool = True
) -> str:
    """A sentence of what is missing and one of what to do; empty where nothing is."""
    if not missing:
        return ""
    reasons = [f"{', '.join(names)} ({role}): {why}" for (role, why), names in grouped(missing).items()]
    advice = GIVE
    if any(one.role == "benchmark" for one in missing):
        advice += (
            ", name the test sets to compare with (decontaminate: {against: [...]}), or go on without those "
            "that are not available (decontaminate: {on_missing: skip})"
        )
    if config.on_missing == "error" and any(one.role != "benchmark" for one in missing):
        advice += ", or go on without them (on_missing: skip)"
    names = ", ".join(dict.fromkeys(one.name for one in missing))
    said = f" {' '.join(reasons)}" if listed else ""
    return f"{what}: {names}.{said} {advice[0].upper()}{advice[1:]}."


def read_sources(
    context: Context, folder: Path, missing: list[Missing]
) -> "tuple[list[SourceRead], list[Missing]]":
    """Read every source that is available.

    Returns:
        The sources as they were read, and those that could not be fetched after all.
    """
    from hf_qads.sources import read_source

    config = context.config
    gone = {one.name for one in missing if one.role == "source"}
    reads: list[SourceRead] = []
    late: list[Missing] = []
    for number, source in enumerate(config.sources):
        if named(source) in gone:
            continue
        spec = spec_of(source, seed=config.seed, precomputed=config.precomputed)
        try:
            read = read_source(spec, out=folder / f"{number:03d}", processes=context.num_proc)
        except SourceMissing as error:
            if config.on_missing == "error":
                raise
            late.append(Missing(named(source), "source", str(error)))
            continue
        if read.name in {other.name for other in reads}:
            raise ConfigError(f"two sources are called {read.name!r}. Give one of them another `name`.")
        reads.append(read)
    if not reads:
        raise SourceMissing(_not_available(config, late, "not available, and all that the run has"))
    return reads, late


def read_generated(context: Context, folder: Path) -> "list[SourceRead]":
    """The rows that the stage `augmenting` generated, as sources of their own; none without that stage."""
    from hf_qads.sources import SourceSpec, read_source

    line = context.run.line("augmenting") if context.config.augment is not None else None
    rows = context.run.folder("augmenting")
    return [
        read_source(
            SourceSpec(
                str(rows / made["name"]), name=made["name"], kind=made["kind"], licence=made["licence"]
            ),
            out=folder / f"{number:03d}",
        )
        for number, made in enumerate(line["details"]["sources"] if line else [])
    ]


def read_questions(context: Context, folder: Path, missing: list[Missing]) -> dict[str, list[str]]:
    """Questions of the test sets that are available, by name."""
    from hf_qads.sources import read_source

    config = context.config
    gone = {one.name for one in missing if one.role == "benchmark"}
    questions: dict[str, list[str]] = {}
    for number, source in enumerate(benchmarks(config)):
        if named(source) in gone:
            continue
        read = read_source(spec_of(source, seed=config.seed), out=folder / f"{number:03d}")
        shards = sorted(read.folder.glob("part-*.parquet"))
        column = [pq.read_table(path, columns=[schema.QUESTION]) for path in shards]
        questions.setdefault(read.name, []).extend(pa.concat_tables(column)[schema.QUESTION].to_pylist())
    return questions
