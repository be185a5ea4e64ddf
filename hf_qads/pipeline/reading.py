"""Reading what a run asks for: its sources and the benchmarks' questions, and saying what cannot be had."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.config import Config, Overlap, Source
from hf_qads.errors import ConfigError, SourceError, SourceMissing
from hf_qads.pipeline.stage import Context

if TYPE_CHECKING:
    from hf_qads.sources import SourceRead, SourceSpec


class Missing(NamedTuple):
    """Something that cannot be had: its name, what it was wanted as, and why."""

    name: str
    role: str
    why: str


def spec_of(source: Source, *, seed: int, given: tuple[str, ...] = ()) -> "SourceSpec":
    """What `read_source` is asked for; `given` names columns that the rows bring."""
    from hf_qads.sources import SourceSpec

    settings = source.model_dump(exclude={"path"})
    return SourceSpec(source.path, seed=seed, given=given, **settings)


def marks(sources: list[Source]) -> dict[str, Any]:
    """What the rows of some sources depend on beside their settings: size and time of local files."""
    from hf_qads.repositories import data_files
    from hf_qads.sources import local

    found: dict[str, Any] = {}
    for source in sources:
        if not local.looks_local(source.path):
            continue
        folder = Path(source.path).expanduser()
        try:
            if folder.is_dir() and local.is_repository(folder):
                paths = list(data_files(folder))
            else:
                paths, _ = local.find_files(source.path, source.split)
        except SourceError:
            continue  # said when the source is read
        found[source.path] = [[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in paths]
    return found


def benchmarks(config: Config) -> list[Source]:
    """The test sets that rows are compared with: those named, or all of the catalogue."""
    from hf_qads.sources import BENCHMARKS

    if config.overlap is None:
        return []
    if not isinstance(config.overlap.against, str):
        return config.overlap.against
    return [
        config.copies[name].model_copy(update={"name": name}) if name in config.copies else Source(path=name)
        for name in BENCHMARKS
    ]


def find_missing(config: Config) -> list[Missing]:
    """What a run asks for and cannot have, found before anything is read.

    Raises:
        SourceMissing: a source or anchor source cannot be had, and `missing` is `error` or nothing else is
            left; or a benchmark cannot be had whose repeats are to be dropped. Where all benchmarks are
            asked for, those without a public copy are no error.
    """
    from hf_qads.sources.resolving import why_missing

    anchors = config.anchors.sources if config.anchors and not config.scores_given else []
    asked = {"source": config.sources, "anchors": anchors, "benchmark": benchmarks(config)}
    known: dict[str, str | None] = {}
    found: list[Missing] = []
    for role, sources in asked.items():
        for source in sources:
            key = f"{source.path}@{source.revision}"
            if key not in known:
                known[key] = why_missing(spec_of(source, seed=config.seed))
            why = known[key]
            if why is not None:
                found.append(Missing(source.name or source.path, role, why))
    _refuse(config, [one for one in found if not _tolerated(config, one)], "cannot be had")
    for role in ("source", "anchors"):
        gone = [one for one in found if one.role == role]
        if gone and len(gone) == len(asked[role]):
            _refuse(config, gone, f"is all that the run has as {role}, and cannot be had")
    return found


def _tolerated(config: Config, one: Missing) -> bool:
    """Whether a run goes on without it."""
    from hf_qads.sources import BENCHMARKS

    if one.role != "benchmark":
        return config.missing == "leave_out"
    overlap = config.overlap or Overlap()
    unpublished = one.name in BENCHMARKS and BENCHMARKS[one.name].hub is None
    return not overlap.drop or (isinstance(overlap.against, str) and unpublished)


def grouped(missing: list[Missing]) -> dict[tuple[str, str], list[str]]:
    """Names by what they were wanted as and why they cannot be had."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in missing:
        found.setdefault((one.role, one.why), []).append(one.name)
    return found


def _refuse(config: Config, missing: list[Missing], what: str) -> None:
    if not missing:
        return
    listed = " ".join(
        f"{', '.join(names)} ({role}): {why}" for (role, why), names in grouped(missing).items()
    )
    mend = "Give files of your own (copies: {NAME: FILE})"
    if any(one.role == "benchmark" for one in missing):
        mend += ", or name the test sets to compare with (overlap: {against: [...]})"
    if config.missing == "error" and any(one.role != "benchmark" for one in missing):
        mend += ", or go on without them (missing: leave_out)"
    names = ", ".join(dict.fromkeys(one.name for one in missing))
    raise SourceMissing(f"{names} {what}. {listed} {mend}.")


def read_sources(
    context: Context, folder: Path, missing: list[Missing]
) -> "tuple[list[SourceRead], list[Missing]]":
    """Read every source that can be had.

    Returns:
        The sources as they were read, and those that could not be fetched after all.
    """
    from hf_qads.sources import read_source

    config = context.config
    gone = {one.name for one in missing if one.role == "source"}
    reads: list[SourceRead] = []
    late: list[Missing] = []
    for number, source in enumerate(config.sources):
        if (source.name or source.path) in gone:
            continue
        spec = spec_of(source, seed=config.seed, given=config.given)
        try:
            read = read_source(spec, out=folder / f"{number:03d}", processes=context.processes)
        except SourceMissing as error:
            if config.missing == "error":
                raise
            late.append(Missing(source.name or source.path, "source", str(error)))
            continue
        if read.name in {other.name for other in reads}:
            raise ConfigError(f"two sources are called {read.name!r}. Give one of them another `name`.")
        reads.append(read)
    if not reads:
        _refuse(config, late, "is all that the run has, and cannot be had")
    return reads, late


def read_questions(context: Context, folder: Path, missing: list[Missing]) -> dict[str, list[str]]:
    """Questions of the test sets that can be had, by name."""
    from hf_qads.sources import read_source

    config = context.config
    gone = {one.name for one in missing if one.role == "benchmark"}
    questions: dict[str, list[str]] = {}
    for number, source in enumerate(benchmarks(config)):
        if (source.name or source.path) in gone:
            continue
        read = read_source(spec_of(source, seed=config.seed), out=folder / f"{number:03d}")
        shards = sorted(read.folder.glob("part-*.parquet"))
        column = [pq.read_table(path, columns=[schema.QUESTION]) for path in shards]
        questions.setdefault(read.name, []).extend(pa.concat_tables(column)[schema.QUESTION].to_pylist())
    return questions
