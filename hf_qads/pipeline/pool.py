"""Stage 1: the pool: every source's rows, without repeats across sources or of benchmark questions."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_qads import files
from hf_qads.config import Config, Source
from hf_qads.errors import ConfigError, SourceError
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage

if TYPE_CHECKING:
    from hf_qads.sources import SourceRead, SourceSpec

READ = ".read"  # the sources as they were read, before rows that repeat others are left out
REPEATS_SOURCE = "same row in an earlier source"
REPEATS_BENCHMARK = "repeats a benchmark's question"


def spec_of(source: Source, *, seed: int) -> "SourceSpec":
    """What `read_source` is asked for."""
    from hf_qads.sources import SourceSpec

    settings = source.model_dump(exclude={"path"})
    return SourceSpec(source.path, seed=seed, **settings)


def marks(sources: Sequence[Source]) -> dict[str, Any]:
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
        "overlap": None if overlap is None else overlap.model_dump(),
        "seed": config.seed,
    }


def _work(context: Context, folder: Path) -> Outcome:
    config = context.config
    reads = _read(config, folder / READ)
    left_out: LeftOut = {read.name: dict(read.left_out) for read in reads}
    details: dict[str, Any] = {"sources": []}
    for read in reads:
        if not (folder / read.name).exists():
            os.replace(read.folder, folder / read.name)
        details["sources"].append({"name": read.name, "kind": read.kind, "rows": read.rows})
    files.remove(folder / READ)
    taken = sum(source["rows"] for source in details["sources"])
    gone = sum(count for reasons in left_out.values() for count in reasons.values())
    return Outcome(taken + gone, taken, {name: why for name, why in left_out.items() if why}, details)


def _read(config: Config, folder: Path) -> "list[SourceRead]":
    from hf_qads.sources import read_source

    reads = []
    names: set[str] = set()
    for number, source in enumerate(config.sources):
        spec = spec_of(source, seed=config.seed)
        read = read_source(spec, out=folder / f"{number:03d}")
        if read.name in names:
            raise ConfigError(f"two sources are called {read.name!r}. Give one of them another `name`.")
        names.add(read.name)
        reads.append(read)
    return reads


STAGE = Stage("pool", 1, (), _settings, _work)
