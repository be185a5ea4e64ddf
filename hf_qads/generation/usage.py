"""Tokens and cost (usage, price per million tokens) of generation: estimated before, counted after."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CHARACTERS_PER_TOKEN: Final = 3.5


@dataclass(frozen=True)
class Price:
    """What a million tokens cost, in the currency of whoever asks for the money.

    Attributes:
        prompt: of prompts.
        answer: of answers.
    """

    prompt: float = 0.0
    answer: float = 0.0


@dataclass(frozen=True)
class Usage:
    """Requests and tokens.

    Attributes:
        requests: requests that were answered.
        prompt_tokens: of all prompts.
        answer_tokens: of all answers.
    """

    requests: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.answer_tokens + other.answer_tokens,
        )

    def cost(self, price: Price) -> float:
        """What these tokens cost."""
        return (self.prompt_tokens * price.prompt + self.answer_tokens * price.answer) / 1e6


def estimate(prompts: Sequence[str], *, answer_tokens: float) -> Usage:
    """Usage of some prompts before they are sent, at 3.5 characters a token.

    Args:
        prompts: all that would be sent.
        answer_tokens: tokens that an answer is expected to have.
    """
    characters = sum(map(len, prompts))
    return Usage(len(prompts), round(characters / CHARACTERS_PER_TOKEN), round(len(prompts) * answer_tokens))


class Meter:
    """Adds up usage from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sum = Usage()

    def add(self, usage: Usage) -> None:
        """Count one more."""
        with self._lock:
            self._sum += usage

    @property
    def total(self) -> Usage:
        """All that was counted."""
        return self._sum
