"""A generation engine by rules: evolves and solves embedded problems exactly, with mistakes made on purpose.

It stands in for a language model where the truth must be known: in tests, and where a run is shown offline.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

from hf_qads.embedded.evolution import OPERATORS, Evolved, evolve, recognise
from hf_qads.embedded.problems import exact
from hf_qads.embedded.styles import CLOSINGS, LAYOUTS, Style, WrongSlip, lay_out
from hf_qads.generation.engine import GREEDY, LENGTH, Output, Sampling

RIGHT, WRONG_ANSWER, WRONG_EQUATION, CUT = "right", "wrong answer", "wrong equation", "cut"
SPOILED: Final = ("again", "two questions", "given away", "another language", "nothing")
UNKNOWN: Final = "I do not know this kind of problem."


class RuleEngine:
    """Answers prompts about embedded maths problems.

    Args:
        read: gives a prompt's task, an operator's name or `answer`, and the question that it is about; None
            where it is no such prompt.
        wrong: share of answers that are not right: two thirds of them end with a wrong answer, the others
            with the right one after a wrong equation, or are cut off.
        spoiled: share of new questions that cannot be used.
    """

    shard_prompts = 512

    def __init__(
        self, read: Callable[[str], tuple[str, str] | None], *, wrong: float = 0.3, spoiled: float = 0.1
    ) -> None:
        self.read, self.wrong, self.spoiled = read, wrong, spoiled
        self.name = f"rules of the embedded problems ({wrong:.0%} wrong, {spoiled:.0%} spoiled)"

    def answer(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        sampling: Sampling = GREEDY,
        draws: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, Output]]:
        """Pairs of a prompt's place and its answer; the same prompt, draw and seed give the same answer."""
        for place, prompt in enumerate(prompts):
            yield place, self._write(prompt, 0 if draws is None else draws[place], sampling.seed)

    def truth(self, prompt: str, draw: int = 0, seed: int = 0) -> str:
        """What is planned for one draw of a prompt for an answer: `right`, or how it goes wrong."""
        chance = Random(f"{prompt} {draw} {seed}")
        if chance.random() >= self.wrong:
            return RIGHT
        return chance.choice((WRONG_ANSWER, WRONG_ANSWER, WRONG_ANSWER, WRONG_ANSWER, WRONG_EQUATION, CUT))

    def _write(self, prompt: str, draw: int, seed: int) -> Output:
        task, question = self.read(prompt) or ("", "")
        known = recognise(question)
        if known is None or (task != "answer" and task not in OPERATORS):
            return Output(UNKNOWN)
        chance = Random(f"{task} {prompt} {draw} {seed}")
        if task == "answer":
            return _answer(known, self.truth(prompt, draw, seed), chance)
        new = evolve(known, task, chance).problem.question
        if chance.random() < self.spoiled:
            return Output(_spoil(new, known, chance))
        return Output(chance.choice(("", "New problem: ", "**New problem:** ")) + new)


def _answer(evolved: Evolved, truth: str, draw: Random) -> Output:
    style = Style("good", draw.choice(LAYOUTS), draw.choice(CLOSINGS))
    problem = evolved.problem
    sentences, final = problem.solve(exact)
    if truth == WRONG_ANSWER:
        right = final
        while final == right:
            sentences, final = problem.solve(WrongSlip(draw, share=0.5))
    else:
        sentences = [_turned(sentence, draw) for sentence in sentences]
    if truth == WRONG_EQUATION:
        places = [place for place, sentence in enumerate(sentences) if " = " in sentence]
        place = draw.choice(places)
        sentences[place] = re.sub(r"= (\d+)", lambda found: f"= {int(found[1]) + 1}", sentences[place])
    text = lay_out(sentences, final, style)
    if truth == CUT:
        return Output(text[: draw.randint(len(text) // 4, len(text) // 2)], LENGTH)
    return Output(text)


def _turned(sentence: str, draw: Random) -> str:
    """The sentence, half of the time with the sides of a sum or product changed: another way, as right."""
    if draw.random() < 0.5:
        return sentence
    return re.sub(r"(\d+) ([*+]) (\d+) =", r"\3 \2 \1 =", sentence)


def _spoil(question: str, parent: Evolved, draw: Random) -> str:
    match draw.choice(SPOILED):
        case "again":
            return parent.problem.question
        case "two questions":
            return f"{question} And how much is that twice?"
        case "given away":
            return f"{question}\nThe answer is {draw.randint(2, 90)}."
        case "another language":
            return "Combien de pommes est-ce que la fille ach\u00e8te avec les pi\u00e8ces qui lui restent ?"
        case _:
            return "Sure!"
