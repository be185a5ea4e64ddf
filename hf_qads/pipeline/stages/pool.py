"""The stage `pool`: read the sources, drop duplicates across them and rows that repeat a test question."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_qads.config.schema import Config, Decontaminate
from hf_qads.errors import ConfigError, SourceError
from hf_qads.pipeline.log_forwarding import INDENT
from hf_qads.pipeline.reading import (
    Missing,
    benchmarks,
    find_missing,
    grouped,
    marks,
    passed_over,
    read_generated,
    read_questions,
    read_sources,
)
from hf_qads.pipeline.rendering_check import check_first_rows
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage
from hf_qads.runtime import files

if TYPE_CHECKING:
    from hf_qads.sources import SourceRead

READ = ".read"  # the sources as they were read, before rows that repeat others are left out
DUPLICATES = "duplicates.parquet"  # rows that an earlier row repeats, with both ids
CONTAMINATION = "contamination.parquet"  # rows that repeat a test question, with both questions
REPEATS = {"same": "same row in an earlier source", "near": "near duplicate of an earlier row"}
REPEATS_BENCHMARK = "repeats a benchmark's question"


def _settings(config: Config) -> Mapping[str, Any]:
    against = [] if config.decontaminate is None else benchmarks(config)
    return {
        "sources": [source.model_dump(exclude_none=True) for source in config.sources],
        "files": marks([*config.sources, *against]),
        "deduplicate": config.deduplicate.model_dump(),
        "decontaminate": None if config.decontaminate is None else config.decontaminate.model_dump(),
        "precomputed": config.precomputed,
        "on_missing": config.on_missing,
        "seed": config.seed,
    }


def _work(context: Context, folder: Path) -> Outcome:
    from hf_qads.filtering.duplicates import find_duplicates

    config = context.config
    missing = find_missing(config)
    reads, late = read_sources(context, folder / READ, missing)
    reads += read_generated(context, folder / READ / "generated")
    missing += late
    _check_prompts(config, [read.name for read in reads], missing)
    check_first_rows(context, {read.name: sorted(read.folder.glob("part-*.parquet")) for read in reads})
    for (role, why), names in grouped([one for one in missing if one.role != "benchmark"]).items():
        context.say(f"{INDENT}without {', '.join(names)} ({role}): {why}")
    shards = {read.name: sorted(read.folder.glob("part-*.parquet")) for read in reads}
    duplicates = find_duplicates(shards, keep=config.deduplicate.across_sources, near=config.deduplicate.near)
    duplicates.save(folder / DUPLICATES)
    details: dict[str, Any] = {
        "sources": [],
        "missing": [one._asdict() for one in missing],
        "duplicates": duplicates.table(),
        "compared": {"benchmarks": [], "rows": 0, "dropped": True},
    }
    drop = {
        name: {REPEATS[method]: ids for method, ids in found.items()}
        for name, found in duplicates.row_ids.items()
    }
    if config.decontaminate is not None:
        lost = [one.name for one in missing if one.role == "benchmark"]
        if lost:
            context.say(f"{INDENT}not compared with test sets that are not available: {', '.join(lost)}")
        questions = read_questions(context, folder / READ / "benchmarks", missing)
        repeating = _find_contamination(context, config.decontaminate, questions, shards, folder, details)
        for name, ids in repeating.items():
            drop[name][REPEATS_BENCHMARK] = ids
    details["passed_over"] = passed_over(context, folder / READ)
    left_out: LeftOut = {}
    for read in reads:
        rows, dropped = _place(read, folder / read.name, drop[read.name], duplicates.also_in)
        left_out[read.name] = {**read.left_out, **dropped}
        if not rows:
            raise SourceError(
                f"no row of source {read.name!r} is left: {left_out[read.name]}. "
                "Leave the source out, or keep such rows: `deduplicate: {across_sources: keep}`, "
                "`decontaminate: {drop: false}`."
            )
        details["sources"].append({"name": read.name, "kind": read.kind, "rows": rows})
    files.remove(folder / READ)
    taken = sum(source["rows"] for source in details["sources"])
    gone = sum(count for reasons in left_out.values() for count in reasons.values())
    return Outcome(taken + gone, taken, {name: why for name, why in left_out.items() if why}, details)


def _find_contamination(
    context: Context,
    wanted: Decontaminate,
    questions: Mapping[str, list[str]],
    shards: Mapping[str, list[Path]],
    folder: Path,
    details: dict[str, Any],
) -> dict[str, set[str]]:
    """The rows to drop because they repeat a benchmark's question; notes in `details` what was found."""
    from hf_qads.filtering.contamination import find_contamination

    if not questions:
        return {}
    found = find_contamination(questions, shards, ngram=wanted.ngram, near=wanted.near)
    found.save(folder / CONTAMINATION)
    rows = sum(found.dropped.values())
    details["contamination"] = found.table()
    details["compared"] = {"benchmarks": sorted(questions), "rows": rows, "dropped": wanted.drop}
    if rows and not wanted.drop:
        context.say(
            f"{INDENT}{rows:,} rows repeat a benchmark's question and are kept (decontaminate.drop: false): "
            f"{folder / CONTAMINATION} lists them"
        )
    return found.row_ids if wanted.drop else {}


def _check_prompts(config: Config, names: list[str], missing: list[Missing]) -> None:
    """Raise a ConfigError where `prompts` names what is no source."""
    if not isinstance(config.prompts, dict):
        return
    gone = [one.name for one in missing if one.role == "source"]
    unknown = [name for name in config.prompts if name not in (*names, *gone)]
    if unknown:
        raise ConfigError(f"prompts names {unknown[0]!r}, which is no source. There are: {', '.join(names)}.")


def _place(
    read: "SourceRead",
    folder: Path,
    drop: Mapping[str, set[str]],
    also_in: Mapping[str, list[str]],
) -> tuple[int, dict[str, int]]:
    """Put a source's rows, without those to drop, into its folder; how many are kept and dropped, and why."""
    from hf_qads.filtering.dropping import drop_rows

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
        for path in (*beside, *read.folder.glob("precomputed-*.parquet")):
            os.link(path, temporary / path.name)
    return rows, dropped


STAGE = Stage("pool", 1, ("augmenting",), _settings, _work)
