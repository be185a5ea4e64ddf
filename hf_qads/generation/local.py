"""Text generation by a transformers model in this process: batches by length, greedy or sampled, chat."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hf_qads.generation.engine import GREEDY, STOPS, TOO_LONG, Output, Sampling, until_stop
from hf_qads.runtime.batching import BATCH_TOKENS, TokenBudget, token_batches

STRETCH: Final = 32  # tokens written before rows that have ended leave their batch
SHARED: Final = 16  # tokens from which a common beginning is read once


class TransformersEngine:
    """Decoding in batches of prompts of similar length; what all of a batch begin with is read once.

    Args:
        model: a causal language model of transformers.
        tokenizer: its tokenizer.
        batch_tokens: most tokens of a batch, prompt and answer together.
        chat: send each prompt as a user's turn through the tokenizer's chat template.
        name: what identifies the model in stored results.
    """

    shard_prompts = 128

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        batch_tokens: int = BATCH_TOKENS,
        chat: bool = False,
        name: str = "model",
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.budget = TokenBudget(batch_tokens)
        self.chat = chat
        self.stops = () if chat else STOPS
        self.name = f"{name}, chat" if chat else name
        self.context = getattr(model.config, "max_position_embeddings", None) or 10**9

    def answer(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        sampling: Sampling = GREEDY,
        draws: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, Output]]:
        """Pairs of a prompt's place and its answer, longest prompts first.

        A prompt that leaves no room for an answer in the model's context gives an empty one, with a reason.
        Where memory runs out the batches are halved. Which tokens a row draws depends on its prompt, the
        number of its draw and the seed, not on the rows beside it.
        """
        ids = self._encode(prompts)
        left = [place for place, prompt in enumerate(ids) if len(prompt) < self.context - 1]
        for place in sorted(set(range(len(ids))) - set(left)):
            yield place, Output("", TOO_LONG)
        while left:
            lengths = np.array([len(ids[place]) + max_new_tokens for place in left])
            batch = [left[index] for index in token_batches(lengths, self.budget.tokens)[0]]
            numbers = [0 if draws is None else draws[place] for place in batch]
            chance = _uniforms([prompts[place] for place in batch], numbers, sampling, max_new_tokens)
            try:
                outputs = self._batch([ids[place] for place in batch], max_new_tokens, sampling, chance)
            except (RuntimeError, MemoryError) as error:
                self.budget.retreat(error)
                outputs = []
            if not outputs:
                self.budget.release()
                continue
            done = set(batch)
            left = [place for place in left if place not in done]
            yield from zip(batch, outputs, strict=True)

    def _encode(self, prompts: Sequence[str]) -> list[list[int]]:
        if not prompts:
            return []
        if self.chat:
            turns = [[{"role": "user", "content": prompt}] for prompt in prompts]
            text = self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
            return [list(ids) for ids in self.tokenizer(text, add_special_tokens=False)["input_ids"]]
        bos = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        encoded = self.tokenizer(list(prompts), add_special_tokens=False)["input_ids"]
        # a prompt that a chat template wrote opens with BOS itself where it wants one
        return [list(ids) if list(ids[: len(bos)]) == bos else bos + list(ids) for ids in encoded]

    def _batch(
        self, ids: list[list[int]], max_new_tokens: int, sampling: Sampling, chance: NDArray[np.float32]
    ) -> list[Output]:
        import torch
        from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

        shared = _shared(ids)
        longest = max(map(len, ids))
        pad = self.tokenizer.pad_token_id
        ends = _ends(self.model, self.tokenizer)
        pad = pad if pad is not None else (ends[0] if ends else 0)
        tokens = torch.full((len(ids), longest), pad)
        mask = torch.zeros_like(tokens)
        for row, prompt in enumerate(
            ids
        ):  # padded behind what all share, so that every answer starts together
            tokens[row, :shared] = torch.tensor(prompt[:shared])
            tokens[row, longest - len(prompt) + shared :] = torch.tensor(prompt[shared:])
            mask[row, :shared] = 1
            mask[row, longest - len(prompt) + shared :] = 1
        room = min(max_new_tokens, self.context - longest)
        device = self.model.device
        tokens, mask, cache = tokens.to(device), mask.to(device), None
        left = torch.arange(len(ids), device=device)
        written: dict[int, list[int]] = {}
        ended: set[int] = set()
        with torch.inference_mode():
            if shared:  # examples and instructions are read once for all rows
                cache = self.model(tokens[:1, :shared], use_cache=True, logits_to_keep=1).past_key_values
                cache.batch_repeat_interleave(len(ids))
            # A stretch at a time: rows that have ended do not wait for the longest answer of their batch.
            while len(left):
                made = tokens.shape[1] - longest
                # The draw is made by the processor, so that each row has its own; what is left is the best.
                config = GenerationConfig(
                    do_sample=False,
                    max_new_tokens=min(STRETCH, room - made),
                    pad_token_id=pad,
                    eos_token_id=ends or None,
                    use_cache=True,
                    return_dict_in_generate=True,
                )
                draw = [] if sampling.temperature == 0 else [_Draw(sampling, chance[left.tolist()], longest)]
                stop = _Stop(self.tokenizer, longest, self.stops)
                found = self.model.generate(
                    tokens,
                    attention_mask=mask,
                    generation_config=config,
                    logits_processor=LogitsProcessorList(draw),
                    stopping_criteria=StoppingCriteriaList([stop]),
                    past_key_values=cache,
                )
                tokens, cache = found.sequences, found.past_key_values
                answers = tokens[:, longest:]
                over = stop.done | torch.isin(answers, torch.tensor(ends, device=device)).any(1)
                written |= zip(left.tolist(), answers.tolist(), strict=True)
                ended |= set(left[over].tolist())
                kept = (~over).nonzero()[:, 0] if answers.shape[1] < room else left[:0]
                grown = torch.ones(
                    len(kept), tokens.shape[1] - mask.shape[1], dtype=mask.dtype, device=device
                )
                mask = torch.cat([mask[kept], grown], dim=1)
                left, tokens = left[kept], tokens[kept]
                cache.batch_select_indices(kept)
        texts = self.tokenizer.batch_decode(
            [written[row] for row in range(len(ids))], skip_special_tokens=True
        )
        return [until_stop(text, whole=row in ended, stops=self.stops) for row, text in enumerate(texts)]


class _Draw:
    """Leaves of each row's logits only the token that the row draws, by the inverse of its distribution."""

    def __init__(self, sampling: Sampling, chance: NDArray[np.float32], start: int) -> None:
        import torch

        self.sampling, self.start = sampling, start
        self.chance = torch.from_numpy(chance)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        probabilities = (scores.float() / self.sampling.temperature).softmax(-1).double()
        order = None
        if self.sampling.top_p < 1:
            probabilities, order = probabilities.sort(-1, descending=True)
        reached = probabilities.cumsum(-1)
        # the first token that reaches top_p is the last one that may be drawn
        last = (reached < self.sampling.top_p).sum(-1, keepdim=True).clamp(max=reached.shape[1] - 1)
        chance = self.chance[:, input_ids.shape[1] - self.start, None].to(reached) * reached.gather(-1, last)
        drawn = torch.searchsorted(reached, chance, right=True).clamp(max=last)
        token = drawn if order is None else order.gather(-1, drawn)
        return torch.full_like(scores, -torch.inf).scatter_(-1, token, 0.0)


