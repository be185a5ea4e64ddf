"""Packed attention: sequences side by side in a batch's rows without padding, perhaps after a shared prefix.

What a padded batch spends on padding, on masks and on repeated keys is spared: attention goes sequence by
sequence, causal and without a mask, and after a prefix in two parts, all of a row's tokens on the one prefix
and each sequence on itself, merged by their log-sum-exp. It is an attention implementation of transformers
(`IMPLEMENTATION`), in force during `PackedBody.forward` alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface

IMPLEMENTATION = "hf_qads_packed"
_SHARED_TYPES = {"full_attention", "sliding_attention"}
_HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Prefix:
    """Keys and values of sequences one after the other, and where each begins.

    Attributes:
        layers: (keys, values) of each layer, each (1, heads, tokens, width).
        bounds: (n + 1,) where the sequences begin, and where the last one ends.
    """

    layers: Sequence[tuple[Tensor, Tensor]]
    bounds: Sequence[int]

    @property
    def lengths(self) -> list[int]:
        """(n,) tokens of each sequence."""
        return [stop - start for start, stop in pairwise(self.bounds)]

    def rows(self, first: int, stop: int) -> "Prefix":
        """The sequences `[first, stop)`; nothing is copied."""
        return Prefix(self.layers, self.bounds[first : stop + 1])


@dataclass
class _Pass:
    """What attention has to know of the forward pass that it is in; `layer` counts its calls."""

    lengths: Sequence[int]
    prefix: Prefix | None
    rows: int
    keep: bool
    kept: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    layer: int = 0

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Begin, length and number of neighbours of equal length, which one call can take in a single row."""
        begin = 0
        for length, group in groupby(self.lengths):
            count = len(list(group))
            for size in [count] if self.rows == 1 and self.prefix is None else [1] * count:
                yield begin, length, size
                begin += length * size

    def ends(self, device: Any) -> Tensor:
        """Where the sequences of all rows, one after the other, begin and end: int32 on `device`."""
        sizes = torch.tensor(list(self.lengths) * self.rows, dtype=torch.int32)
        return torch.nn.functional.pad(sizes.cumsum(0, dtype=torch.int32), (1, 0)).to(device)

    def prefix_ends(self, device: Any) -> tuple[Tensor, Tensor]:
        """The same of the rows, and of the prefixes before them."""
        assert self.prefix is not None
        rows = torch.arange(self.rows + 1, dtype=torch.int32) * sum(self.lengths)
        bounds = torch.tensor(self.prefix.bounds, dtype=torch.int32)
        return rows.to(device), (bounds - bounds[0]).to(device)

    def longest(self) -> int:
        """Most positions of a sequence and the prefix before it."""
        return max(self.lengths) + max(self.prefix.lengths if self.prefix else [0])


_NOW: ContextVar[_Pass] = ContextVar("hf_qads_packed_pass")


