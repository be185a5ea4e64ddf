"""Answers of planted quality: one question, rightly or poorly answered in one of several forms."""

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from hf_qads.embedded import fillers
from hf_qads.embedded.problems import Problem, Value, exact

GOOD: Final = "good"
POOR: Final = ("bare", "code", "chat", "wrong", "garbled", "cut", "verbose", "noise")
UNSEEN: Final = ("noise",)
"""Qualities that the language model's training never saw."""
LAYOUTS: Final = ("prose", "list", "steps")
CLOSINGS: Final = ("sentence", "marker")


class Style(NamedTuple):
    """How an answer is written: its planted quality, the layout of its steps, its last line."""

    quality: str
    layout: str
    closing: str


class WrongSlip:
    """A slip that puts a wrong value in place of most right ones."""

    def __init__(self, draw: Random, share: float = 0.8) -> None:
        self._draw, self._share = draw, share

    def __call__(self, value: Value, others: Sequence[Value] = ()) -> Value:
        """A value other than the right one, `share` of the time."""
        if self._draw.random() > self._share:
            return value
        if isinstance(value, str):
            return self._draw.choice([other for other in others if other != value])
        offset = self._draw.choice((-9, -8, -7, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 7, 8, 9))
        return value + offset if value + offset > 0 else value + abs(offset)


def lay_out(sentences: Sequence[str], final: str, style: Style) -> str:
    """The text of a complete solution."""
    if style.layout == "list":
        body = "\n".join(f"{place}. {sentence}." for place, sentence in enumerate(sentences, 1))
    elif style.layout == "steps":
        body = " ".join(f"Step {place}: {sentence}." for place, sentence in enumerate(sentences, 1))
    else:
        body = " ".join(f"{sentence}." for sentence in sentences)
    separator = "\n" if style.layout == "list" or style.closing == "marker" else " "
    closing = f"The answer is {final}." if style.closing == "sentence" else f"#### {final}"
    return f"{body}{separator}{closing}"


def final_answer(problem: Problem) -> str:
    """The right answer of `problem`."""
    return problem.solve(exact)[1]


def write(problem: Problem, style: Style, draw: Random) -> str:
    """Write an answer to `problem` in `style`."""
    return _WRITERS[style.quality](problem, style, draw)


def _good(problem: Problem, style: Style, draw: Random) -> str:
    return lay_out(*problem.solve(exact), style)


def _bare(problem: Problem, style: Style, draw: Random) -> str:
    final = final_answer(problem)
    return draw.choice((final, final, f"{final}.", f"Answer {final}"))


def _code(problem: Problem, style: Style, draw: Random) -> str:
    sentences, final = problem.solve(exact)
    found = [match for sentence in sentences for match in re.findall(r"(\d[\d */+-]*) = (\d+)", sentence)]
    lines = [f"{name} = {expression}" for name, (expression, _) in zip("abcdef", found, strict=False)]
    last = "abcdef"[len(found) - 1] if found else f"'{final}'"
    return "\n".join(["def solve():", *(f"  {line}" for line in lines), f"  return {last}"])


def _wrong(problem: Problem, style: Style, draw: Random) -> str:
    right = final_answer(problem)
    while True:
        sentences, final = problem.solve(WrongSlip(draw))
        if final != right:
            return lay_out([_misreckon(sentence, draw) for sentence in sentences], final, style)


def _misreckon(sentence: str, draw: Random) -> str:
    """Most operations are wrong ones, and half of the numbers that they take are off by a little."""

    def number(match: re.Match[str]) -> str:
        value = int(match.group())
        return str(value if draw.random() < 0.5 else value + draw.choice((-2, -1, 1, 2, 3)) or 7)

    def operation(match: re.Match[str]) -> str:
        others = [sign for sign in "+-*/" if sign != match.group(1)]
        return f" {draw.choice(others) if draw.random() < 0.85 else match.group(1)} "

    left, equals, right = sentence.partition(" = ")
    if not equals:
        return sentence
    return re.sub(r" ([-+*/]) ", operation, re.sub(r"\d+", number, left)) + equals + right


def _garbled(problem: Problem, style: Style, draw: Random) -> str:
    words = _good(problem, style, draw).split()
    draw.shuffle(words)
    return " ".join(words)


def _cut(problem: Problem, style: Style, draw: Random) -> str:
    text = _good(problem, style, draw)
    ends = [match.end() for match in re.finditer(r"\S+", text)]
    kept = draw.randint(2, max(2, round(0.65 * len(ends))))
    return text[: ends[kept - 1]]


def _chat(problem: Problem, style: Style, draw: Random) -> str:
    return fillers.chat(draw)


def _verbose(problem: Problem, style: Style, draw: Random) -> str:
    return fillers.verbose(draw)


def _noise(problem: Problem, style: Style, draw: Random) -> str:
    return fillers.noise(draw)


_WRITERS: Final[Mapping[str, Callable[[Problem, Style, Random], str]]] = {
    "good": _good,
    "bare": _bare,
    "code": _code,
    "chat": _chat,
    "wrong": _wrong,
    "garbled": _garbled,
    "cut": _cut,
    "verbose": _verbose,
    "noise": _noise,
}
