"""Anchors scored against many examples at once, each example's keys and values computed once.

The rows of a batch are examples and its columns are the tokens of a few anchors side by side: every row has
the same anchors, so nothing is padded, and an example's keys and values are neither copied nor masked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hf_qads.rows.backbone import Backbone
from hf_qads.rows.rendering import Block
from hf_qads.runtime.batching import TokenBudget, token_batches
from hf_qads.runtime.packing import PackedBody, Prefix

Scores = NDArray[np.float32]


class Sizes(NamedTuple):
    """Tokens to forward at once on a kind of device: anchors join up to `joined`, rows split at `most`.

    A CPU works best on batches that its caches hold; a GPU wants as many tokens as the budget allows.
    """

    joined: int
    most: int


_SIZES = {"cpu": Sizes(joined=1024, most=2048)}
_OTHER = Sizes(joined=8192, most=2**30)


@dataclass
class Work:
    """What was computed: pairs, tokens that went through the model, and the least that would do."""

    pairs: int = 0
    tokens: int = 0
    least: int = 0


class SharedPrefix:
    """Scores anchors after examples. Holds the keys and values of the last group of examples."""

    def __init__(self, backbone: Backbone, budget: TokenBudget, work: Work) -> None:
        self.backbone = backbone
        self.budget = budget
        self.work = work
        self.body = PackedBody(backbone.body)
        self.sizes = _SIZES.get(backbone.device.type, _OTHER)
        self._held: tuple[tuple[int, ...], Prefix | None] | None = None
        self._block: object = None

    def score(self, examples: Sequence[Sequence[int]], anchors: Sequence[Block]) -> Scores:
        """Mean log-probability of each anchor's answer after each example, in nats per token.

        Args:
            examples: token ids before the anchor, BOS included. They may be empty, all of them or none.
            anchors: blocks whose answers start after their first token.

        Returns:
            (examples, anchors) float32; NaN where a pair does not fit the context.

        Cost: the keys and values of examples up to the token budget are held in memory. Passing the same
        list of examples again uses them again.
        """
        if self._block is not examples:
            self._block, self._held = examples, None
        scores = np.full((len(examples), len(anchors)), np.nan, dtype=np.float32)
        waiting = np.arange(len(examples))
        lengths = np.array([len(ids) for ids in examples])
        while len(waiting):
            group = waiting[token_batches(np.maximum(lengths[waiting], 1), self.budget.tokens)[0]]
            counted = (self.work.pairs, self.work.least)
            try:
                self._group(group, examples, anchors, scores)
            except (RuntimeError, MemoryError) as error:
                self.budget.retreat(error)
                self._held, (self.work.pairs, self.work.least) = None, counted
            else:
                waiting = waiting[~np.isin(waiting, group)]
                continue
            self.budget.release()
        return scores

    def _group(
        self,
        group: NDArray[np.int64],
        examples: Sequence[Sequence[int]],
        anchors: Sequence[Block],
        scores: Scores,
    ) -> None:
        """Score one group of examples, longest first, against all anchors."""
        key = tuple(group.tolist())
        lengths = np.array([len(examples[row]) for row in key])
        fits = self.backbone.context
        fitting = np.ones(len(key), dtype=bool) if fits is None else lengths < fits
        group, lengths = group[fitting], lengths[fitting]
        if not len(group):
            return
        if self._held is None or self._held[0] != key:
            self._held = None
            self._held = (key, self._prefix([examples[row] for row in group]))
        prefix = self._held[1]
        for first, stop, pack in self._packs(lengths, anchors):
            rows = None if prefix is None else prefix.rows(first, stop)
            scores[np.ix_(group[first:stop], np.array(pack))] = self._pack(
                stop - first, rows, [anchors[place] for place in pack]
            )

    def _packs(
        self, lengths: NDArray[np.int64], anchors: Sequence[Block]
    ) -> Iterator[tuple[int, int, list[int]]]:
        """Which rows `[first, stop)` meet which anchors in a forward pass; what does not fit is skipped."""
        most = min(self.sizes.most, self.budget.tokens)
        pack: list[int] = []
        width, skipped = 0, 0
        for place, anchor in enumerate(anchors):
            tokens = anchor.answer[1] - 1
            context = self.backbone.context
            first = 0 if context is None else int((lengths + tokens > context).sum())
            if pack and (first != skipped or width + tokens > min(self.sizes.joined, most)):
                yield from _slices(skipped, len(lengths), width, most, pack)
                pack, width = [], 0
            if first < len(lengths):
                pack.append(place)
                width, skipped = width + tokens, first
        if pack:
            yield from _slices(skipped, len(lengths), width, most, pack)

    def _prefix(self, examples: list[Sequence[int]]) -> Prefix | None:
        """Keys and values of `examples`, side by side, a pass's worth of them at a time."""
        lengths = [len(ids) for ids in examples]
        self.work.least += sum(lengths)
        if not all(lengths):
            return None
        most = min(self.sizes.most, self.budget.tokens)
        parts = []
        first = 0
        while first < len(examples):
            stop = first + 1
            while stop < len(examples) and sum(lengths[first : stop + 1]) <= most:
                stop += 1
            ids = torch.tensor([[token for example in examples[first:stop] for token in example]])
            parts.append(self.body.forward(ids.to(self.backbone.device), lengths[first:stop], keep=True)[1])
            self.work.tokens += ids.numel()
            first = stop
        layers = [
            (torch.cat([k for k, _ in layer], dim=2), torch.cat([v for _, v in layer], dim=2))
            for layer in zip(*parts, strict=True)
        ]
        return Prefix(layers, [0, *np.cumsum(lengths).tolist()])

    def _pack(self, rows: int, prefix: Prefix | None, anchors: Sequence[Block]) -> Scores:
        """Scores of `anchors`, side by side in every row, after each row of `prefix`: (rows, anchors)."""
        device = self.backbone.device
        lengths = [anchor.answer[1] - 1 for anchor in anchors]
        ids = torch.tensor([token for anchor in anchors for token in anchor.ids[: anchor.answer[1] - 1]])
        hidden, _ = self.body.forward(ids.to(device).expand(rows, -1), lengths, prefix=prefix)
        starts = np.cumsum([0, *lengths])[:-1].tolist()
        columns = [
            column
            for begin, anchor in zip(starts, anchors, strict=True)
            for column in range(begin + anchor.answer[0] - 1, begin + anchor.answer[1] - 1)
        ]
        counts = torch.tensor([anchor.answer[1] - anchor.answer[0] for anchor in anchors])
        targets = torch.tensor([token for anchor in anchors for token in anchor.ids[slice(*anchor.answer)]])
        chosen = hidden[:, torch.tensor(columns, device=device)]
        found = self.backbone.log_probs(chosen.flatten(0, 1), targets.to(device).repeat(rows))
        sums = torch.zeros(rows, len(anchors), dtype=torch.float64, device=device)
        which = torch.repeat_interleave(torch.arange(len(anchors)), counts).to(device)
        sums.index_add_(1, which, found.view(rows, -1).double())
        self.work.pairs += rows * len(anchors)
        self.work.tokens += rows * len(ids)
        self.work.least += rows * len(ids)
        return (sums / counts.to(device)).float().cpu().numpy()


def _slices(
    first: int, stop: int, width: int, most: int, pack: list[int]
) -> Iterator[tuple[int, int, list[int]]]:
    """Cut the rows `[first, stop)` so that each forward pass has at most `most` tokens, or one row."""
    step = max(1, most // width)
    for begin in range(first, stop, step):
        yield begin, min(stop, begin + step), pack
