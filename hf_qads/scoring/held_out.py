"""Which scored rows a scorer is trained on, and which it is judged by."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.errors import ScoringError
from hf_qads.rows.columns import fitting, recognise
from hf_qads.schema import SOURCE, normalise_question

NO_SCORE = "no real score"
NO_VECTOR = "the row has no vector"


@dataclass(frozen=True)
class Split:
    """Indices of the rows to train on and of those held out; reasons of the rows in neither."""

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]
    reasons: Mapping[int, str]

    @property
    def left_out(self) -> dict[str, int]:
        """Reason -> number of rows."""
        return dict(Counter(self.reasons.values()))


def split(
    rows: Sequence[Mapping[str, Any]],
    scores: NDArray[np.floating],
    *,
    held_out: float,
    seed: int,
    reasons: Mapping[int, str],
) -> Split:
    """Hold rows out by question: no question is on both sides, and every source is on both.

    Args:
        rows: (n,) the scored rows.
        scores: (n,) their real scores; a row with NaN is in neither part.
        held_out: share of the questions in [0, 1) or, from 1 on, a number of rows, which is met nearly.
        seed: of the draw.
        reasons: rows that cannot be used, by index, with why.

    Raises:
        ScoringError: `held_out` is out of range, or nothing is left to train on.
    """
    if len(rows) != len(scores):
        raise ScoringError(f"{len(rows)} rows, but {len(scores)} scores. Give one score per row.")
    if held_out < 0:
        raise ScoringError(f"held_out={held_out} is no share of the rows. Give 0 <= held_out < 1.")
    gone = dict(reasons)
    gone.update({i: NO_SCORE for i in np.flatnonzero(~np.isfinite(scores)).tolist() if i not in gone})
    usable = [i for i in range(len(rows)) if i not in gone]
    share = held_out if held_out < 1 else held_out / max(1, len(usable))
    out = _drawn(rows, usable, share, seed)
    train = np.asarray([i for i in usable if i not in out], dtype=np.int64)
    if not len(train):
        told = ", ".join(f"{count} {reason}" for reason, count in Counter(gone.values()).items()) or "none"
        raise ScoringError(
            f"no row is left to train a scorer on: {len(rows)} given, {len(out)} held out, left out: {told}. "
            "Score more rows, or hold fewer out."
        )
    return Split(train, np.asarray(sorted(out), dtype=np.int64), gone)


def _drawn(rows: Sequence[Mapping[str, Any]], usable: Sequence[int], share: float, seed: int) -> set[int]:
    questions = {i: _question(rows[i]) for i in usable}
    home: dict[str, str] = {}  # a question that several sources have belongs to the first one
    for i in usable:
        home.setdefault(questions[i], str(rows[i].get(SOURCE) or ""))
    by_source: dict[str, list[str]] = {}
    for question, source in home.items():
        by_source.setdefault(source, []).append(question)
    rng = np.random.default_rng(seed)
    chosen: set[str] = set()
    for mine in by_source.values():
        count = round(share * len(mine)) if len(mine) > 1 else 0
        count = min(max(count, 1 if share > 0 and len(mine) > 1 else 0), len(mine) - 1)
        chosen.update(mine[place] for place in rng.permutation(len(mine))[:count])
    return {i for i in usable if questions[i] in chosen}


def _question(row: Mapping[str, Any]) -> str:
    mapping = fitting(row, recognise(row))
    return normalise_question(str(row.get(mapping.messages or mapping.question or "") or ""))
