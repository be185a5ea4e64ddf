"""The families of problems, by name; and which questions belong to training, pool, target and test."""

import hashlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from hf_qads.embedded import families_general as general
from hf_qads.embedded import families_numbers as numbers
from hf_qads.embedded import families_words as words
from hf_qads.embedded.problems import Draw, Family, Problem
from hf_qads.schema import normalise_question

WORDS: Final[Mapping[str, Family]] = {
    "shopping": words.shopping,
    "change": words.change,
    "sharing": words.sharing,
    "ages": words.ages,
    "travel": words.travel,
    "saving": words.saving,
    "reading": words.reading,
    "garden": words.garden,
}
NUMBERS: Final[Mapping[str, Family]] = {
    "equation": numbers.equation,
    "sequence": numbers.sequence,
    "mean": numbers.mean,
    "perimeter": numbers.perimeter,
    "area": numbers.area,
    "percent": numbers.percent,
    "days": numbers.days,
}
GENERAL: Final[Mapping[str, Draw]] = {
    "weekday": general.weekday,
    "largest": general.largest,
    "odd_one_out": general.odd_one_out,
    "tallest": general.tallest,
}
MATHS: Final[Mapping[str, Family]] = {**WORDS, **NUMBERS}
FAMILIES: Final[Mapping[str, Draw]] = {**WORDS, **NUMBERS, **GENERAL}

SPLITS: Final[Mapping[str, Sequence[int]]] = {
    "training": (0, 1, 2, 3, 4, 5),
    "pool": (6, 7),
    "target": (8,),
    "evaluation": (9,),
}


def split_of(question: str) -> str:
    """The split that a question belongs to, by a hash of its letters and digits.

    Splits are disjoint by construction: no question of the pool is ever trained on, watched or tested.
    """
    digest = hashlib.blake2b(normalise_question(question).encode(), digest_size=4).digest()
    bucket = int.from_bytes(digest, "little") % 10
    return next(split for split, buckets in SPLITS.items() if bucket in buckets)


def draw_problem(draw: Random, families: Sequence[str], split: str) -> tuple[str, Problem]:
    """Draw a problem of one of `families`, whose question belongs to `split`: its family and itself."""
    family = draw.choice(families)
    while True:
        problem = FAMILIES[family](draw)
        if split_of(problem.question) == split:
            return family, problem
