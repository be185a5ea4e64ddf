"""The ways to score anchors after examples that `influence.py` measures side by side."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers.cache_utils import DynamicCache

from hf_qads.rows.backbone import Backbone
from hf_qads.rows.rendering import Block
from hf_qads.runtime.batching import TokenBudget
from hf_qads.scoring.influence.shared_prefix import SharedPrefix, Sizes, Work

PADDED = 8


@dataclass
class Result:
    """Seconds on the wall and on the processor, operations, tokens and scores of one way, over all parts."""

    wall: float = 0.0
    processor: float = 0.0
    operations: float = 0.0
    tokens: int = 0
    scores: list[np.ndarray] = field(default_factory=list)


class Bench:
    """The ways, each a function of the anchors of one part."""

    def __init__(self, model: Any, examples: list[list[int]], batch_tokens: int) -> None:
        self.model = model
        self.backbone = Backbone(model)
        self.examples = examples
        self.work = Work()
        self.engine = SharedPrefix(self.backbone, TokenBudget(batch_tokens), self.work)
        config = model.config
        self.width, self.layers = config.hidden_size, config.num_hidden_layers
        self.attended = 4 * self.layers * config.num_attention_heads * config.head_dim
        body = sum(p.numel() for p in model.model.layers.parameters() if p.ndim > 1)
        self.per_token, self.per_head = 2 * body, 2 * config.vocab_size * self.width
        self.result: dict[str, Result] = {}

    def operations(self, tokens: int, keys: float, heads: int) -> float:
        """Of `tokens` that attend to `keys` keys altogether, with logits for `heads` of them."""
        return self.per_token * tokens + self.attended * keys + self.per_head * heads

    def measure(self, name: str, way: Callable[[list[Block], Result], np.ndarray], part: list[Block]) -> None:
        """Run and time one way on one part."""
        result = self.result.setdefault(name, Result())
        self.synchronise()
        wall, processor = time.perf_counter(), time.process_time()
        scores = way(part, result)
        self.synchronise()
        result.wall += time.perf_counter() - wall
        result.processor += time.process_time() - processor
        result.scores.append(scores)

    def synchronise(self) -> None:
        """Wait for the device."""
        if self.backbone.device.type == "cuda":
            torch.cuda.synchronize()

    def whole(self, batch: int, heads: str) -> Callable[[list[Block], Result], np.ndarray]:
        """Pairs through the whole model, `batch` at a time; logits of `all` tokens or of the `answers`."""

        def way(part: list[Block], result: Result) -> np.ndarray:
            pairs = [(example, anchor) for example in self.examples for anchor in part]
            scores = []
            for start in range(0, len(pairs), batch):
                some = pairs[start : start + batch]
                longest = max(len(example) + len(anchor.ids) for example, anchor in some)
                ids = torch.zeros(len(some), longest, dtype=torch.long)
                for row, (example, anchor) in enumerate(some):
                    ids[row, : len(example) + len(anchor.ids)] = torch.tensor([*example, *anchor.ids])
                ids = ids.to(self.backbone.device)
                if heads == "all":
                    logits = self.model(input_ids=ids).logits.float().log_softmax(-1)
                    found = logits[:, :-1].gather(2, ids[:, 1:, None])[:, :, 0].cpu()
                else:
                    hidden = self.model.model(input_ids=ids).last_hidden_state
                count = 0
                for row, (example, anchor) in enumerate(some):
                    first, last = (len(example) + place - 1 for place in anchor.answer)
                    if heads == "all":
                        scores.append(float(found[row, first:last].mean()))
                    else:
                        own = self.backbone.log_probs(hidden[row, first:last], ids[row, first + 1 : last + 1])
                        scores.append(float(own.mean()))
                    count += last - first
                keys = len(some) * longest * (longest + 1) / 2
                result.tokens += ids.numel()
                result.operations += self.operations(
                    ids.numel(), keys, ids.numel() if heads == "all" else count
                )
            return np.array(scores).reshape(len(self.examples), len(part))

        return way

    def shared(self, part: list[Block], result: Result) -> np.ndarray:
        """What `influence` runs."""
        before = self.work.tokens
        scores = self.engine.score(self.examples, part)
        tokens = self.work.tokens - before
        result.tokens += tokens
        keys, heads = self.shared_keys(part)
        if len(result.scores) == 0:  # the examples' own pass
            keys += sum(len(example) * (len(example) + 1) / 2 for example in self.examples)
        result.operations += self.operations(tokens, keys, heads)
        return scores

    def shared_keys(self, part: list[Block]) -> tuple[float, int]:
        """Keys attended to, and answer tokens, of anchors after examples, nothing spared nor wasted."""
        keys, heads = 0.0, 0
        for anchor in part:
            tokens = anchor.answer[1] - 1
            keys += sum(len(example) * tokens + tokens * (tokens + 1) / 2 for example in self.examples)
            heads += (anchor.answer[1] - anchor.answer[0]) * len(self.examples)
        return keys, heads

    def packed(self, part: list[Block], result: Result) -> np.ndarray:
        """One example at a time, all anchors of the part side by side in one row."""
        work = Work()
        engine = SharedPrefix(self.backbone, self.engine.budget, work)
        engine.sizes = Sizes(2**30, 2**30)
        scores = np.concatenate([engine.score([example], part) for example in self.examples])
        keys = self.shared_keys(part)[0] + sum(len(example) ** 2 / 2 for example in self.examples)
        result.tokens += work.tokens
        result.operations += self.operations(work.tokens, keys, self.shared_keys(part)[1])
        return scores

    def expanded(self, part: list[Block], result: Result) -> np.ndarray:
        """One example at a time; anchors in padded batches of similar lengths, each row with its own copy."""
        scores = np.zeros((len(self.examples), len(part)))
        order = np.argsort([anchor.answer[1] for anchor in part])
        for row, example in enumerate(self.examples):
            one = torch.tensor([example], device=self.backbone.device)
            prefix = self.model.model(input_ids=one, use_cache=True).past_key_values
            result.tokens += len(example)
            result.operations += self.operations(len(example), len(example) ** 2 / 2, 0)
            for start in range(0, len(order), PADDED):
                places = order[start : start + PADDED]
                some = [part[place] for place in places]
                longest = max(anchor.answer[1] - 1 for anchor in some)
                ids = torch.tensor([(anchor.ids + [0] * longest)[:longest] for anchor in some])
                cache = DynamicCache()
                for number, layer in enumerate(prefix.layers):
                    copies = (x.repeat(len(some), 1, 1, 1) for x in (layer.keys, layer.values))
                    cache.update(*copies, number)
                hidden = self.model.model(
                    input_ids=ids.to(self.backbone.device),
                    past_key_values=cache,
                    use_cache=True,
                ).last_hidden_state
                count = 0
                for place, anchor, states in zip(places, some, hidden, strict=True):
                    first, last = anchor.answer
                    targets = torch.tensor(anchor.ids[first:last], device=states.device)
                    scores[row, place] = float(
                        self.backbone.log_probs(states[first - 1 : last - 1], targets).mean()
                    )
                    count += last - first
                keys = len(some) * (len(example) * longest + longest * (longest + 1) / 2)
                result.tokens += ids.numel()
                result.operations += self.operations(ids.numel(), keys, count)
        return scores

    def bare(self, part: list[Block], result: Result) -> np.ndarray:
        """The same tokens through the body with nothing before them, the model's own head on the answers."""
        if len(result.scores) == 0:
            for example in self.examples:
                self.model.model(
                    input_ids=torch.tensor([example], device=self.backbone.device), use_cache=False
                )
                result.tokens += len(example)
                result.operations += self.operations(len(example), len(example) ** 2 / 2, 0)
        for anchor in part:
            first, last = anchor.answer
            for start in range(0, len(self.examples), PADDED):
                rows = len(self.examples[start : start + PADDED])
                ids = torch.tensor([anchor.ids[:last]] * rows, device=self.backbone.device)
                hidden = self.model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
                logits = self.model.lm_head(hidden[:, first - 1 :]).float().log_softmax(-1)
                logits.gather(2, ids[:, first:, None])
                result.tokens += rows * (last - 1)
                keys = rows * (last - 1) * last / 2
                result.operations += self.operations(rows * (last - 1), keys, rows * (last - first))
        return np.full((len(self.examples), len(part)), np.nan)
