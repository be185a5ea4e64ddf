"""Decontamination: find rows that repeat a question of a test set, count them per source, list them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.errors import FilteringError
from hf_qads.filtering.question_index import METHODS, QuestionIndex
from hf_qads.runtime import progress
from hf_qads.runtime.files import READ_ROWS, atomic_path

HITS: Final = pa.schema(
    [
        (schema.ROW_ID, pa.string()),
        (schema.SOURCE, pa.string()),
        ("benchmark", pa.string()),
        ("index", pa.int32()),  # of the question in its benchmark
        ("method", pa.string()),
        ("share", pa.float32()),
        (schema.QUESTION, pa.string()),
        ("benchmark_question", pa.string()),
    ]
)


@dataclass(frozen=True)
class ContaminationReport:
    """Contaminated rows: those that repeat a question of a test set.

    Attributes:
        hits: a line per row and benchmark, with both questions, the way it was found (`exact`, `ngram`,
            `near`) and the share of the benchmark question's runs of three tokens that the row has.
        rows: rows looked at per source.
        benchmarks: questions per benchmark.
    """

    hits: pa.Table
    rows: Mapping[str, int]
    benchmarks: Mapping[str, int]

    @cached_property
    def row_ids(self) -> dict[str, set[str]]:
        """Source -> ids of its rows that repeat a question: those to drop."""
        found: dict[str, set[str]] = {source: set() for source in self.rows}
        columns = (self.hits[name].to_pylist() for name in (schema.SOURCE, schema.ROW_ID))
        for source, row_id in zip(*columns, strict=True):
            found[source].add(row_id)
        return found

    @property
    def dropped(self) -> dict[str, int]:
        """Source -> rows that repeat a question of any benchmark."""
        return {source: len(ids) for source, ids in self.row_ids.items()}

    def table(self) -> list[dict[str, Any]]:
        """A line per source and benchmark with a hit: rows per way, and distinct benchmark questions hit."""
        keys = [schema.SOURCE, "benchmark"]
        grouped = self.hits.group_by([*keys, "method"]).aggregate([([], "count_all")]).to_pylist()
        asked = self.hits.group_by(keys).aggregate([("index", "count_distinct")]).to_pylist()
        counts = {
            (line[schema.SOURCE], line["benchmark"], line["method"]): line["count_all"] for line in grouped
        }
        distinct = {(line[schema.SOURCE], line["benchmark"]): line["index_count_distinct"] for line in asked}
        return [
            {"source": source, "benchmark": name}
            | {method: counts.get((source, name, method), 0) for method in METHODS}
            | {"rows": sum(counts.get((source, name, method), 0) for method in METHODS)}
            | {"questions": distinct[source, name], "of": self.benchmarks[name]}
            for source in self.rows
            for name in self.benchmarks
            if (source, name) in distinct
        ]

    def save(self, path: Path | str) -> None:
        """Write the list of hits as parquet."""
        with atomic_path(Path(path)) as part:
            pq.write_table(self.hits, part, compression="zstd")


def find_contamination(
    benchmarks: Mapping[str, Sequence[str]],
    pool: Mapping[str, Sequence[Path] | pa.Table],
    *,
    ngram: int | None = 13,
    near: float | None = None,
    confirm: bool = True,
) -> ContaminationReport:
    """Find the rows that repeat a benchmark's question, in the question or in an earlier turn.

    Args:
        benchmarks: name -> questions of a test set.
        pool: source -> its parquet shards, or a table, with `row_id`, `question` and, if any, `history`.
        ngram: tokens in a row that a row and a question must share; None compares wholes only.
        near: least Jaccard similarity of near duplicates, found by MinHash; None does not look for them.
        confirm: compare numbers before a partial match counts (see `QuestionIndex`).

    Raises:
        FilteringError: `ngram` or `near` is out of range; a file of the pool is not there, is no parquet
            file, or lacks `row_id` or `question`; an id, a question or an earlier turn is no text.

    Cost: about 10 million characters a second on one core; memory for 5,000 rows and the hits.
    """
    index = QuestionIndex(benchmarks, ngram=ngram, near=near, confirm=confirm)
    sizes = {name: len(questions) for name, questions in benchmarks.items()}
    starts, total = {}, 0
    for name, size in sizes.items():
        starts[name], total = total, total + size
    hits: list[dict[str, Any]] = []
    rows = {}
    count = sum(_rows(source, shards) for source, shards in pool.items())
    with progress.bar(count, "decontamination") as bar:
        for source, shards in pool.items():
            rows[source] = 0
            for batch in _read(shards):
                texts, owners = _texts(source, rows[source], batch)
                ids = batch[schema.ROW_ID]
                questions = batch[schema.QUESTION]
                seen: set[tuple[int, str]] = set()
                for match in index.find(texts):
                    row = owners[match.text]
                    if (row, match.benchmark) in seen:
                        continue
                    seen.add((row, match.benchmark))
                    asked = index.questions[starts[match.benchmark] + match.question]
                    hits.append(
                        dict(
                            zip(
                                HITS.names,
                                (ids[row].as_py(), source, match.benchmark, match.question, match.method,
                                 match.share, questions[row].as_py(), asked),
                                strict=True,
                            )
                        )
                    )  # fmt: skip
                rows[source] += len(batch)
                bar.update(len(batch))
    return ContaminationReport(pa.Table.from_pylist(hits, schema=HITS), rows, sizes)


def _rows(source: str, shards: Sequence[Path] | pa.Table) -> int:
    """Number of rows, each file and its columns looked at before any is read whole."""
    if isinstance(shards, pa.Table):
        _check_columns(source, "the table", shards.column_names)
        return len(shards)
    count = 0
    for path in shards:
        try:
            metadata = pq.read_metadata(path)
        except FileNotFoundError as error:
            raise FilteringError(
                f"the pool {source!r} names {path}, which is not there. Check the path."
            ) from error
        except (OSError, pa.ArrowInvalid) as error:
            raise FilteringError(
                f"{path} of the pool {source!r} cannot be read as parquet: {error}"
            ) from error
        _check_columns(source, str(path), metadata.schema.to_arrow_schema().names)
        count += metadata.num_rows
    return count


def _check_columns(source: str, place: str, names: Sequence[str]) -> None:
    missing = [name for name in (schema.ROW_ID, schema.QUESTION) if name not in names]
    if missing:
        raise FilteringError(
            f"{place} of the pool {source!r} lacks {' and '.join(missing)}, found {', '.join(names)}. "
            "Give the shards that reading wrote, or a table with these columns."
        )


def _read(shards: Sequence[Path] | pa.Table) -> Any:
    wanted = (schema.ROW_ID, schema.QUESTION, schema.HISTORY)
    if isinstance(shards, pa.Table):
        table = shards.select([name for name in wanted if name in shards.column_names])
        yield from (table.slice(at, READ_ROWS) for at in range(0, len(table), READ_ROWS))
        return
    for path in shards:
        with pq.ParquetFile(path) as file:
            names = [name for name in wanted if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=READ_ROWS, columns=names):
                yield pa.Table.from_batches([batch])


def _texts(source: str, start: int, batch: pa.Table) -> tuple[list[str], list[int]]:
    """All texts in which a question may stand, and the row of each: questions first, then earlier turns."""
    texts = batch[schema.QUESTION].to_pylist()
    owners = list(range(len(batch)))
    for name in (schema.ROW_ID, schema.QUESTION):
        _check_texts(source, start, name, batch[name].to_pylist(), owners)
    turns: list[Any] = []
    rows: list[int] = []
    if schema.HISTORY in batch.column_names:
        history = batch[schema.HISTORY]
        for row in pc.indices_nonzero(pc.is_valid(history)).to_pylist():
            said = [_content(turn) for turn in history[row].as_py()]
            turns += [content for content in said if content]
            rows += [row] * (len(turns) - len(rows))
    _check_texts(source, start, schema.HISTORY, turns, rows)
    return texts + turns, owners + rows


def _content(turn: Any) -> Any:
    """What a turn says; the turn itself where it is none."""
    return turn["content"] if isinstance(turn, Mapping) and "content" in turn else turn


def _check_texts(source: str, start: int, name: str, texts: Sequence[object], rows: Sequence[int]) -> None:
    for text, row in zip(texts, rows, strict=True):
        if not isinstance(text, str):
            raise FilteringError(
                f"row {start + row} of the pool {source!r} has {text!r} where a text should stand in "
                f"{name}. Leave such rows out, or give the shards that reading wrote."
            )
