"""Scoring on its own, on any dataset: `hf-qads score`; and what it shares with `hf-qads select`."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hf_qads import schema
from hf_qads.config.flags import typed_options
from hf_qads.errors import PublishingError, ScoringError, SourceError
from hf_qads.repositories.loading import Loaded, load_rows
from hf_qads.runtime.files import atomic_path
from hf_qads.runtime.progress import counted_rows, quiet
from hf_qads.runtime.retrying import retry

if TYPE_CHECKING:
    from datasets import Dataset


def score(
    dataset: str,
    *,
    scorer: str | None = None,
    score: str | None = None,
    model: str | None = None,
    option: Sequence[str] = (),
    split: str | None = None,
    out: Path | None = None,
    push: str | None = None,
) -> str:
    """Score every row of a dataset, write it as parquet and push it where asked.

    Without `scorer`, the environment variable `HF_QADS_SCORER` names it, else it is the embedded one. `score`
    names a score of `hf-qads scores` instead, with the language model that it reads and options as KEY=VALUE.

    Returns:
        what was done, as text.

    Raises:
        QaDSError: the dataset or the scorer cannot be read.
    """
    options = _score_options(score, scorer, model, option)
    target = out or default_target(dataset, split, "scored")
    check_target(target)
    if push is not None:
        _check_push(push)
    rows, notes = loaded_rows(dataset, split)
    if score is None:
        scored, columns, why = _by_scorer(rows, scorer)
    else:
        scored, columns, why = _by_score(rows, score, options, model)
    write(scored, target)
    told = []
    for column in columns:
        values = np.asarray(scored.with_format("numpy")[column], dtype=np.float64)
        known = values[np.isfinite(values)]
        of = "" if score is None else f" by {column}"
        told.append(f"{len(values):,} rows, {len(known):,} scored{of}")
        if len(known):
            told[-1] += f", mean {known.mean():.2f}, from {known.min():.2f} to {known.max():.2f}"
    for reason, count in reasons(scored, why).items():
        told.append(f"{count:,} rows have no score: {reason}")
    if push is not None:
        from hf_qads.publishing.hub.push_rows import push_rows

        push_rows(scored, push, split=split or "train")
        told.append(f"pushed to {push}, and loaded from there")
    return "\n".join([*told, *notes, f"written to {target}"])


def _score_options(
    score: str | None, scorer: str | None, model: str | None, option: Sequence[str]
) -> dict[str, Any]:
    """Options of a further score, checked before any work.

    Raises:
        ScoringError: flags that do not go together, an unknown score or option.
    """
    from hf_qads.scoring.scores.registry import about, find_score

    if score is None:
        if model is not None or option:
            raise ScoringError("--model and --option belong to --score NAME. Name a score of hf-qads scores.")
        return {}
    if scorer is not None:
        raise ScoringError("--score and --scorer name two scores. Give one of them.")
    options = typed_options(option, find_score(score))
    if about(score, options).model and model is None:
        raise ScoringError(
            f"--score {score} reads a language model. Name it with --model: a folder, a Hub id, smollm2 or "
            "embedded."
        )
    return options


def _by_scorer(rows: "Dataset", scorer: str | None) -> "tuple[Dataset, list[str], str]":
    """Rows with the quality score, the column, and the column of reasons."""
    from hf_qads.scoring.scorer.location import default_scorer
    from hf_qads.scoring.scorer.scorer import QaDSScorer

    function = QaDSScorer.from_pretrained(scorer or default_scorer("--scorer"))
    with counted_rows():
        scored = rows.map(function, batched=True, batch_size=2048, desc="scoring")
    return scored, [schema.SCORE], schema.REASON


def _by_score(
    rows: "Dataset", name: str, options: Mapping[str, Any], model: str | None
) -> "tuple[Dataset, list[str], str]":
    """Rows with a further score, its columns, and the column of reasons."""
    from datasets import Value

    from hf_qads.embedding.encoder import embed
    from hf_qads.runtime.models import load_model
    from hf_qads.scoring.scores.given import Neighbourhood
    from hf_qads.scoring.scores.registry import about, compute, reason_column
    from hf_qads.scoring.scores.row_scores import RowScores
    from hf_qads.selection.columns import vectors_of

    one, why = about(name, options), reason_column(name)
    old = [column for column in (*one.columns, why) if column in rows.column_names]
    rows = rows.remove_columns(old)
    if not one.vectors:
        function = RowScores({name: options}, model=model if one.model else None)
        with counted_rows():
            return rows.map(function, batched=True, batch_size=2048, desc=name), [*one.columns], why
    network, tokenizer = load_model(str(model))
    vectors = vectors_of(rows)
    if vectors is None:
        vectors = embed(network, tokenizer, rows)
    around = Neighbourhood(vectors, lambda places: list(rows.select(places)), np.arange(len(rows)))
    found = compute(rows, {name: options}, model=network, tokenizer=tokenizer, neighbourhood=around)
    for column, values in found.items():
        feature = Value("string") if column == why else Value("float32")
        rows = rows.add_column(column, values, feature=feature)
    return rows, [*one.columns], why


def loaded_rows(dataset: str, split: str | None) -> "tuple[Dataset, list[str]]":
    """A dataset's rows, and what is to be said of its files.

    Raises:
        SourceError: it cannot be read, or holds no row.
    """
    quiet()
    loaded: Loaded = load_rows(dataset, split=split)
    return loaded.data, loaded.notes


def default_target(dataset: str, split: str | None, what: str) -> Path:
    """`NAME-scored.parquet`, and `NAME-SPLIT-scored.parquet` for another split than train."""
    own = "" if split in (None, "train") else "-" + re.sub(r"[^A-Za-z0-9._-]+", "_", str(split))
    return Path(f"{Path(dataset).stem}{own}-{what}.parquet")


def _check_push(repo_id: str) -> None:
    """Check, before any work, the name to push to and the login.

    Raises:
        PublishingError: it can be no repository's name, or the Hub does not know who asks.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    api = HfApi()
    try:
        retry(
            lambda: api.repo_exists(repo_id, repo_type="dataset"),
            f"looking for {repo_id}",
            pass_on=lambda error: isinstance(error, HFValidationError),
        )
    except HFValidationError as error:
        raise PublishingError(f"--push {repo_id!r} can be no repository's name: {error}") from error
    retry(api.whoami, "asking the Hub who you are")


