"""Mean log-probability of answers under the model to be trained, without the first token of each step.

The first token of a step says which step comes next: it is improbable however good the step is, and weighs
more in a text of short steps, so that length would be scored with it.

Source: GRAPE (arXiv 2502.04194), which keeps the answers that the model to be trained finds most probable.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hf_qads.rows.rendering import Renderer
from hf_qads.rows.sequences import context_length, padded
from hf_qads.runtime.batching import BATCH_TOKENS, TokenBudget, run_batches
from hf_qads.schema import ANSWER, QUESTION

_STEP = re.compile(r"(?:\n|(?<=[.!?])\s|^)\s*(?=\S)")


class StepLikelihood:
    """Scores answers to questions; NaN where one does not fit the context, or has no further token in a step.

    Args:
        model: a causal language model of transformers.
        tokenizer: its fast tokenizer.
        template: how a question and its answer are rendered.
        batch_tokens: most tokens of a batch, padding included.
    """

    def __init__(
        self, model: Any, tokenizer: Any, *, template: str = "plain", batch_tokens: int = BATCH_TOKENS
    ) -> None:
        self.model = model.eval()
        self.renderer = Renderer(tokenizer, template)
        self.context = context_length(model.config) or 10**9
        self.batch_tokens = batch_tokens

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Mean log-probability of each answer, in nats per token."""
        import torch

        prepared = [self._prepare({QUESTION: question, ANSWER: answer}) for question, answer in pairs]
        usable = [
            place for place, (ids, counted) in enumerate(prepared) if len(ids) <= self.context and counted
        ]
        found = np.full(len(pairs), np.nan)

        def work(batch: NDArray[np.int64]) -> None:
            places = [usable[index] for index in batch]
            tokens, _ = padded(
                [np.asarray(prepared[place][0], np.int32) for place in places], 0, self.model.device
            )
            with torch.inference_mode():
                logits = self.model(tokens, use_cache=False).logits[:, :-1].float()
                said = logits.log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0].double().cpu().numpy()
            for row, place in enumerate(places):
                found[place] = said[row, [position - 1 for position in prepared[place][1]]].mean()

        run_batches([len(prepared[place][0]) for place in usable], TokenBudget(self.batch_tokens), work)
        return [float(value) for value in found]

    def _prepare(self, row: Mapping[str, str]) -> tuple[list[int], list[int]]:
        """The sequence's token ids, and the positions of the tokens that count."""
        rendered = self.renderer.text(row)
        if isinstance(rendered, str):
            return [], []
        encoded = self.renderer.tokenizer(
            rendered.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        start, stop = rendered.answer
        firsts = {start + match.end() for match in _STEP.finditer(rendered.text[start:stop])}
        shift = len(self.renderer.bos)
        counted = [
            shift + place
            for place, (first, last) in enumerate(encoded["offset_mapping"])
            if start < last <= stop and not any(max(first, start) <= step < last for step in firsts)
        ]
        return [*self.renderer.bos, *encoded["input_ids"]], [position for position in counted if position > 0]
