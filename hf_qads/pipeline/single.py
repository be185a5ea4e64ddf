"""One step on its own, on any dataset: `hf-qads score` and `hf-qads select`."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hf_qads import schema
from hf_qads.config import Model
from hf_qads.errors import SelectionError, SourceError
from hf_qads.files import atomic_path
from hf_qads.progress import counted_rows, quiet
from hf_qads.repositories import place

if TYPE_CHECKING:
    from datasets import Dataset

FORMATS = {".parquet": "parquet", ".json": "json", ".jsonl": "json", ".csv": "csv"}


def load(dataset: str, *, split: str) -> "Dataset":
    """A dataset from a file, a folder or the Hub.

    Raises:
        SourceError: it is not there, is damaged, or lacks the split.
    """
    from datasets import load_dataset

    quiet()
    path = Path(dataset)
    try:
        if path.is_file():
            if path.suffix.lower() not in FORMATS:
                raise SourceError(f"{dataset} is none of {', '.join(FORMATS)}. Convert it, or name a folder.")
            return load_dataset(FORMATS[path.suffix.lower()], data_files=str(path), split="train")
        if not path.exists() and (path.suffix.lower() in FORMATS or dataset.startswith((".", "/", "~"))):
            raise SourceError(f"there is no file or folder {dataset}. Check the path.")
        here = place(dataset)
        return load_dataset(here.path, split=split, cache_dir=here.cache_dir)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        raise SourceError(f"{dataset} cannot be read: {reason}. Check the name, split and files.") from error


def score(dataset: str, *, scorer: str | None, split: str, out: Path | None, push: str | None) -> str:
    """Score every row of a dataset, write it as parquet and push it where asked.

    Returns:
        what was done, as text.

    Raises:
        QaDSError: the dataset or the scorer cannot be read.
    """
    from hf_qads.scoring.scorer import QaDSScorer, qads_score

    rows = load(dataset, split=split)
    function = qads_score if scorer is None else QaDSScorer.from_pretrained(scorer)
    with counted_rows():
        scored = rows.map(function, batched=True, batch_size=2048, desc="scoring")
    target = out or Path(f"{Path(dataset).stem}-scored.parquet")
    write(scored, target)
    values = np.asarray(scored.with_format("numpy")[schema.SCORE], dtype=np.float64)
    known = values[np.isfinite(values)]
    told = [
        f"{len(values):,} rows, {len(known):,} scored"
        + (f", mean {known.mean():.2f}, from {known.min():.2f} to {known.max():.2f}" if len(known) else "")
    ]
    for reason, count in reasons(scored).items():
        told.append(f"{count:,} rows have no score: {reason}")
    if push is not None:
        scored.push_to_hub(push)
        told.append(f"pushed to {push}")
    return "\n".join([*told, f"written to {target}"])


def select(
    dataset: str,
    *,
    size: int | None,
    fraction: float | None,
    strategy: str,
    metric: str,
    start: int,
    seed: int,
    split: str,
    model: str,
    out: Path | None,
) -> str:
    """Choose rows of a dataset by its scores and vectors, and write them as parquet in rank order.

    Rows without a score or vector are left out and counted. A dataset without a score column is chosen from
    as if all scores were equal.

    Raises:
        QaDSError: the dataset cannot be read, or the size does not fit it.
    """
    import hf_qads

    rows = load(dataset, split=split)
    vectors = _vectors(rows, model)
    usable = np.isfinite(vectors).all(axis=1)
    column = next((name for name in (schema.SCORE, schema.INFLUENCE) if name in rows.column_names), None)
    scores = None
    if column is not None:
        scores = np.asarray(rows.with_format("numpy")[column], dtype=np.float32)
        usable &= np.isfinite(scores)
    keep = np.flatnonzero(usable)
    if fraction is not None and not 0 < fraction <= 1:
        raise SelectionError(f"--fraction {fraction} is outside (0, 1]. Give a share such as 0.1.")
    count = size if size is not None else max(1, round((fraction or 0.0) * len(keep)))
    drawn = min(start, max(1, len(keep) // 10))
    picked = hf_qads.select(
        vectors[keep],
        None if scores is None else scores[keep],
        size=min(count, len(keep) - drawn) if count <= len(keep) else count,
        strategy=strategy,
        metric=metric,
        start=drawn,
        seed=seed,
    )
    order = np.concatenate([picked.order, picked.start])[:count]
    gains = np.full(len(order), np.nan, np.float32)
    gains[: len(picked.gains)] = picked.gains[: len(order)]
    chosen = rows.select(keep[order]).remove_columns(
        [name for name in (schema.RANK, schema.GAIN) if name in rows.column_names]
    )
    chosen = chosen.add_column(schema.RANK, np.arange(len(order), dtype=np.int32))
    chosen = chosen.add_column(schema.GAIN, gains)
    target = out or Path(f"{Path(dataset).stem}-selected.parquet")
    write(chosen, target)
    by = column or "no score column: all scores equal"
    left = len(rows) - len(keep)
    return (
        f"{len(order):,} of {len(rows):,} rows by {strategy} ({by})"
        + (f", {left:,} left out (no score or vector)" if left else "")
        + f"\nwritten to {target}"
    )


def _vectors(rows: "Dataset", model: str) -> NDArray[Any]:
    """The dataset's own vectors, else new ones by `model`."""
    if schema.EMBEDDING in rows.column_names:
        table = rows.select_columns([schema.EMBEDDING]).with_format("arrow")[:]
        column = table[schema.EMBEDDING].combine_chunks()
        flat = column.flatten().to_numpy(zero_copy_only=False)
        if not len(rows) or column.null_count or len(flat) % len(rows):
            raise SelectionError(
                f"column {schema.EMBEDDING} holds nulls or vectors of unequal length. Mend it."
            )
        vectors: NDArray[Any] = flat.reshape(len(rows), -1)
        return vectors
    from hf_qads.embedding.encoder import embed
    from hf_qads.pipeline.models import EMBEDDED, load_model

    if model == EMBEDDED:
        warnings.warn(
            "These rows bring no qads_embedding; the embedded demonstration model makes their vectors. "
            "Name a model of your own with --model.",
            UserWarning,
            stacklevel=2,
        )
    loaded, tokenizer = load_model(Model(path=model), device=None)
    return embed(loaded, tokenizer, rows, device=loaded.device)


def reasons(rows: "Dataset") -> dict[str, int]:
    """How many rows have no score, by reason."""
    if schema.REASON not in rows.column_names:
        return {}
    counts: dict[str, int] = {}
    for reason in rows[schema.REASON]:
        if reason is not None:
            counts[reason] = counts.get(reason, 0) + 1
    return counts


def write(rows: "Dataset", target: Path) -> None:
    """Write a dataset as one parquet file, whole or not at all.

    Raises:
        SourceError: the name does not end in .parquet.
    """
    if target.suffix != ".parquet":
        raise SourceError(f"--out {target} does not end in .parquet. Name a parquet file.")
    with atomic_path(target) as temporary:
        rows.to_parquet(str(temporary))
