"""Log-probabilities of pairs by full sequences, for models that cannot share a prefix."""

import inspect
from collections.abc import Sequence

import numpy as np
import torch

from hf_qads.rows.backbone import Backbone
from hf_qads.rows.rendering import Block
from hf_qads.runtime.batching import TokenBudget, run_batches
from hf_qads.scoring.influence.shared_prefix import Scores, Work


class FullSequences:
    """Scores anchors after examples by forwarding both for every pair, in padded token-budget batches."""

    def __init__(self, backbone: Backbone, budget: TokenBudget, work: Work) -> None:
        self.backbone = backbone
        self.budget = budget
        self.work = work

    def score(self, examples: Sequence[Sequence[int]], anchors: Sequence[Block]) -> Scores:
        """Mean log-probability of each anchor's answer after each example: see `SharedPrefix.score`."""
        scores = np.full(len(examples) * len(anchors), np.nan, dtype=np.float32)
        lengths = np.array(
            [len(example) + anchor.answer[1] - 1 for example in examples for anchor in anchors],
            dtype=np.int64,
        )
        context = self.backbone.context
        fitting = np.arange(len(scores)) if context is None else np.flatnonzero(lengths <= context)

        def work(batch: np.ndarray) -> None:
            pairs = [divmod(int(fitting[place]), len(anchors)) for place in batch]
            scores[fitting[batch]] = self._batch([(examples[row], anchors[column]) for row, column in pairs])

        run_batches(lengths[fitting], self.budget, work)
        self.work.least += sum(len(example) for example in examples)
        return scores.reshape(len(examples), len(anchors))

    def _batch(self, pairs: Sequence[tuple[Sequence[int], Block]]) -> Scores:
        device = self.backbone.device
        width = max(len(example) + anchor.answer[1] - 1 for example, anchor in pairs)
        ids = torch.zeros(len(pairs), width, dtype=torch.long)
        rows: list[int] = []
        columns: list[int] = []
        targets: list[int] = []
        for row, (example, anchor) in enumerate(pairs):
            sequence = [*example, *anchor.ids[: anchor.answer[1] - 1]]
            ids[row, : len(sequence)] = torch.as_tensor(sequence, dtype=torch.long)
            start, stop = anchor.answer
            rows += [row] * (stop - start)
            columns += range(len(example) + start - 1, len(example) + stop - 1)
            targets += anchor.ids[start:stop]
        hidden = self.backbone.body(input_ids=ids.to(device)).last_hidden_state
        found = self.backbone.log_probs(hidden[rows, columns], torch.tensor(targets, device=device))
        where = torch.tensor(rows, device=device)
        sums = torch.zeros(len(pairs), dtype=torch.float64, device=device).index_add_(
            0, where, found.double()
        )
        self.work.pairs += len(pairs)
        self.work.tokens += ids.numel()
        self.work.least += sum(anchor.answer[1] - 1 for _, anchor in pairs)
        return (sums / where.bincount(minlength=len(pairs))).float().cpu().numpy()


def reference(backbone: Backbone, example: Sequence[int], anchor: Block) -> float:
    """The score of one pair by the model's own forward pass, head included, for comparison.

    Cost: one forward pass; logits of the anchor's answer only, where the model can be asked for those.
    """
    start, stop = anchor.answer
    ids = torch.tensor([[*example, *anchor.ids[: stop - 1]]], device=backbone.device)
    keep = stop - start
    options = {"logits_to_keep": keep} if _keeps(backbone) else {}
    logits = backbone.model(input_ids=ids, **options).logits[0, -keep:].float()
    targets = torch.tensor(anchor.ids[start:stop], device=backbone.device)
    return -float(torch.nn.functional.cross_entropy(logits, targets))


def _keeps(backbone: Backbone) -> bool:
    return "logits_to_keep" in inspect.signature(backbone.model.forward).parameters