class PackedBody:
    """A transformers model's body that forwards packed sequences.

    Attributes:
        shares: False where the config says that some layers are no attention over all earlier tokens.
    """

    def __init__(self, body: Any) -> None:
        """Take a base model: decoder layers of attention, without a head."""
        self.body = body
        types = set(getattr(body.config, "layer_types", None) or ())
        self.shares = not types - _SHARED_TYPES

    def forward(
        self, ids: Tensor, lengths: Sequence[int], *, prefix: Prefix | None = None, keep: bool = False
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Hidden states of packed sequences, each of which sees its row's prefix and itself.

        Args:
            ids: (rows, tokens) token ids; every row holds sequences of the same `lengths`.
            lengths: tokens of each sequence in a row, one after the other; they add up to the row.
            prefix: one sequence before each row.
            keep: return keys and values too; for one row without a prefix.

        Returns:
            the last hidden states (rows, tokens, width), and (keys, values) of each layer, or nothing.

        Raises:
            TypeError, ValueError: the model does not do attention by transformers' interface, or in a way
                that cannot be packed.
        """
        now = _Pass(lengths, prefix, len(ids), keep)
        offsets = torch.cat([torch.arange(length) for length in lengths])
        before = torch.tensor(prefix.lengths if prefix else [0])
        with _implementation(self.body, IMPLEMENTATION):
            token = _NOW.set(now)
            try:
                hidden: Tensor = self.body(
                    input_ids=ids,
                    position_ids=(before[:, None] + offsets).expand(len(ids), -1).to(ids.device),
                    use_cache=False,
                ).last_hidden_state
            finally:
                _NOW.reset(token)
        if now.layer != self.body.config.get_text_config().num_hidden_layers:
            raise TypeError("its layers are not all attention by transformers' interface")
        return hidden, now.kept


@contextmanager
def _implementation(model: Any, name: str) -> Iterator[None]:
    before = model.config._attn_implementation
    model.set_attn_implementation(name)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None = None,
    *,
    scaling: float | None = None,
    softcap: float | None = None,
    sliding_window: int | None = None,
    is_causal: bool | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention of one layer: query (rows, heads, tokens, width) to (rows, tokens, heads, width).

    Raises:
        TypeError: the layer asks for something else, such as attention sinks.
    """
    now = _NOW.get()
    if unknown := [name for name in ("s_aux", "position_bias") if kwargs.get(name) is not None]:
        raise TypeError(f"its attention takes {', '.join(unknown)}")
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    now.layer += 1
    if now.keep:
        now.kept.append((key, value))
    window = sliding_window if sliding_window is not None and sliding_window < now.longest() else None
    attend = _Attend(scaling or query.shape[-1] ** -0.5, softcap, window)
    dtype = query.dtype
    if query.is_cuda and dtype in _HALF and not attend.plain(query, value):
        return _varlen(now, query, key, value, attend.scale, causal), None
    if query.device.type == "cpu":  # where float32 is as fast
        query, key, value = query.float(), key.float(), value.float()
    before = _on_prefixes(now, query, attend) if now.prefix is not None else None
    rows, heads, tokens, _ = query.shape
    output = query.new_empty(rows, tokens, heads, value.shape[-1]).transpose(1, 2)
    for begin, length, size in now.runs():
        part = slice(begin, begin + length * size)
        parts = [x[:, :, part] for x in (query, key, value)]
        if size > 1:
            parts = [x.reshape(-1, size, length, x.shape[-1]).transpose(0, 1) for x in parts]
        found, lse = attend(*parts, causal=causal)
        if size > 1:
            found = found.transpose(0, 1).flatten(1, 2)[None]
        elif before is not None:
            found = _merged(found, lse[..., None], *(x[:, :, part] for x in before))
        output[:, :, part] = found
    return output.transpose(1, 2).to(dtype), None


def _on_prefixes(now: _Pass, query: Tensor, attend: "_Attend") -> tuple[Tensor, Tensor]:
    """Attention of each row's tokens on its prefix: values, and their log-sum-exp (..., 1)."""
    assert now.prefix is not None
    keys, values = now.prefix.layers[now.layer - 1]
    found = query.new_empty(*query.shape[:3], values.shape[-1])
    lse = query.new_empty(*query.shape[:3], 1, dtype=torch.float32)
    columns = torch.cat([torch.arange(length, device=query.device) for length in now.lengths])
    for row, (start, stop) in enumerate(pairwise(now.prefix.bounds)):
        own, weight = attend(
            query[row : row + 1],
            keys[:, :, start:stop].to(query.dtype),
            values[:, :, start:stop].to(query.dtype),
            positions=columns + (stop - start),
        )
        found[row], lse[row] = own[0], weight[0, ..., None]
    return found, lse


@dataclass(frozen=True)
class _Attend:
    """Attention of queries on keys: values (batch, heads, queries, width), log-sum-exp without the last."""

    scale: float
    softcap: float | None
    window: int | None

    def plain(self, key: Tensor, value: Tensor) -> bool:
        """Whether flash kernels do not do this."""
        return self.softcap is not None or self.window is not None or key.shape[-1] != value.shape[-1]

    def __call__(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        causal: bool = False,
        positions: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Keys stand at positions 0, 1, ...; queries at `positions`, or where the keys are."""
        if query.device.type == "cpu" and not self.plain(key, value):
            # On all keys, heads that share them go side by side: each block of keys is packed once.
            asked = query if causal else query.reshape(len(query), key.shape[1], -1, query.shape[-1])
            found = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                asked, key, value, 0.0, causal, scale=self.scale
            )
            return found[0].reshape(*query.shape[:3], -1), found[1].reshape(query.shape[:3])
        allowed: Tensor | None = None
        if causal or self.window is not None:
            at = torch.arange(key.shape[-2], device=key.device)
            distance = (at if positions is None else positions)[:, None] - at
            allowed = distance >= 0 if causal else torch.ones_like(distance, dtype=torch.bool)
            if self.window is not None:
                allowed &= distance < self.window
        return _plain(query, key, value, self.scale, self.softcap, allowed)


def _plain(
    query: Tensor, key: Tensor, value: Tensor, scale: float, softcap: float | None, allowed: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Attention written out, scores in float32; queries that may see no key get zeros and minus infinity."""
    groups = query.shape[1] // key.shape[1]
    grouped = query.reshape(len(query), key.shape[1], groups, *query.shape[2:])
    scores = torch.matmul(grouped, key[:, :, None].transpose(-1, -2)).float() * scale
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if allowed is not None:
        scores = scores.masked_fill(~allowed, float("-inf"))
    lse = torch.logsumexp(scores, dim=-1)
    shares = torch.exp(scores - lse.nan_to_num(nan=float("nan"), neginf=0.0)[..., None])
    found = torch.matmul(shares.to(value.dtype), value[:, :, None])
    return found.flatten(1, 2), lse.flatten(1, 2)


def _varlen(now: _Pass, query: Tensor, key: Tensor, value: Tensor, scale: float, causal: bool) -> Tensor:
    """All sequences in one call of CUDA's flash kernel, and all prefixes in another."""
    from torch.nn.attention.varlen import AuxRequest, varlen_attn

    rows, heads, tokens, _ = query.shape
    flat, own, own_value = (x.transpose(1, 2).flatten(0, 1) for x in (query, key, value))
    options: dict[str, Any] = {
        "return_aux": AuxRequest(lse=True),
        "scale": scale,
        "enable_gqa": heads != key.shape[1],
    }
    ends, longest = now.ends(query.device), max(now.lengths)
    window = (-1, 0) if causal else (-1, -1)
    found, lse = varlen_attn(
        flat, own, own_value, ends, ends, longest, longest, window_size=window, **options
    )
    if now.prefix is not None:
        bounds = now.prefix.bounds
        keys, values = (
            x[0, :, bounds[0] : bounds[-1]].transpose(0, 1) for x in now.prefix.layers[now.layer - 1]
        )
        each, before = now.prefix_ends(query.device)
        other, weight = varlen_attn(
            flat, keys, values, each, before, tokens, max(now.prefix.lengths), **options
        )
        # The kernel's log-sum-exp is (heads, tokens).
        found = _merged(found.float(), lse.t()[..., None], other.float(), weight.t()[..., None])
    return found.to(query.dtype).view(rows, tokens, heads, -1)


def _merged(found: Tensor, lse: Tensor, other: Tensor, weight: Tensor) -> Tensor:
    """Attention on the keys of both, of which each found its part with its log-sum-exp (..., 1)."""
    return torch.lerp(found, other, torch.sigmoid(weight - lse).to(found.dtype))


AttentionInterface.register(IMPLEMENTATION, _attention)
