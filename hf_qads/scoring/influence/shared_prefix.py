"""Anchors scored against many examples at once, each example's keys and values computed once.

The rows of a batch are examples and its columns are the tokens of one anchor (or of a few, side by side,
where the examples are few): every row has the same anchor tokens, so nothing is padded but the cached
examples, which cost attention and no matrix product.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from hf_qads.rows.rendering import Block
from hf_qads.runtime.batching import TokenBudget, token_batches
from hf_qads.scoring.influence.backbone import Backbone

Scores = NDArray[np.float32]


class Sizes(NamedTuple):
    """Tokens to forward at once on a kind of device: anchors join up to `joined`, rows split at `most`.

    A CPU works best on batches that its caches hold, and joined anchors cost it masked attention; a GPU wants
    as many tokens as the budget allows.
    """

    joined: int
    most: int


_SIZES = {"cpu": Sizes(joined=256, most=2048)}
_OTHER = Sizes(joined=8192, most=2**30)


@dataclass
class Work:
    """What was computed: pairs, tokens that went through the model, and the least that would do."""

    pairs: int = 0
    tokens: int = 0
    least: int = 0


class Prefix(NamedTuple):
    """Keys and values of a group of examples, by layer (rows, heads, tokens, width), and their lengths."""

    layers: list[tuple[Tensor, Tensor]]
    lengths: Tensor


class _Shared(DynamicLayer):  # type: ignore[misc]
    """A cache layer that hands out its keys and values with the new ones after them, and keeps none."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self.dtype, self.device = keys.dtype, keys.device
        self.keys, self.values, self.is_initialized = keys, values, True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        return torch.cat([self.keys, key_states], dim=-2), torch.cat([self.values, value_states], dim=-2)


class SharedPrefix:
    """Scores anchors after examples. Holds the keys and values of the last group of examples."""

    def __init__(self, backbone: Backbone, budget: TokenBudget, work: Work) -> None:
        self.backbone = backbone
        self.budget = budget
        self.work = work
        self.sizes = _SIZES.get(backbone.device.type, _OTHER)
        self._held: tuple[tuple[int, ...], Prefix] | None = None
        self._block: object = None

    def score(self, examples: Sequence[Sequence[int]], anchors: Sequence[Block]) -> Scores:
        """Mean log-probability of each anchor's answer after each example, in nats per token.

        Args:
            examples: token ids before the anchor, BOS included. They may be empty.
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
            rows = Prefix(
                [(k[first:stop], v[first:stop]) for k, v in prefix.layers], prefix.lengths[first:stop]
            )
            found = self._pack(rows, [anchors[place] for place in pack])
            if len(pack) > 1 and not np.isfinite(found).all():
                # What is not finite spoils its neighbours through the mask, so each anchor is done alone.
                found = np.concatenate([self._pack(rows, [anchors[place]]) for place in pack], axis=1)
            scores[np.ix_(group[first:stop], np.array(pack))] = found

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
            rows = len(lengths) - first
            if pack and (first != skipped or rows * (width + tokens) > min(self.sizes.joined, most)):
                yield from _slices(skipped, len(lengths), width, most, pack)
                pack, width = [], 0
            if rows:
                pack.append(place)
                width, skipped = width + tokens, first
        if pack:
            yield from _slices(skipped, len(lengths), width, most, pack)

    def _prefix(self, examples: list[Sequence[int]]) -> Prefix:
        """Keys and values of `examples`, padded on the right to the longest, which comes first."""
        device = self.backbone.device
        longest = len(examples[0])
        lengths = torch.tensor([len(ids) for ids in examples], device=device)
        self.work.least += int(lengths.sum())
        if not longest:
            return Prefix([], lengths)
        # Padding repeats a row's own token: masked keys that are not finite would spoil the row all the same.
        ids = torch.tensor([[*example, *[example[-1]] * (longest - len(example))] for example in examples])
        cache = DynamicCache()
        self.backbone.body(input_ids=ids.to(device), past_key_values=cache, use_cache=True)
        self.work.tokens += ids.numel()
        return Prefix([(layer.keys, layer.values) for layer in cache.layers], lengths)

    def _pack(self, prefix: Prefix, anchors: Sequence[Block]) -> Scores:
        """Scores of `anchors`, side by side in every row, after each row of `prefix`: (rows, anchors)."""
        device, rows = self.backbone.device, len(prefix.lengths)
        sizes = torch.tensor([anchor.answer[1] - 1 for anchor in anchors])
        segment = torch.repeat_interleave(torch.arange(len(anchors)), sizes)
        offset = torch.cat([torch.arange(size) for size in sizes.tolist()])
        ids = torch.tensor([token for anchor in anchors for token in anchor.ids[: anchor.answer[1] - 1]])
        positions = prefix.lengths[:, None] + offset.to(device)
        hidden = self.backbone.body(
            input_ids=ids.to(device).expand(rows, -1),
            attention_mask=self._mask(prefix, segment.to(device), positions),
            position_ids=positions,
            past_key_values=Cache(layers=[_Shared(k, v) for k, v in prefix.layers])
            if prefix.layers
            else None,
            use_cache=bool(prefix.layers),
        ).last_hidden_state
        starts = np.concatenate([[0], np.cumsum(sizes.numpy())])
        columns = [
            column
            for begin, anchor in zip(starts.tolist(), anchors, strict=False)
            for column in range(begin + anchor.answer[0] - 1, begin + anchor.answer[1] - 1)
        ]
        targets = torch.tensor([token for anchor in anchors for token in anchor.ids[slice(*anchor.answer)]])
        chosen = hidden[:, torch.tensor(columns, device=device)]
        found = self.backbone.log_probs(chosen.flatten(0, 1), targets.to(device).repeat(rows))
        sums = torch.zeros(rows, len(anchors), dtype=torch.float64, device=device)
        sums.index_add_(1, segment[columns].to(device), found.view(rows, -1).double())
        counts = torch.tensor([anchor.answer[1] - anchor.answer[0] for anchor in anchors], device=device)
        self.work.pairs += rows * len(anchors)
        self.work.tokens += rows * len(ids)
        self.work.least += rows * len(ids)
        return (sums / counts).float().cpu().numpy()

    def _mask(self, prefix: Prefix, segment: Tensor, positions: Tensor) -> Tensor | dict[str, Tensor]:
        """Each token sees its row's example, and its own anchor up to itself."""
        rows, width = positions.shape
        order = torch.arange(width, device=positions.device)
        own = (segment[:, None] == segment) & (order[:, None] >= order)
        cached = torch.arange(prefix.layers[0][0].shape[-2] if prefix.layers else 0, device=positions.device)
        before = (cached < prefix.lengths[:, None])[:, None].expand(rows, width, -1)
        keys = torch.cat([cached.expand(rows, -1), positions], dim=1)
        return self.backbone.masks(
            torch.cat([before, own.expand(rows, width, width)], dim=2), positions[:, :, None] - keys[:, None]
        )


def _slices(
    first: int, stop: int, width: int, most: int, pack: list[int]
) -> Iterator[tuple[int, int, list[int]]]:
    """Cut the rows `[first, stop)` so that each forward pass has at most `most` tokens, or one row."""
    step = max(1, most // width)
    for begin in range(first, stop, step):
        yield begin, min(stop, begin + step), pack
