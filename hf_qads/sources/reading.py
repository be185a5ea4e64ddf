"""Read a source: units of work in files of their own, then exact duplicates, sample and shards."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from hf_qads import schema
from hf_qads.errors import SourceError
from hf_qads.runtime import files
from hf_qads.sources.duplicates import first_of_each, sample
from hf_qads.sources.filtering import to_mask
from hf_qads.sources.normalising import LEFT_SCHEMA, START
from hf_qads.sources.resolving import Resolved, resolve
from hf_qads.sources.spec import SourceRead, SourceSpec
from hf_qads.sources.workspace import Job, RowWriter, Shard, batches, read_unit, write_shard

VERSION: Final = 3  # raised whenever the same input would give other rows
DUPLICATE: Final = "exact duplicate of an earlier row"
OUTSIDE_WHERE: Final = "outside where"
OUTSIDE_SAMPLE: Final = "outside the random sample"

_Run: TypeAlias = Callable[[Callable[[Any], int], Iterable[Any]], Iterable[int]]


def read_source(spec: SourceSpec, *, out: Path, processes: int = 1) -> SourceRead:
    """Read a source into parquet shards of `schema.ROW_SCHEMA`.

    Rows keep their order. Left out, with reason and count, are rows without a usable question or answer,
    exact duplicates of an earlier row (same history, question and answer), rows outside `spec.where`, and
    rows outside the sample of `spec.rows`. `out/left_out.parquet` lists them (number of the raw row, reason,
    the question's start), without the last two, which are only counted. A kill loses at most the units under
    way (64 MiB of input each); the next call with the same spec and files goes on from there. A call on a
    finished folder returns at once.

    Args:
        spec: what to read.
        out: folder to write to.
        processes: worker processes. With more than one, a script needs its `if __name__ == "__main__"`.

    Returns:
        Name, kind, counts and facts. The shards are `out/part-*.parquet`.

    Cost: one chunk per process in memory, and about 100 bytes a row to find duplicates.

    Raises:
        SourceError: nothing is there, it cannot be read, no row of it is usable, or code would have to run.
    """
    todo = resolve(spec)
    mark = _fingerprint(spec, todo)
    if (finished := _finished(out, mark)) is not None:
        return finished
    work = out / ".reading"
    if not (work / "mark").exists() or (work / "mark").read_text(encoding="utf-8") != mark:
        _clear(out)
        files.write_text(work / "mark", mark)
    jobs = [Job(i, unit, todo.recipe, todo.types, work) for i, unit in enumerate(todo.units)]
    with _workers(
        min(processes, len(jobs) // 2)
    ) as run:  # a worker that reads one unit costs more than it saves
        _read_units(jobs, todo.name, run)
        return _finish(jobs, spec, todo, out, mark, run)


def _read_units(jobs: list[Job], name: str, run: _Run) -> None:
    pending = [job for job in jobs if job.counts is None]
    total = sum(job.size for job in jobs)
    done = total - sum(job.size for job in pending)
    with tqdm(total=total, initial=done, desc=f"read {name}", unit="B", unit_scale=True, disable=None) as bar:
        for size in run(read_unit, pending):
            bar.update(size)


@contextmanager
def _workers(processes: int) -> Iterator[_Run]:
    """A way to run a function over items, here or in worker processes; results come as they are ready."""
    if processes <= 1:
        yield map
        return
    # spawn: a fork of a process that already runs torch or Arrow threads can hang
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:

        def run(function: Callable[[Any], int], items: Iterable[Any]) -> Iterator[int]:
            futures = [pool.submit(function, item) for item in items]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BrokenProcessPool as error:
                raise SourceError(
                    "a worker process ended without an answer: out of memory, killed, or the script lacks "
                    '`if __name__ == "__main__"`. Finished units are kept; try again with fewer processes.'
                ) from error
            finally:
                for future in futures:
                    future.cancel()

        yield run


def _finish(jobs: list[Job], spec: SourceSpec, todo: Resolved, out: Path, mark: str, run: _Run) -> SourceRead:
    counts = [job.counts or {} for job in jobs]
    keys = [np.load(job.file("keys.npy")) for job in jobs]
    starts = np.cumsum([0, *(len(k) for k in keys)])
    first = first_of_each(np.concatenate(keys)[:, :2])
    del keys
    kept = first if spec.rows is None else sample(first, spec.rows, spec.seed)
    left_out = Counter[str]()
    for job in jobs:
        for batch in batches(job.file("left.arrow")):
            left_out.update(batch.column("reason").to_pylist())
    for reason, count in (
        (DUPLICATE, len(first) - int(first.sum())),
        (OUTSIDE_WHERE, sum(c["outside"] for c in counts)),
        (OUTSIDE_SAMPLE, int(first.sum() - kept.sum())),
    ):
        if count:
            left_out[reason] = count
    read, rows = sum(c["read"] for c in counts), int(kept.sum())
    _check_some_are_left(spec, read, rows, left_out)
    masks = [(job, kept[a:b]) for job, a, b in zip(jobs, starts, starts[1:], strict=False) if kept[a:b].any()]
    parts = [
        Shard(job.file("rows.arrow"), out / f"part-{number:05d}.parquet", mask)
        for number, (job, mask) in enumerate(masks)
    ]
    with tqdm(total=len(first), desc=f"write {todo.name}", unit="rows", unit_scale=True, disable=None) as bar:
        for done in run(write_shard, parts):
            bar.update(done)
    if todo.recipe.precomputed:
        for number, job in enumerate(jobs):
            if job.file("precomputed.parquet").exists():
                job.file("precomputed.parquet").replace(out / f"precomputed-{number:05d}.parquet")
    _write_left_out(jobs, first, starts, out)
    meanings = [name for c in counts for name, rows in c.get("columns", {}).items() if name and rows]
    facts = todo.facts | {
        "columns": "; ".join(dict.fromkeys(meanings)) or todo.facts["columns"],
        "read": read,
        "rows": rows,
        "left_out": dict(sorted(left_out.items())),
        "rows_asked": spec.rows,
        "seed": spec.seed,
        "fingerprint": mark,
    }
    files.write_json(out / "facts.json", facts)
    files.remove(out / ".reading")
    return SourceRead(todo.name, todo.kind, out, rows, facts["left_out"], facts)


def _write_left_out(jobs: list[Job], first: np.ndarray, starts: np.ndarray, out: Path) -> None:
    """List what was left out for a reason of its own, by number of the raw row."""
    before = 0
    with files.atomic_path(out / "left_out.parquet") as path, RowWriter(path, LEFT_SCHEMA) as writer:
        for job, a, b in zip(jobs, starts, starts[1:], strict=False):
            tables = [pa.Table.from_batches(batches(job.file("left.arrow")), LEFT_SCHEMA)]
            if not first[a:b].all():
                tables.append(_duplicates(job, ~first[a:b]))
            table = pa.concat_tables(tables).sort_by("index")
            index = pc.add(table["index"], before)
            writer.write(table.set_column(0, LEFT_SCHEMA.field("index"), index))
            before += (job.counts or {})["read"]


def _duplicates(job: Job, mask: np.ndarray) -> pa.Table:
    at, questions = 0, []
    for batch in batches(job.file("rows.arrow")):
        question = batch.column(schema.QUESTION).filter(to_mask(mask[at : at + batch.num_rows]))
        questions.append(pc.utf8_slice_codeunits(question, 0, START))
        at += batch.num_rows
    index = np.load(job.file("keys.npy"))[mask, 2].tolist()
    reasons = pa.repeat(pa.scalar(DUPLICATE), len(index))
    return pa.table([pa.array(index, pa.int64()), reasons, pa.chunked_array(questions)], schema=LEFT_SCHEMA)


def _check_some_are_left(spec: SourceSpec, read: int, rows: int, left_out: Counter[str]) -> None:
    if read == 0:
        raise SourceError(f"{spec.path_or_name} is empty: it holds no row. Check the file, split and config.")
    if rows == 0:
        why = ", ".join(f"{count} {reason}" for reason, count in left_out.most_common())
        raise SourceError(
            f"all {read} rows of {spec.path_or_name} were left out: {why}. Mend the rows or the spec."
        )


def _fingerprint(spec: SourceSpec, todo: Resolved) -> str:
    """Hash of what was asked and of what the input is."""
    settings = spec.settings() | {"path_or_name": None, "version": VERSION, "facts": todo.facts}
    return files.value_hash(settings, 32)


def _finished(out: Path, mark: str) -> SourceRead | None:
    path = out / "facts.json"
    if not path.exists():
        return None
    facts = json.loads(path.read_text(encoding="utf-8"))
    if facts.get("fingerprint") != mark:
        return None
    files.remove(out / ".reading")  # left where a kill came between the facts and the end
    return SourceRead(facts["name"], facts["kind"], out, facts["rows"], facts["left_out"], facts)


def _clear(out: Path) -> None:
    for path in [
        *out.glob("part-*.parquet"),
        *out.glob("precomputed-*.parquet"),
        out / "left_out.parquet",
        out / "facts.json",
        out / ".reading",
    ]:
        files.remove(path)
