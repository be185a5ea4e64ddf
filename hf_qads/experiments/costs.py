"""Cost of selection beside what it gains: forward passes, hours, and the break-even with more training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hf_qads.experiments.compare import ComparisonStudy

ONCE = ("experience", "vectors", "influence", "scorer", "row_scores", "features", "scores")
TRAINING = 3  # operations of a training step in those of its forward pass


def cost_lines(comparison: ComparisonStudy, results: Sequence[Mapping[str, Any]]) -> list[str]:
    """What scores and vectors of the pool took once, beside the training that it is worth.

    A pair's tokens are taken to be those of a row of the pool on average, so counts are about right only.

    Args:
        comparison: with its run.
        results: of its finished cells.
    """
    ledger = {line["stage"]: line for line in comparison.run.ledger()}
    config, epochs = comparison.candidates.config, comparison.setting.train.epochs
    lengths = comparison.candidates.lengths
    details = ledger["influence"]["details"] if "influence" in ledger else {}
    prompts = sum(details.get("prompts", {}).values())
    pairs = prompts * sum(details.get("anchors", {}).values())
    tokens = float(lengths.sum()) + (pairs + prompts) * float(lengths.mean())
    if config.experience is not None:
        tokens += TRAINING * config.experience.share * config.experience.epochs * float(lengths.sum())
    hours = sum(float(ledger[stage]["seconds"]) for stage in ONCE if stage in ledger) / 3600
    lines = [
        f"Scores and vectors took {hours:,.2f} h once: {len(lengths):,} rows read, {pairs:,} pairs of a row "
        f"and an anchor, about {tokens / 1e6:,.2f} million tokens forward; random needs none of it."
    ]
    for budget in comparison.budgets:
        trained = [one["tokens"] for one in results if one["cell"]["budget"] == budget]
        if trained:
            more = tokens / (TRAINING * epochs * float(np.mean(trained)))
            lines.append(
                f"Break-even at {budget}: the same operations would train on {more:,.1f} times as many "
                "tokens again, once; scores serve any number of selections, budgets and trainings."
            )
    return lines
