"""Anchor sets of a run: rows of each anchor source, spread out by K-center Greedy."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hf_qads import schema
from hf_qads.config.schema import Anchors, Source
from hf_qads.errors import ConfigError, EmbeddingError, ScoringError
from hf_qads.pipeline.log_forwarding import INDENT
from hf_qads.pipeline.reading import passed_over, spec_of
from hf_qads.pipeline.stage import Context
from hf_qads.runtime import executors, files
from hf_qads.statistics.coverage import finite_rows

FILE = "anchors.parquet"
SET = "set"  # column: name of the anchor set
CANDIDATES = ".candidates"
PASSED_OVER = "passed_over.json"  # files beside those that candidates were read from


def anchors(context: Context, folder: Path) -> pa.Table:
    """The anchors with the columns of a row and the name of their set; chosen once, then read.

    Each set is a K-center selection of its source, or of `anchors.pool` rows drawn from it, by the vectors of
    the model that embeds the pool; it starts from one drawn row, which is included. A source with no more
    rows than asked is taken whole.

    Raises:
        ConfigError: there are no anchors, or a source is a benchmark and `allow_benchmark` is not set.
        ScoringError: no row of a set can be embedded.

    Source: appendix A (n_2 rows after K-center Greedy).
    """
    path, wanted = folder / FILE, context.config.anchors
    if wanted is None:
        raise ConfigError("the run has no target rows to compare its rows with. Give it `anchors`.")
    executors.once(path, lambda: _write(context, folder, wanted))
    return pq.read_table(path, partitioning=None)


def _write(context: Context, folder: Path, wanted: Anchors) -> None:
    """Choose the anchors of all sets and write them."""
    gone = context.run.missing("anchors")
    sets = [
        _choose(context, source, wanted, folder / CANDIDATES / f"{number:03d}")
        for number, source in enumerate(wanted.sources)
        if (source.name or source.path) not in gone
    ]
    names = [name for name, _ in sets]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ConfigError(f"two anchor sets are called {min(twice)!r}. Give one of them another `name`.")
    executor = executors.current()
    if executor.leads:
        tables = [table.append_column(SET, pa.array([name] * len(table))) for name, table in sets]
        with files.atomic_path(folder / FILE) as temporary:
            pq.write_table(pa.concat_tables(tables), temporary, compression="zstd")
        files.write_json(folder / PASSED_OVER, passed_over(context, folder / CANDIDATES))
        files.remove(folder / CANDIDATES)
    executor.gather()


def check_benchmarks(sources: list[Source], *, allowed: bool) -> list[str]:
    """Names of the anchor sources that are benchmarks.

    Raises:
        ConfigError: there is one and it is not allowed.
    """
    from hf_qads.sources import BENCHMARKS

    found = [
        source.path
        for source in sources
        if source.path in BENCHMARKS or source.name in BENCHMARKS or source.split == "test"
    ]
    if found and not allowed:
        raise ConfigError(
            f"anchor source {found[0]!r} is a benchmark: scores by it would select on the benchmark. Take a "
            "training split, or set anchors.allow_benchmark: true, which the card will say."
        )
    return found


def _choose(context: Context, source: Source, wanted: Anchors, place: Path) -> tuple[str, pa.Table]:
    from hf_qads.embedding.folders import embed_folder
    from hf_qads.selection import choose_anchors
    from hf_qads.sources import read_source

    config = context.config
    drawn = source.model_copy(update={"rows": min(source.rows or wanted.pool, wanted.pool)})
    if executors.current().leads:
        read = read_source(spec_of(drawn, seed=config.seed), out=place / "rows")
        context.say(f"{INDENT}{read.name}: anchors are chosen among {read.rows:,} of its rows")
    executors.current().gather()
    shards = sorted((place / "rows").glob("part-*.parquet"))
    rows = pa.concat_tables([pq.read_table(path, partitioning=None) for path in shards])
    vectors = _of_the_pool(context, rows)
    if vectors is None:
        model, tokenizer = context.encoder
        vectors = embed_folder(
            model,
            tokenizer,
            place / "rows",
            place / "vectors",
            template=config.model.template,
            device=model.device,
            batch_tokens=config.batch_tokens,
        ).array
    usable = np.flatnonzero(finite_rows(vectors))
    name = rows[schema.SOURCE][0].as_py()
    if not len(usable):
        raise ScoringError(f"no row of anchor set {name!r} fits the model. Give shorter anchors.")
    chosen = choose_anchors(np.asarray(vectors[usable], dtype=np.float32), wanted.size, seed=config.seed)
    return name, rows.take(pa.array(usable[np.sort(chosen)]))


def _of_the_pool(context: Context, rows: pa.Table) -> NDArray[Any] | None:
    """The vectors of rows that the pool holds, too, so that they need not be made again; else None."""
    from hf_qads.embedding.vectors import Vectors

    folder = context.run.folder("vectors") / rows[schema.SOURCE][0].as_py()
    if not folder.exists() or context.config.vectors == "precomputed":
        return None
    try:
        return Vectors.open(folder).of(rows[schema.ROW_ID].to_pylist())
    except EmbeddingError:
        return None  # rows that the pool has not
