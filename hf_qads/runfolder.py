"""The run folder: where its files are, what is finished, and how to read what a run knows of its rows."""

import fcntl
import json
import time
from collections.abc import Iterator, Mapping, Sequence
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
ROW_STAGES = ("pool",)  # stages that write the rows of sources, the later ones in place of the earlier
HASHED_UP_TO = 64 * 2**20  # larger files are checked by size alone: hashing 41 GB of vectors costs minutes


def stage_key(stage: str, version: int, settings: Mapping[str, Any], needs: Mapping[str, str]) -> str:
    """Hash of what a stage's result depends on: its code version, settings and the keys of earlier stages."""
    return files.value_hash([stage, version, settings, dict(needs)], 24)


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

    def rows_line(self) -> dict[str, Any] | None:
        """The ledger line that lists the sources: of the newest stage that wrote rows, None before it."""
        lines = [line for line in self.ledger() if line["stage"] in ROW_STAGES]
        return next((line for line in reversed(lines) if "sources" in line.get("details", {})), None)

    def sources(self) -> list[str]:
        """Names of the sources in the config's order; empty before the pool was read."""
        return list(self.kinds())

    def kinds(self) -> dict[str, str]:
        """Kind of each source, `reasoning` or `general`, in the config's order."""
        line = self.rows_line()
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

    def rows_folder(self, source: str) -> Path:
        """The folder with the rows of one source, as the newest stage that wrote rows left them."""
        line = self.rows_line()
        return self.folder(ROW_STAGES[0] if line is None else line["stage"]) / source

    def pool_files(self, source: str) -> list[Path]:
        """The parquet shards of one source, in row order."""
        return sorted(self.rows_folder(source).glob("part-*.parquet"))

    def pool(self, source: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The pool's rows of one source, with the columns of `schema.ROW_SCHEMA` or those named."""
        shards = [_read(path, columns) for path in self.pool_files(source)]
        if shards:
            return pa.concat_tables(shards)
        empty = schema.ROW_SCHEMA.empty_table()
        return empty if columns is None else empty.select(list(columns))

    def column_files(self, source: str) -> dict[str, Path]:
        """By stage, the files whose columns join a source's rows by `row_id`; influence has one for all."""
        stages = dict.fromkeys(
            column.made_by for column in schema.COLUMNS.values() if column.made_by != "pool"
        )
        found = {}
        for stage in (*stages, "features"):
            named = (self.folder(stage) / name for name in (f"{source}.parquet", "scores.parquet"))
            path = next((path for path in named if path.is_file()), None)
            if path is not None:
                found[stage] = path
        return found

    def columns(self, source: str) -> dict[str, Path | None]:
        """Columns that a source's table can have, and the file that joins each; None for those of its shards.

        Where a name is in several files, a known column is taken from the stage that makes it.
        """
        joined = self.column_files(source)
        shards = self.pool_files(source)
        own = _names(shards[0]) if shards else schema.ROW_SCHEMA.names
        found: dict[str, Path | None] = dict.fromkeys(own)
        for stage, path in joined.items():
            for name in _names(path):
                known = schema.COLUMNS.get(name)
                # what rows brought takes the place of what no stage made
                if name not in found and (known is None or stage in (known.made_by, "features")):
                    found[name] = path
        return found

    def score_column(self) -> str | None:
        """The score that Eq. 4 takes, of those that the run has by now; see `schema.score_column`."""
        return schema.score_column([name for source in self.sources() for name in self.columns(source)])

    def scores(self, source: str, column: str) -> np.ndarray:
        """(n,) float64 of a numeric column of one source's rows, in pool order; NaN where there is none."""
        values: np.ndarray = self.table(source, [column])[column].cast(pa.float64()).to_numpy()
        return values

    def table(self, source: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of one source with what is known of them so far, in pool order.

        Args:
            source: its name.
            columns: those wanted, in this order: of `schema.COLUMNS`, where one that no stage has made yet is
                null, or any other that a file of the run holds. None takes all of `schema.COLUMNS`.

        Raises:
            RunError: a column that no file of the run holds, or a damaged file.

        Cost: the columns asked for in memory; what is not asked for is not read.
        """
        there = self.columns(source)
        if columns is None:
            columns = [name for name, column in schema.COLUMNS.items() if column.always or name in there]
        unknown = [name for name in columns if name not in there and name not in schema.COLUMNS]
        if unknown:
            raise RunError(
                f"the run has no column {unknown[0]!r} for source {source!r}, only {', '.join(there)}."
            )
        own = [name for name in columns if name in there and there[name] is None]
        rows = self.pool(source, list(dict.fromkeys([schema.ROW_ID, *own])))
        found = {name: rows[name] for name in own}
        for path in {path for name in columns if (path := there.get(name)) is not None}:
            names = [name for name in columns if there.get(name) == path]
            known = _read(path, [schema.ROW_ID, *names])
            place = pc.index_in(rows[schema.ROW_ID], known[schema.ROW_ID])
            found |= {name: known[name].take(place) for name in names}
        for name in columns:
            if name in schema.COLUMNS:
                kind = schema.COLUMNS[name].type
                found[name] = found[name].cast(kind) if name in found else pa.nulls(len(rows), kind)
        return pa.table({name: found[name] for name in columns})

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
    def locked(self, *, shared: bool = False) -> Iterator[None]:
        """Hold the folder for one run; the lock goes with the process, however it ends.

        Args:
            shared: hold it beside others that share it too, as the parts of a batch array do.

        Raises:
            RunError: another run holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("a+") as lock:
            try:
                fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f"{self.path} is in use by another run, or a comparison of it. Wait for it, or give "
                    "another --out."
                ) from None
            if not shared:
                lock.truncate(0)
            lock.write(f"held since {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n")
            lock.flush()
            yield


def _read(path: Path, columns: Sequence[str] | None) -> pa.Table:
    with _undamaged(path):
        return pq.read_table(path, columns=None if columns is None else list(columns), partitioning=None)


def _names(path: Path) -> list[str]:
    with _undamaged(path):
        return list(pq.read_schema(path).names)


@contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    try:
        yield
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
