"""The stage `features`: what the strategy reads beside vectors, for rows and anchors, as shards.

`features/KEY/NAME/SOURCE/` holds a feature of a source's rows, `features/KEY/NAME.SET.npy` that of an anchor
set, and `features/SOURCE.parquet` the columns that rows brought. A run whose strategy reads none of it has no
such stage; comparisons make there what their arms read. `KEY` is that of what the features are made from.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hf_qads import schema
from hf_qads.config.schema import Config
from hf_qads.embedding.features import TEXT, WEIGHTED, feature_encoder, text_of
from hf_qads.errors import SelectionError
from hf_qads.pipeline import precomputed
from hf_qads.pipeline.models import model_key
from hf_qads.pipeline.rows import as_dicts, sizes
from hf_qads.pipeline.stage import Context, LeftOut, Outcome, Stage, one_pass
from hf_qads.pipeline.stages.anchors import FILE, SET, anchors
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import executors, files
from hf_qads.runtime.executors import Shard

if TYPE_CHECKING:
    from hf_qads.embedding.encoder import Encoder, RowEncoder
    from hf_qads.embedding.gradients import GradientMaker

TAGS = "tags"


def wanted(config: Config) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the features that the strategy reads of the rows, and of the anchors."""
    from hf_qads.selection.registry import needs_of

    needs = needs_of(config.select.strategy, config.select.options)
    return needs.features, needs.targets


def _settings(config: Config) -> Mapping[str, Any]:
    rows, targets = wanted(config)
    return {
        "features": rows,
        "target_features": targets,
        "columns": config.columns,
        "model": model_key(config.model) if {*rows, *targets} - {TEXT, TAGS} else None,
        "anchors": config.anchors.model_dump() if config.anchors and targets else None,
        "seed": config.seed,
    }


def _work(context: Context, folder: Path) -> Outcome:
    rows, targets = wanted(context.config)
    if executors.current().leads and context.config.columns:
        for source in context.run.sources():
            table = precomputed.columns(context.run, source, context.config.columns)
            with files.atomic_path(folder / f"{source}.parquet") as temporary:
                pq.write_table(table, temporary, compression="zstd")
    left_out = make(context, rows, targets)
    total = sum(sizes(context.run).values())
    return Outcome(total, total, left_out, {"features": list(rows), "target_features": list(targets)})


def key(run: RunFolder) -> str:
    """Hash of what features of a run's rows and anchors, as they are now, are made from."""
    made = {line["stage"]: line["key"] for line in run.ledger() if line["stage"] in STAGE.needs}
    return files.value_hash([made, run.config()["anchors"]], 16)


def make(context: Context, rows: Sequence[str], targets: Sequence[str]) -> LeftOut:
    """Make features of the pool's rows and of the anchors, those that are not there yet, by name."""
    from hf_qads.embedding.folders import FolderEncoding

    folder = context.run.folder("features") / key(context.run)
    watched = anchors(context, _anchors_folder(context.run)) if targets else None
    works: list[tuple[str, str, FolderEncoding]] = []
    for name in dict.fromkeys((*rows, *targets)):
        if name in (TEXT, TAGS, *context.config.columns):
            continue
        with _encoder(context, name) as encoder:
            for source in context.run.sources() if name in rows else ():
                work = FolderEncoding(context.run.rows_folder(source), folder / name / source, what=name)
                work.run(encoder)
                works.append((source, name, work))
            if watched is not None and name in targets:
                _targets(folder, name, watched, encoder)
    executors.current().gather()
    left_out: LeftOut = {}
    for source, name, work in works:
        for reason in work.finish().reasons.values():
            gone = left_out.setdefault(source, {})
            gone[f"{name}: {reason}"] = gone.get(f"{name}: {reason}", 0) + 1
    return left_out


def _anchors_folder(run: RunFolder) -> Path:
    """Where the anchors that influence was measured on are, else those chosen here in the same way."""
    made = run.folder("influence")
    return made if (made / FILE).exists() else run.folder("features") / key(run)


def _targets(folder: Path, name: str, watched: pa.Table, encoder: "Callable[[], RowEncoder]") -> None:
    """Have a feature of each anchor set's rows written; rows without one are left out."""
    labels = list(dict.fromkeys(watched[SET].to_pylist()))
    tables = [watched.filter(pc.equal(watched[SET], label)) for label in labels]
    shards = [
        Shard((folder / f"{name}.{label}.npy",), len(table))
        for label, table in zip(labels, tables, strict=True)
    ]

    def do(number: int) -> None:
        values = np.empty((len(tables[number]), encoder().size), dtype=np.float32)
        encoder().encode(as_dicts(tables[number]), values)
        values = values[np.isfinite(values).all(axis=1)]
        if not len(values):
            raise SelectionError(
                f"no row of anchor set {labels[number]!r} has the feature {name!r}. Take other anchors."
            )
        with executors.writing(shards[number].files[0]) as part, part.open("wb") as stream:
            np.save(stream, values)

    executors.current().run(shards, do, what=f"{name} of the anchors")


@contextmanager
def _encoder(context: Context, name: str) -> "Iterator[Callable[[], RowEncoder]]":
    """Gives what makes a feature, which loads its model when it is first asked for.

    Vectors and gradients are those of the pre-experienced model, which is warmed up; position-weighted states
    are those of the base model, as RDS+ has it.
    """
    made: list[Encoder | GradientMaker] = []

    def encoder() -> "RowEncoder":
        if not made:
            config = context.config
            model, tokenizer = context.base if name == WEIGHTED else context.encoder
            made.append(
                feature_encoder(
                    name,
                    model,
                    tokenizer,
                    template=config.model.template,
                    batch_tokens=config.batch_tokens,
                    seed=config.seed,
                )
            )
        return made[0]

    try:
        yield encoder
    finally:
        for one in made:
            if hasattr(one, "close"):
                one.close()


def of_rows(run: RunFolder, source: str, name: str) -> Any:
    """A feature of one source's rows in pool order: an array (n, d), or a list of texts or names."""
    if name == TEXT:
        return texts(run.pool(source, [schema.QUESTION, schema.ANSWER]))
    path = run.folder("features") / key(run) / name / source / "vectors.npy"
    if path.exists():
        return np.load(path, mmap_mode="r")
    return run.table(source, [name])[name].to_pylist()


def of_anchors(run: RunFolder, name: str) -> dict[str, Any]:
    """A feature of the anchors, by set."""
    table = pq.read_table(_anchors_folder(run) / FILE, partitioning=None)
    sets = dict.fromkeys(table[SET].to_pylist())
    if name == TEXT:
        return {label: texts(table.filter(pc.equal(table[SET], label))) for label in sets}
    paths = {label: run.folder("features") / key(run) / f"{name}.{label}.npy" for label in sets}
    return {label: np.load(path) for label, path in paths.items() if path.exists()}


def texts(table: pa.Table) -> list[str]:
    """Question and answer of each row, for strategies that compare words."""
    return [text_of(row) for row in table.select([schema.QUESTION, schema.ANSWER]).to_pylist()]


def _when(config: Config) -> bool:
    return bool(config.columns or any(wanted(config)))


STAGE = Stage(
    "features",
    2,
    ("pool", "experience", "vectors", "influence"),
    _settings,
    _work,
    shared=True,
    passes=one_pass,
    when=_when,
)
