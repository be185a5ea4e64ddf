"""Speed of a model on this machine, and the hours that a plan takes with it (`hf-qads plan --measure`)."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hf_qads.config.schema import Config
from hf_qads.pipeline.models import load, load_to_train
from hf_qads.pipeline.planning.costs import StagePlan

SECONDS = 3.0  # at least, of each speed
ROWS, EXAMPLES = 32, 8  # made for it, and how many of them stand before each of the others in `influence`
FORWARD, INFLUENCE, TRAINING = "forward", "influence", "training"
# What the tokens of a stage go through; the others' time is not the model's.
KINDS = {"experience": TRAINING, "influence": INFLUENCE, "scorer": TRAINING, "training": TRAINING}
WORDS = "a farmer has apples and sells some of them each day so how many are left in all is the sum".split()


def measured(config: Config, stages: Sequence[StagePlan], *, row_tokens: float) -> list[str]:
    """Lines that tell the speed of the model here, by stage, and how long each stage takes with it.

    Args:
        config: whose model and device are measured.
        stages: of the plan.
        row_tokens: mean tokens of a row.

    Raises:
        ModelError: the model cannot be loaded.

    Cost: loads the model twice, and a few seconds of each kind of work.
    """
    found = speeds(config, round(row_tokens))
    lines = [
        "",
        "On this machine, as measured now:",
        f"{'stage':<12}{'tokens':>12}{'tokens/s':>10}{'time':>12}",
    ]
    total = 0.0
    for stage in stages:
        if not stage.passes or stage.name == "augmenting":
            continue
        speed = found[KINDS.get(stage.name, FORWARD)]
        total += stage.tokens / speed
        lines.append(
            f"{stage.name:<12}{stage.tokens:>12,.0f}{speed:>10,.0f}{_time(stage.tokens / speed):>12}"
        )
    return [*lines, f"{'total':<12}{'':>22}{_time(total):>12}"]


def speeds(config: Config, length: int) -> Mapping[str, float]:
    """Tokens a second of embedding, influence and training with rows of about `length` tokens."""
    import torch

    from hf_qads.embedding.encoder import embed
    from hf_qads.rows.forward import body
    from hf_qads.scoring.influence.influence import influence

    model, tokenizer = load(config.model, device=config.device)
    rows = made_rows(ROWS, length)
    each = len(tokenizer(rows[0]["question"] + rows[0]["answer"])["input_ids"])
    context = getattr(model.config, "max_position_embeddings", None) or 4 * each
    if 3 * each > context:
        rows = made_rows(ROWS, max(8, length * context // (4 * each)))
        each = len(tokenizer(rows[0]["question"] + rows[0]["answer"])["input_ids"])

    def vectors(count: int) -> float:
        embed(model, tokenizer, rows[:count])
        return float(count * each)

    def scores(count: int) -> float:
        found = influence(model, tokenizer, rows[:EXAMPLES], rows[EXAMPLES:][:count])
        return found.tokens_per_pair[0] * EXAMPLES * count

    result = {FORWARD: _speed(vectors), INFLUENCE: _speed(scores)}
    model, tokenizer = load_to_train(config.model, device=config.device)
    encoded = [tokenizer(row["question"] + row["answer"])["input_ids"] for row in rows]
    least = min(map(len, encoded))
    ids = torch.tensor([one[:least] for one in encoded], device=model.device)

    def step(count: int) -> float:
        for start in range(0, count, 2):
            row = ids[start : start + 2]
            model(input_ids=row, labels=row).loss.backward()
            model.zero_grad()
        return float(count * least)

    body(model).train()
    return {**result, TRAINING: _speed(step)}


def made_rows(count: int, length: int) -> list[dict[str, Any]]:
    """Different rows of about `length` tokens, half of them answer."""

    def text(number: int, words: int) -> str:
        return " ".join(WORDS[(number + place) % len(WORDS)] for place in range(words))

    half = max(4, length // 2)
    return [{"question": f"{n} {text(n, half)}", "answer": text(n + 7, half)} for n in range(count)]


def _speed(work: Callable[[int], float]) -> float:
    """Tokens a second of `work`, which does some rows and returns their tokens; the first call warms up."""
    work(2)
    tokens = seconds = 0.0
    count = 2
    while seconds < SECONDS:
        began = time.perf_counter()
        tokens += work(count)
        seconds += time.perf_counter() - began
        count = min(ROWS - EXAMPLES, 2 * count)
    return tokens / seconds


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
