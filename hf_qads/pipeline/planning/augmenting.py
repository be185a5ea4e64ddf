"""What a run's augmentation will ask for: a stage of the plan, and the sources that it adds."""

from collections.abc import Sequence
from typing import NamedTuple

from hf_qads.augmenting.augment import Paths
from hf_qads.augmenting.estimate import expect
from hf_qads.augmenting.operators import read_examples
from hf_qads.config.schema import Augment, Endpoint
from hf_qads.generation.usage import Price, Usage


class Parent(NamedTuple):
    """A source whose rows are augmented: its rows and their mean tokens."""

    name: str
    rows: int
    tokens: float


def expected(augment: Augment, parents: Sequence[Parent]) -> tuple[Usage, dict[str, int]]:
    """Usage of all sources, and generated rows of each, at most; a question is half of a row's tokens."""
    usage, rows = Usage(), {}
    for parent in parents:
        taken = parent.rows if augment.questions is None else min(augment.questions, parent.rows)
        found = expect(
            taken,
            parent.tokens / 2,
            operators=augment.operators,
            rounds=augment.rounds,
            paths=Paths(**augment.paths.model_dump()),
            max_new_tokens=augment.sampling.max_tokens,
            examples=read_examples(augment.examples) if augment.examples else None,
        )
        usage += found.usage
        rows[parent.name] = found.rows
    return usage, rows


def told(augment: Augment, usage: Usage) -> str:
    """How the estimate was made, with the cost at the price that the config states."""
    text = (
        f"at most, as if all that is generated were used: {usage.prompt_tokens:,} tokens of prompts and "
        f"{usage.answer_tokens:,} of answers"
    )
    if not isinstance(augment.model, Endpoint):
        return text
    if augment.model.price is None:
        return f"{text}, asked of a server; state its price to see the cost"
    return f"{text}, asked of a server; cost {usage.cost(Price(*augment.model.price)):,.2f}"
