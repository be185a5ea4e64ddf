"""The run folder: where its files are, what is finished, and how to read what a run knows of its rows."""

import fcntl
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from hf_qads import schema
from hf_qads.errors import RunError
from hf_qads.runtime import files

WORK = (".part", ".building", ".training")  # ends of the names, which begin with a dot, of work in progress
HASHED_UP_TO = 64 * 2**20  # larger files are checked by size alone: hashing 41 GB of vectors costs minutes


def stage_key(stage: str, version: int, settings: Mapping[str, Any], needs: Mapping[str, str]) -> str:
    """Hash of what a stage's result depends on: its code version, settings and the keys of earlier stages."""
    text = json.dumps([stage, version, settings, dict(needs)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class RunFolder:
    """Everything that one run wrote, enough to resume it, report on it and publish it.

    Args:
        path: the folder; it need not exist before `create`.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def open(cls, path: Path | str) -> "RunFolder":
        """A run folder that is there.

        Raises:
            RunError: `path` is no run folder.
        """
        run = cls(path)
        if not (run.path / "config.yaml").is_file():
            raise RunError(f"{path} is not a run folder (it has no config.yaml). Name the --out of a run.")
        return run

    def folder(self, stage: str) -> Path:
        """The folder that a stage writes to."""
        return self.path / stage

    def config(self) -> dict[str, Any]:
        """The configuration of the run, with every default filled in."""
        loaded: dict[str, Any] = yaml.safe_load((self.path / "config.yaml").read_text(encoding="utf-8"))
        return loaded

    def ledger(self) -> list[dict[str, Any]]:
        """The ledger's newest line of each finished stage, in the order in which they finished.

        A last line that a kill or a full disk cut is passed over: its stage counts as not finished.
        """
        path = self.path / "ledger.jsonl"
        newest: dict[str, dict[str, Any]] = {}
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
            try:
                line = json.loads(text)
            except json.JSONDecodeError:
                continue
            newest.pop(line["stage"], None)
            newest[line["stage"]] = line
        return list(newest.values())

    def line(self, stage: str) -> dict[str, Any] | None:
        """The ledger's line of a finished stage, or None."""
        return next((line for line in self.ledger() if line["stage"] == stage), None)

    def sources(self) -> list[str]:
        """Names of the sources in the config's order; empty before the pool was read."""
        line = self.line("pool")
        return [] if line is None else [source["name"] for source in line["details"]["sources"]]

    def kinds(self) -> dict[str, str]:
        """Kind of each source: `reasoning` or `general`."""
        line = self.line("pool")
        return {} if line is None else {s["name"]: s["kind"] for s in line["details"]["sources"]}

    def missing(self, role: str) -> dict[str, str]:
        """What the pool had to do without: names of a role (`source`, `anchors`, `benchmark`), and why."""
        line = self.line("pool")
        lost = [] if line is None else line["details"].get("missing", [])
        return {one["name"]: one["why"] for one in lost if one["role"] == role}

    def scorers(self) -> list[Path]:
        """Folders of the run's scorers, by name; what an interrupted training left beside them is none."""
        found = self.folder("scorer").glob("*")
        return sorted(path for path in found if path.is_dir() and not path.name.startswith("."))

    def pool_files(self, source: str) -> list[Path]:
        """The parquet shards of one source, in row order."""
        return sorted((self.path / "pool" / source).glob("part-*.parquet"))

    def pool(self, source: str, columns: list[str] | None = None) -> pa.Table:
        """The pool's rows of one source, with the columns of `schema.ROW_SCHEMA` or those named."""
        shards = [_read(path, columns) for path in self.pool_files(source)]
        if shards:
            return pa.concat_tables(shards)
        empty = schema.ROW_SCHEMA.empty_table()
        return empty if columns is None else empty.select(columns)

    def table(self, source: str) -> pa.Table:
        """The rows of one source with every score and rank known so far; null where there is none.

        Cost: the source's rows in memory.
        """
        table = self.pool(source)
        wanted = {
            self.path / "influence" / "scores.parquet": (
                schema.INFLUENCE,
                schema.PAIRS,
                schema.LOW,
                schema.HIGH,
            ),
            self.path / "scores" / f"{source}.parquet": (schema.SCORE, schema.REASON),
            self.path / "selection" / f"{source}.parquet": (schema.RANK, schema.GAIN),
        }
        for path, columns in wanted.items():
            known = _read(path, [schema.ROW_ID, *columns]) if path.exists() else None
            place = None if known is None else pc.index_in(table[schema.ROW_ID], known[schema.ROW_ID])
            for column in columns:
                kind = schema.SCORE_COLUMNS[column]
                values = pa.nulls(len(table), kind) if known is None else known[column].take(place).cast(kind)
                table = table.append_column(pa.field(column, kind), values)
        return table

    def vectors(self, source: str) -> np.ndarray | None:
        """The vectors of one source, a read-only memmap (n, d) in pool order; None before embedding."""
        path = self.path / "vectors" / source / "vectors.npy"
        return np.load(path, mmap_mode="r") if path.exists() else None

    def finished(self, stage: str, key: str) -> bool:
        """Whether a stage's newest result was made with `key` and its files are all there and whole."""
        line = self.line(stage)
        return line is not None and line["key"] == key and not self.damaged(stage)

    def damaged(self, stage: str) -> list[str]:
        """Files of a finished stage that are missing or not as they were written."""
        line = self.line(stage) or {"files": {}}
        lasting = {name: mark for name, mark in line["files"].items() if not _is_work(Path(name))}
        return [name for name, mark in lasting.items() if _mark(self.path / name) != mark]

    def begin(self, stage: str, key: str) -> Path:
        """Make a stage's folder ready: what an interrupted run with the same key left there is kept.

        Returns:
            the folder, emptied where it holds another key's work, or a finished result that is damaged.
        """
        folder = self.folder(stage)
        mark = folder / ".key"
        held = mark.read_text(encoding="utf-8") if mark.exists() else None
        line = self.line(stage)
        damaged = line is not None and line["key"] == key and bool(self.damaged(stage))
        # A stage that is being done again after damage is told by its mark from the damaged result itself.
        wanted = f"{key} again" if damaged else key
        if held != wanted:
            files.remove(folder)
            folder.mkdir(parents=True)
            files.write_text(mark, wanted)
        return folder

    def record(self, stage: str, line: Mapping[str, Any]) -> None:
        """Append a finished stage to the ledger, with a mark of each file in its folder, which is tidied."""
        folder = self.folder(stage)
        self.tidy(stage)
        if (folder / ".key").exists():
            files.write_text(folder / ".key", line["key"])
        found = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != ".key")
        marks = {str(path.relative_to(self.path)): _mark(path) for path in found}
        text = json.dumps({"stage": stage, **line, "files": marks}, ensure_ascii=False, default=str)
        path = self.path / "ledger.jsonl"
        cut = path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
        with path.open("a", encoding="utf-8") as ledger:
            ledger.write(("\n" if cut else "") + text + "\n")
            ledger.flush()

    def tidy(self, stage: str) -> None:
        """Remove what a stage needs only while it works, such as checkpoints and shards.

        A kill between a stage's result and its own clean-up leaves it.
        """
        for path in sorted(self.folder(stage).rglob(".*")):
            if path.suffix in WORK:
                files.remove(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one run; the lock goes with the process, however it ends.

        Raises:
            RunError: another run holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f"{self.path} is in use by another run. Wait for it, or give another --out."
                ) from None
            lock.truncate(0)
            lock.write(f"held since {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n")
            lock.flush()
            yield


def _read(path: Path, columns: list[str] | None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns, partitioning=None)
    except (pa.ArrowInvalid, OSError) as error:
        raise RunError(
            f"{path} is damaged ({str(error).splitlines()[0]}). Run again: its stage will be redone."
        ) from error


def _is_work(path: Path) -> bool:
    return any(part.startswith(".") and Path(part).suffix in WORK for part in path.parts)


def _mark(path: Path) -> str | None:
    if not path.is_file():
        return None
    size = path.stat().st_size
    return f"{size}:{files.file_hash(path)[:16] if size <= HASHED_UP_TO else ''}"
