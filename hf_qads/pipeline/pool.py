"""Stage 1: the pool: every source's rows, without repeats across sources or of benchmark questions."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hf_qads import files, schema
from hf_qads.config import Config, Overlap, Source
from hf_qads.errors import ConfigError, SourceError
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage

if TYPE_CHECKING:
    from hf_qads.sources import SourceRead, SourceSpec

READ = ".read"  # the sources as they were read, before rows that repeat others are left out
REPEATS_SOURCE = "same row in an earlier source"
REPEATS_BENCHMARK = "repeats a benchmark's question"


def spec_of(source: Source, *, seed: int, given: tuple[str, ...] = ()) -> "SourceSpec":
    """What `read_source` is asked for; `given` names columns that the rows bring."""
    from hf_qads.sources import SourceSpec

    settings = source.model_dump(exclude={"path"})
    return SourceSpec(source.path, seed=seed, given=given, **settings)


def marks(sources: list[Source]) -> dict[str, Any]:
    """What the rows of some sources depend on beside their settings: size and time of local files."""
    from hf_qads.sources import local

    found: dict[str, Any] = {}
    for source in sources:
        if not local.looks_local(source.path):
            continue
        try:
            paths, _ = local.find_files(source.path, source.split)
        except SourceError:
            continue  # said when the source is read
        found[source.path] = [[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in paths]
    return found


def _settings(config: Config) -> Mapping[str, Any]:
    overlap = config.overlap
    against = [] if overlap is None or isinstance(overlap.against, str) else overlap.against
    return {
        "sources": [source.model_dump(exclude_none=True) for source in config.sources],
        "files": marks([*config.sources, *against]),
        "across": config.across,
        "near": config.near,
        "overlap": None if overlap is None else overlap.model_dump(),
        "given": config.given,
        "seed": config.seed,
    }


def _work(context: Context, folder: Path) -> Outcome:
    from hf_qads.mixing.across import find_across
    from hf_qads.mixing.overlap import find_overlap

    config = context.config
    reads = _read(config, folder / READ)
    shards = {read.name: sorted(read.folder.glob("part-*.parquet")) for read in reads}
    across = find_across(shards, keep=config.across, near=config.near)
    across.save(folder / "across.parquet")
    details: dict[str, Any] = {"sources": [], "across": across.table()}
    drop = {name: {REPEATS_SOURCE: ids} for name, ids in across.row_ids.items()}
    if config.overlap is not None:
        questions = _benchmark_questions(context, config.overlap, folder / READ / "benchmarks")
        overlap = find_overlap(questions, shards, ngram=config.overlap.ngram, near=config.overlap.near)
        overlap.save(folder / "overlap.parquet")
        details["overlap"] = overlap.table()
        for name, ids in overlap.row_ids.items():
            drop[name][REPEATS_BENCHMARK] = ids
    left_out: LeftOut = {}
    for read in reads:
        rows, dropped = _place(read, folder / read.name, drop[read.name], across.also_in)
        left_out[read.name] = {**read.left_out, **dropped}
        if not rows:
            raise SourceError(
                f"no row of source {read.name!r} is left: {left_out[read.name]}. "
                "Leave the source out, or set `across: keep` or `overlap: null`."
            )
        details["sources"].append({"name": read.name, "kind": read.kind, "rows": rows})
    files.remove(folder / READ)
    taken = sum(source["rows"] for source in details["sources"])
    gone = sum(count for reasons in left_out.values() for count in reasons.values())
    return Outcome(taken + gone, taken, {name: why for name, why in left_out.items() if why}, details)


def _place(
    read: "SourceRead",
    folder: Path,
    drop: Mapping[str, set[str]],
    also_in: Mapping[str, list[str]],
) -> tuple[int, dict[str, int]]:
    """Put a source's rows, without those to drop, into its folder; how many are kept and dropped, and why."""
    from hf_qads.mixing.dropping import drop_rows

    with files.atomic_path(folder) as temporary:
        temporary.mkdir()
        named = any(row_id.startswith(f"{read.name}-") for row_id in also_in)
        shards = sorted(read.folder.glob("part-*.parquet"))
        rows, dropped = read.rows, dict[str, int]()
        if named or any(drop.values()):
            rows, dropped = drop_rows(shards, temporary, drop=drop, also_in=also_in)
        else:
            for path in shards:
                os.link(path, temporary / path.name)
        beside = [read.folder / "facts.json", read.folder / "left_out.parquet"]
        for path in (*beside, *read.folder.glob("given-*.parquet")):
            os.link(path, temporary / path.name)
    return rows, dropped


def _benchmark_questions(context: Context, overlap: Overlap, folder: Path) -> dict[str, list[str]]:
    """Questions of the test sets that rows must not repeat: those named, or all that have a public copy."""
    from hf_qads.sources import BENCHMARKS, read_source

    config = context.config
    against = overlap.against if not isinstance(overlap.against, str) else []
    if not against:
        against = [Source(path=name) for name, entry in BENCHMARKS.items() if entry.hub is not None]
        local = [name for name, entry in BENCHMARKS.items() if entry.hub is None]
        context.say(f"      not compared, having no public copy: {', '.join(local)} (name a file of yours)")
    questions: dict[str, list[str]] = {}
    for number, source in enumerate(against):
        read = read_source(spec_of(source, seed=config.seed), out=folder / f"{number:03d}")
        column = [
            pq.read_table(path, columns=[schema.QUESTION]) for path in read.folder.glob("part-*.parquet")
        ]
        questions.setdefault(read.name, []).extend(pa.concat_tables(column)[schema.QUESTION].to_pylist())
    return questions


def _read(config: Config, folder: Path) -> "list[SourceRead]":
    from hf_qads.sources import read_source

    reads = []
    names: set[str] = set()
    for number, source in enumerate(config.sources):
        spec = spec_of(source, seed=config.seed, given=config.given)
        read = read_source(spec, out=folder / f"{number:03d}")
        if read.name in names:
            raise ConfigError(f"two sources are called {read.name!r}. Give one of them another `name`.")
        names.add(read.name)
        reads.append(read)
    return reads


STAGE = Stage("pool", 1, (), _settings, _work)
