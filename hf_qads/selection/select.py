"""`select`: choose rows of a pool by any strategy."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hf_qads.errors import SelectionError
from hf_qads.selection.pool import Strategy
from hf_qads.selection.preparing import checked_size, make_pool
from hf_qads.selection.registry import checked_options, checked_picks, find_strategy, name_of
from hf_qads.selection.result import Selection


def select(
    vectors: Any,
    scores: Any = None,
    *,
    size: int,
    strategy: str | Strategy = "qads",
    start: int | Sequence[int] | np.ndarray = 100,
    metric: str = "euclidean",
    seed: int = 0,
    device: str | None = None,
    columns: Mapping[str, Any] | None = None,
    features: Mapping[str, Any] | None = None,
    target_features: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    already_selected: Any = None,
    candidates: Any = None,
    checkpoint_dir: str | Path | None = None,
    coverage: bool = True,
) -> Selection:
    """Choose `size` rows of a pool, in the order of their worth.

    With the default strategy the picks are exactly those of the plain loop over Eq. 4, ties to the lowest
    row. A smaller selection is a prefix of a larger one.

    Args:
        vectors: (n, d) array, memmap or tensor of any real type, read in blocks and never copied whole; None
            for strategies that do not look at them.
        scores: (n,) finite numbers, or None: all rows count the same.
        size: how many rows.
        strategy: one of `hf-qads strategies`, which lists those of this package and of others that are
            installed; or a function of one's own: of a `Pool` and a size, gives `Picks`.
        start: how many start rows to draw with the seed, at most a tenth of the rows and at least one; or the
            start rows themselves. They count as picked and are not in the result.
        metric: `euclidean`, or `cosine` for 1 minus the cosine similarity; larger is farther.
        seed: seed of all that is drawn.
        device: torch device of the large products; None: where the vectors are, else CUDA if there is one.
        columns: further columns that a strategy reads, by name.
        features: further arrays of the rows that a strategy reads, by name: (n, ...) or texts (n,), such as
            `weighted_vectors` (`embed(..., pooling="weighted")`), `gradients` (`hf_qads.embedding`), `text`.
        target_features: the same arrays of the rows that the model is to be good at (never a test set):
            name -> (m, ...), or name -> set -> (m, ...) where there are several targets.
        options: what the strategy takes beyond these: its keyword-only parameters.
        already_selected: (m, d) vectors that are selected already, of any number: they count as
            picked, beside the start rows. With them `start=0` is allowed.
        candidates: the rows that may be picked, as indices or a mask of n; None: all. The others are as if
            they were not there: neither picked nor drawn nor covered, and they may hold NaN.
        checkpoint_dir: a folder in which a long selection saves its progress about once a minute, to go on
            after a kill with the same picks. It is removed at the end. All vectors are read once more, to
            know them again.
        coverage: whether there is to be a coverage radius after each pick. It is worked out when it is first
            asked for; with `checkpoint_dir`, at once.

    Returns:
        The selection.

    Raises:
        SelectionError: what was asked cannot be met, or the input is not usable.

    Cost: memory for the centers, (size + start) * d * 4 bytes, 48 bytes per row, and about 0.2 GB.

    Source: section 3.3, Eq. 4 and Algorithm 1.
    """
    function, name = find_strategy(strategy), name_of(strategy)
    chosen = checked_options(name, function, options)
    pool = replace(
        make_pool(
            vectors,
            scores,
            columns,
            features=features,
            target_features=target_features,
            start=start,
            candidates=candidates,
            already_selected=already_selected,
            metric=metric,
            seed=seed,
        ),
        device=device,
        checkpoint_dir=None if checkpoint_dir is None else Path(checkpoint_dir),
    )
    if pool.checkpoint_dir is not None and pool.checkpoint_dir.exists() and not pool.checkpoint_dir.is_dir():
        raise SelectionError(f"checkpoint_dir={str(pool.checkpoint_dir)!r} is a file. Name a folder.")
    wanted = checked_size(size, pool)
    picks = checked_picks(name, function(pool, wanted, **chosen), pool, wanted)
    asked = {
        "n": pool.n,
        "size": wanted,
        "strategy": name,
        "start": len(pool.start),
        "metric": metric,
        "seed": pool.seed,
        "options": chosen,
        "scores": pool.scores is not None,
        "columns": sorted(pool.columns),
        "features": sorted(pool.features),
        "out": len(pool.out),
        "already_selected": 0 if pool.already_selected is None else len(pool.already_selected),
    }
    known = picks.radius if coverage or picks.radius is not None else np.full(wanted, np.nan)
    selection = Selection(picks.order, picks.gains, pool.start, known, asked, picks.work, pool, function)
    if pool.checkpoint_dir is not None:
        from hf_qads.selection.engine.checkpoint import forget

        selection.radius  # noqa: B018 - before the checkpoint goes: a kill meanwhile costs no picks
        forget(pool.checkpoint_dir, picks.order)
    return selection
