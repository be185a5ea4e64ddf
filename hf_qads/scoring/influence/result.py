"""What `influence` returns: scores, wins, and how far they can be trusted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads import schema
from hf_qads.errors import ScoringError
from hf_qads.scoring.influence.length import without_length
from hf_qads.statistics.intervals import wilson
from hf_qads.statistics.split_half import SplitHalf, split_half
from hf_qads.statistics.wins import win_rate, wins

Float32 = NDArray[np.float32]
LENGTH_CONTROLLED = f"{schema.INFLUENCE}_length_controlled"
NOT_FINITE = "the model's log-probability is not a finite number"


@dataclass(frozen=True, eq=False)
class Influence:
    """Influence of `n` prompt rows on `a` anchors; of one anchor set, or of several one after the other.

    Attributes:
        one_shot: (n, a) float32, nats per answer token with the prompt row before the anchor (Eq. 2); NaN
            where a pair was not scored.
        zero_shot: (a,) float32, the same without it (Eq. 1); NaN where the anchor was not scored.
        answer_tokens: (n,) int32, tokens of each prompt row's answer; 0 where it was not rendered.
        sets: by name, the influence on each anchor set alone; empty in those.
        row_reasons: (n,) why a prompt row was not rendered, or None.
        anchor_reasons: (a,) why an anchor was not scored, or None.
        left_out: number of pairs that were not scored, by reason.
        tokens_per_pair: tokens that went through the model for each pair, and the least that would do
            (each example once, each anchor once per pair); NaN where nothing had to be computed.
    """

    one_shot: Float32
    zero_shot: Float32
    answer_tokens: NDArray[np.int32]
    row_reasons: Sequence[str | None]
    anchor_reasons: Sequence[str | None]
    left_out: Mapping[str, int]
    sets: Mapping[str, "Influence"] = field(default_factory=dict)
    tokens_per_pair: tuple[float, float] = (float("nan"), float("nan"))

    @cached_property
    def wins(self) -> Float32:
        """(n, a): 1 where the row makes the anchor's answer more probable, 0 where not, NaN unscored."""
        return wins(self.one_shot, self.zero_shot)

    @cached_property
    def win_rate(self) -> Float32:
        """(n,) float32 in [0, 1]: the share of anchors improved, the mean over the sets.

        NaN where a set has no scored pair, for a mean over the other sets would be another score.

        Source: section 3.2, Eq. 3.
        """
        if self.sets:
            rates = [one.win_rate.astype(np.float64) for one in self.sets.values()]
            mean: Float32 = np.stack(rates).mean(axis=0).astype(np.float32)
            return mean
        return win_rate(self.wins).astype(np.float32)

    @cached_property
    def pairs(self) -> NDArray[np.int32]:
        """(n,) int32: scored pairs of each prompt row, over all sets."""
        counts: NDArray[np.int32] = np.isfinite(self.wins).sum(axis=1, dtype=np.int32)
        return counts

    @cached_property
    def interval(self) -> tuple[Float32, Float32]:
        """Lower and upper end of Wilson's 95 % interval of the win rate, each (n,) float32 in [0, 1].

        Over several sets, the trials are the number of sets squared over the sum of 1/pairs: that of a plain
        share where the sets are of one size.
        """
        parts = list(self.sets.values()) or [self]
        pairs = np.stack([np.maximum(one.pairs, 1) for one in parts]).astype(np.float64)
        trials = len(parts) ** 2 / (1 / pairs).sum(axis=0)
        low, high = wilson(self.win_rate * trials, trials)
        return low.astype(np.float32), high.astype(np.float32)

    @cached_property
    def reasons(self) -> list[str | None]:
        """(n,): why a win rate is NaN, None where it is a number."""
        return [None if np.isfinite(rate) else self._reason(row) for row, rate in enumerate(self.win_rate)]

    @cached_property
    def length_controlled(self) -> Float32:
        """(n,) float32 in [0, 1]: the win rate without what the answer's length explains."""
        return without_length(self.win_rate, self.answer_tokens)

    def split_half(self, *, splits: int = 20, seed: int = 0) -> SplitHalf:
        """Agreement between the win rates by two disjoint halves of the anchors."""
        parts = list(self.sets.values()) or [self]
        return split_half([one.wins for one in parts], splits=splits, seed=seed)

    def columns(self) -> dict[str, Any]:
        """Columns of the prompt rows, in their order: influence, pairs, interval, reason, length-controlled.

        With several sets there is also `qads_influence_NAME` for each.
        """
        low, high = self.interval
        found: dict[str, Any] = {
            schema.INFLUENCE: self.win_rate,
            schema.PAIRS: self.pairs,
            schema.LOW: low,
            schema.HIGH: high,
            schema.REASON: self.reasons,
            LENGTH_CONTROLLED: self.length_controlled,
        }
        if len(self.sets) > 1:
            found |= {column_of(name): one.win_rate for name, one in self.sets.items()}
        return found

    def _reason(self, row: int) -> str:
        own = self.row_reasons[row]
        if own is not None:
            return own
        for name, one in self.sets.items():
            if not one.pairs[row]:
                return f"no pair with an anchor of {name!r} could be scored"
        return "no pair with an anchor could be scored"


def column_of(name: str) -> str:
    """The column of the influence on one anchor set.

    Raises:
        ScoringError: it would be another column of the influence.
    """
    column = f"{schema.INFLUENCE}_{name}"
    if column in (schema.PAIRS, schema.LOW, schema.HIGH, LENGTH_CONTROLLED):
        raise ScoringError(
            f"an anchor set cannot be called {name!r}: {column} is another column. Name it otherwise."
        )
    return column


def join(sets: Mapping[str, Influence], tokens_per_pair: tuple[float, float]) -> Influence:
    """One influence over several anchor sets, one after the other."""
    parts = list(sets.values())
    left_out: Counter[str] = Counter()
    for one in parts:
        left_out.update(one.left_out)
    return Influence(
        one_shot=np.concatenate([one.one_shot for one in parts], axis=1),
        zero_shot=np.concatenate([one.zero_shot for one in parts]),
        answer_tokens=parts[0].answer_tokens,
        row_reasons=parts[0].row_reasons,
        anchor_reasons=[reason for one in parts for reason in one.anchor_reasons],
        left_out=dict(left_out),
        sets=dict(sets),
        tokens_per_pair=tokens_per_pair,
    )