def _shared(ids: list[list[int]]) -> int:
    """Tokens that all prompts begin with, where reading them once is worth it; each keeps one of its own."""
    if len(ids) < 2:
        return 0
    first, last = min(ids), max(ids)
    most = min(map(len, ids)) - 1
    same = next((n for n in range(most) if first[n] != last[n]), most)
    return same if same >= SHARED else 0


def _uniforms(
    prompts: Sequence[str], draws: Sequence[int], sampling: Sampling, steps: int
) -> NDArray[np.float32]:
    """Random numbers in [0, 1), (n, steps): a row's own, by prompt, draw and seed."""
    if sampling.temperature == 0:
        return np.empty((len(prompts), 0), dtype=np.float32)
    keys = [zlib.crc32(prompt.encode("utf-8", "surrogatepass")) for prompt in prompts]
    rows = [
        np.random.default_rng([sampling.seed, draw, key]).random(steps, dtype=np.float32)
        for draw, key in zip(draws, keys, strict=True)
    ]
    return np.stack(rows)


class _Stop:
    """Ends a row that goes on with a question of its own."""

    def __init__(self, tokenizer: Any, start: int, stops: Sequence[str]) -> None:
        self.tokenizer = tokenizer
        self.start = start
        self.stops = stops
        self.done: Any = None

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        if self.done is None:
            self.done = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        if input_ids.shape[1] % 4 == 0:  # decoding costs time, so not after every token
            tails = self.tokenizer.batch_decode(input_ids[:, max(self.start, input_ids.shape[1] - 16) :])
            found = [any(stop in tail for stop in self.stops) for tail in tails]
            self.done |= torch.tensor(found, device=input_ids.device)
        return self.done


def _ends(model: Any, tokenizer: Any) -> list[int]:
    configured = getattr(model.generation_config, "eos_token_id", None)
    ends = configured if isinstance(configured, list) else [configured, tokenizer.eos_token_id]
    return [int(end) for end in dict.fromkeys(ends) if end is not None]
