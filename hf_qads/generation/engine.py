"""Text generation: engines, sampling (temperature, top-p, seed), and where an answer stops."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from hf_qads.errors import GenerationError

# Where a model that continues a text goes on with a question of its own; the first four are sent to servers,
# which take no more. A chat model ends its turn, and may well write headings.
STOPS: Final = ("\nQuestion:", "\n\nQuestion", "\nProblem:", "\n### ", "\nHuman:", "\nUser:")
LENGTH: Final = "length"
TOO_LONG: Final = "prompt too long"


class Output(NamedTuple):
    """What was written for one prompt.

    Attributes:
        text: the answer, without the prompt.
        reason: why it is not whole (`length`, `prompt too long`) or why there is none, or None.
        failed: there is no answer, since a server gave none after all attempts.
    """

    text: str
    reason: str | None = None
    failed: bool = False


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen.

    Attributes:
        temperature: 0 takes the most probable token; 1 draws from the model's own distribution.
        top_p: draws come from the most probable tokens that together reach this probability.
        seed: the same seed, prompt and number of the draw give the same tokens on one machine.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.temperature <= 5:
            raise GenerationError(
                f"temperature={self.temperature} is not in [0, 5]. Usual values are 0 to 1."
            )
        if not 0 < self.top_p <= 1:
            raise GenerationError(f"top_p={self.top_p} is not in (0, 1]. 1 draws from all tokens.")

    def __str__(self) -> str:
        """As it is told in tables and cards."""
        if self.temperature == 0:
            return "greedy"
        return f"temperature {self.temperature:g}, top-p {self.top_p:g}, seed {self.seed}"


GREEDY: Final = Sampling()


class Engine(Protocol):
    """Answers prompts, in whatever order is quickest.

    Attributes:
        name: what identifies it in stored results.
        shard_prompts: prompts that are kept together: what a kill may lose, against what fills it well.
    """

    name: str
    shard_prompts: int

    def answer(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        sampling: Sampling = GREEDY,
        draws: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, Output]]:
        """Pairs of a prompt's place and its answer, as they are done.

        Args:
            prompts: what is to be continued.
            max_new_tokens: most tokens of an answer.
            sampling: how tokens are chosen.
            draws: the number of each prompt's draw, so that a prompt that stands there several times gets
                several answers; None numbers all 0.
        """
        ...


def until_stop(text: str, *, whole: bool, stops: Sequence[str] = STOPS) -> Output:
    """The answer up to the next question; a stop found makes it whole."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    if places:
        return Output(text[: min(places)])
    return Output(text, None if whole else LENGTH)