def reasons(rows: "Dataset", column: str = schema.REASON) -> dict[str, int]:
    """How many rows have no score, by reason."""
    if column not in rows.column_names:
        return {}
    counts: dict[str, int] = {}
    for reason in rows[column]:
        if reason is not None:
            counts[reason] = counts.get(reason, 0) + 1
    return counts


def check_target(target: Path) -> None:
    """Check, before any work, that a parquet file can be written there; nothing is left of the attempt.

    Raises:
        SourceError: the name does not end in .parquet, is a folder's, or lies where nothing can be written.
    """
    if target.suffix != ".parquet":
        raise SourceError(f"--out {target} does not end in .parquet. Name a parquet file.")
    if target.is_dir():
        raise SourceError(f"--out {target} is a folder. Name a parquet file.")
    made: list[Path] = []
    try:
        for folder in reversed(target.parents):
            if not folder.exists():
                folder.mkdir()
                made.append(folder)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}."):
            pass
    except OSError as error:
        raise SourceError(
            f"--out {target} cannot be written: {error.strerror}. Name a file where you may write."
        ) from error
    finally:
        for folder in reversed(made):
            with suppress(OSError):  # something else was put there meanwhile
                folder.rmdir()


def write(rows: "Dataset", target: Path) -> None:
    """Write a dataset as one parquet file, whole or not at all."""
    with atomic_path(target) as temporary:
        rows.to_parquet(str(temporary))
