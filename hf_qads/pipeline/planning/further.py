"""Costs in a plan: further scores (IFD, perplexity, wICI, ...), features (RDS+ vectors, LESS gradients)."""

from collections.abc import Mapping
from typing import NamedTuple

from hf_qads.config.schema import Config
from hf_qads.pipeline.planning.costs import StagePlan, forward_hours

ANSWER_SHARE = 0.6  # of a row's tokens, for the pass over the answer alone
BACKWARD = 3  # forward and backward, in forward passes


class _Passes(NamedTuple):
    """What goes through a model for each row: sequences, and tokens in lengths of a row."""

    sequences: int
    lengths: float


def further(
    config: Config, rows: int, pool: float, *, anchors: int, parameters: float, width: int
) -> list[StagePlan]:
    """The stages `row_scores` and `features`, where a config asks for them.

    Args:
        config: the checked config.
        rows: of the pool.
        pool: tokens of the pool.
        anchors: rows of all anchor sets.
        parameters: of the model; a score's own model is taken to be as large.
        width: of its hidden states.
    """
    return [
        *_row_scores(config, rows, pool, parameters),
        *_features(config, rows, pool, anchors, parameters, width),
    ]


def _row_scores(config: Config, rows: int, pool: float, parameters: float) -> list[StagePlan]:
    from hf_qads.scoring.scores.registry import about

    if not config.scores:
        return []
    known = [about(score.name, score.options) for score in config.scores]
    parts = {part for one in known for part in one.parts}
    passes: Mapping[str, _Passes] = {
        "question and answer": _Passes(1, 1.0) if parts & {"answer", "whole"} else _Passes(0, 0.0),
        "the answer alone": _Passes(1, ANSWER_SHARE) if "alone" in parts else _Passes(0, 0.0),
        "five neighbours after the row, and each neighbour twice": _Passes(8, 8 + ANSWER_SHARE)
        if any(one.vectors for one in known)
        else _Passes(0, 0.0),
        "models of the scores' own, taken to be as large": _Passes(
            2 * any(one.name == "deita" for one in known) + any(one.name == "reward" for one in known),
            2.0 * any(one.name == "deita" for one in known) + any(one.name == "reward" for one in known),
        ),
    }
    tokens = pool * sum(one.lengths for one in passes.values())
    how = "passes over " + "; ".join(what for what, one in passes.items() if one.sequences)
    columns = sum(len(one.columns) for one in known)
    return [
        StagePlan(
            "row_scores",
            rows,
            rows * sum(one.sequences for one in passes.values()),
            tokens,
            forward_hours(tokens, parameters),
            rows * columns * 4.0,
            how if tokens else "tokens are counted; nothing goes through a model",
        )
    ]


def _features(
    config: Config, rows: int, pool: float, anchors: int, parameters: float, width: int
) -> list[StagePlan]:
    from hf_qads.embedding.features import GRADIENTS, WEIGHTED
    from hf_qads.embedding.gradients import DIMENSIONS
    from hf_qads.pipeline.stages.features import wanted

    sizes = {WEIGHTED: (1, width * 2.0), GRADIENTS: (BACKWARD, DIMENSIONS * 2.0)}
    named = {WEIGHTED: "position-weighted states", GRADIENTS: f"projected gradients of {DIMENSIONS:,}"}
    of_rows, of_anchors = wanted(config)
    plans = []
    for name in dict.fromkeys((*of_rows, *of_anchors)):
        if name not in sizes:
            continue
        cost, entry = sizes[name]
        count = rows * (name in of_rows) + anchors * (name in of_anchors)
        tokens = pool / max(1, rows) * count * cost
        how = f"{named[name]}, {'a forward and a backward pass' if cost > 1 else 'a forward pass'} a row"
        plans.append(
            StagePlan("features", count, count, tokens, forward_hours(tokens, parameters), count * entry, how)
        )
    return plans
