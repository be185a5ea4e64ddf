"""The embedded pool: several thousand problems in eight sources, with planted quality.

Each source draws its problems, qualities and forms from its own shares; anchors come from target sources with
good answers only; problems for evaluation repeat none of either. All follow from a seed.
"""

from collections.abc import Mapping
from random import Random
from typing import Final, NamedTuple, TypedDict

from hf_qads.embedded.families import GENERAL, NUMBERS, WORDS, draw_problem
from hf_qads.embedded.styles import CLOSINGS, GOOD, LAYOUTS, Style, final_answer, write
from hf_qads.errors import SourceError
from hf_qads.schema import content_key


class PoolRow(TypedDict):
    """A row of an embedded source; `final_answer` is the right one, whatever the answer says."""

    question: str
    answer: str
    final_answer: str
    planted: str
    family: str


class _Source(NamedTuple):
    kind: str
    rows: int
    families: tuple[str, ...]
    qualities: Mapping[str, float]
    layouts: tuple[float, float, float]
    closings: tuple[float, float]
    split: str = "pool"


_MATHS = (*WORDS, *NUMBERS)
_POOL_SOURCES: Final[Mapping[str, _Source]] = {
    "embedded_word_problems": _Source(
        "reasoning", 700, tuple(WORDS), {"good": 80, "cut": 8, "wrong": 8, "bare": 4}, (70, 20, 10), (80, 20)
    ),
    "embedded_number_lessons": _Source(
        "reasoning",
        600,
        tuple(NUMBERS),
        {"good": 70, "wrong": 12, "cut": 10, "verbose": 8},
        (35, 45, 20),
        (65, 35),
    ),
    "embedded_model_drafts": _Source(
        "reasoning", 600, _MATHS, {"good": 40, "wrong": 30, "cut": 25, "garbled": 5}, (50, 30, 20), (60, 40)
    ),
    "embedded_homework_answers": _Source(
        "reasoning", 500, _MATHS, {"good": 15, "bare": 50, "cut": 25, "chat": 10}, (60, 20, 20), (60, 40)
    ),
    "embedded_code_maths": _Source(
        "reasoning", 450, _MATHS, {"good": 12, "code": 73, "wrong": 10, "noise": 5}, (30, 30, 40), (30, 70)
    ),
    "embedded_web_maths": _Source(
        "reasoning",
        550,
        _MATHS,
        {"good": 15, "garbled": 30, "noise": 15, "wrong": 20, "verbose": 20},
        (40, 30, 30),
        (50, 50),
    ),
    "embedded_general_reasoning": _Source(
        "general",
        450,
        tuple(GENERAL),
        {"good": 70, "wrong": 10, "cut": 10, "bare": 10},
        (50, 25, 25),
        (70, 30),
    ),
    "embedded_chat": _Source(
        "general",
        350,
        tuple(GENERAL),
        {"good": 12, "chat": 58, "verbose": 20, "bare": 10},
        (40, 30, 30),
        (50, 50),
    ),
}
_TARGET_SOURCES: Final[Mapping[str, _Source]] = {
    "embedded_target": _Source("reasoning", 400, _MATHS, {"good": 1}, (55, 28, 17), (70, 30), "target"),
    "embedded_target_words": _Source(
        "reasoning", 300, tuple(WORDS), {"good": 1}, (70, 20, 10), (80, 20), "target"
    ),
}

_ALL: Final[Mapping[str, _Source]] = {**_POOL_SOURCES, **_TARGET_SOURCES}

SOURCES: Final[Mapping[str, str]] = {name: source.kind for name, source in _ALL.items()}
"""Every embedded source, and its kind: those of the pool, then those of anchors."""
POOL: Final[Mapping[str, str]] = {name: SOURCES[name] for name in _POOL_SOURCES}
"""The sources that selection chooses from."""


def rows(name: str, seed: int = 0) -> list[PoolRow]:
    """Draw the rows of one of `SOURCES`; the same seed gives the same rows.

    No row is drawn twice. Takes some 50 microseconds a row.

    Raises:
        SourceError: there is no embedded source of that name.
    """
    if name not in _ALL:
        raise SourceError(f"no embedded source is called {name!r}. Use one of {', '.join(_ALL)}.")
    return _draw(_ALL[name], Random(f"{name} {seed}"))


EVALUATION: Final[Mapping[str, tuple[str, ...]]] = {
    "embedded": _MATHS,
    "embedded_words": tuple(WORDS),
    "embedded_numbers": tuple(NUMBERS),
}
"""Test sets, and the families that their problems are of."""


def evaluation_rows(n: int, seed: int = 0, *, name: str = "embedded") -> list[PoolRow]:
    """Draw `n` maths problems with good answers, whose questions no source and no training document holds.

    Args:
        n: how many.
        seed: of the draw.
        name: one of `EVALUATION`.
    """
    target = _ALL["embedded_target"]._replace(rows=n, split="evaluation", families=EVALUATION[name])
    return _draw(target, Random(f"evaluation {seed}"))


def _draw(source: _Source, draw: Random) -> list[PoolRow]:
    drawn: list[PoolRow] = []
    seen: set[bytes] = set()
    qualities = list(source.qualities)
    while len(drawn) < source.rows:
        family, problem = draw_problem(draw, source.families, source.split)
        style = Style(
            draw.choices(qualities, weights=list(source.qualities.values()))[0],
            draw.choices(LAYOUTS, weights=source.layouts)[0],
            draw.choices(CLOSINGS, weights=source.closings)[0],
        )
        answer = write(problem, style, draw)
        key = content_key(problem.question, "" if style.quality == GOOD else answer)
        if key in seen:
            continue
        seen.add(key)
        drawn.append(
            {
                "question": problem.question,
                "answer": answer,
                "final_answer": final_answer(problem),
                "planted": style.quality,
                "family": family,
            }
        )
    return drawn
