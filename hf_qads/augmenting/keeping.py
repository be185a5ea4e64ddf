"""Which verified reasoning paths are kept: rejection sampling's de-duplication and three rules of choice.

Source: `different`, rejection-sampling fine-tuning (arXiv 2308.01825, section 3.3): one path per list of
equations, those that differ most by edit distance. `likely`: GRAPE (arXiv 2502.04194): the answers that the
model to be trained finds most probable.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, NamedTuple

from hf_qads.augmenting.equations import equations

RULES: Final = ("random", "different", "likely")
Likelihood = Callable[[Sequence[tuple[str, str]]], Sequence[float]]
"""Mean log-probability of each answer to its question under the model to be trained, in nats per token."""


def equation_key(text: str) -> str:
    """What makes two paths the same: their list of equations, or where there is none their words."""
    found = "|".join(equation.text for equation in equations(text))
    return found or "".join(text.casefold().split())


class Chosen(NamedTuple):
    """What is kept of the right paths of one question.

    Attributes:
        places: of the kept paths, in the order of choice.
        repeats: paths whose equations another path, or a known answer, has too.
    """

    places: list[int]
    repeats: int


def choose(
    texts: Sequence[str],
    *,
    most: int,
    rule: str,
    draw: Random,
    known: Sequence[str] = (),
    scores: Sequence[float] | None = None,
) -> Chosen:
    """Choose among the right paths of one question, one at most of those with the same equations.

    Args:
        texts: the paths.
        most: paths to keep.
        rule: `random` takes any; `different` those farthest from each other in words; `likely` those of the
            highest score.
        draw: source of chance.
        known: answers that are there already; a path with their equations is a repetition.
        scores: of the paths, for `likely`; a path with NaN comes last.
    """
    order = list(range(len(texts)))
    draw.shuffle(order)
    if rule == "likely" and scores is not None:
        order.sort(key=lambda place: -scores[place] if scores[place] == scores[place] else float("inf"))
    taken = {equation_key(text) for text in known}
    groups: dict[str, list[int]] = {}
    for place in order:
        if (key := equation_key(texts[place])) not in taken:
            groups.setdefault(key, []).append(place)
    fresh = list(groups.values())
    if rule == "different":
        places = _farthest(texts, fresh, known, most)
    else:
        places = [group[0] for group in fresh[:most]]
    return Chosen(places, len(texts) - len(fresh))


def _farthest(
    texts: Sequence[str], groups: Sequence[Sequence[int]], known: Sequence[str], most: int
) -> list[int]:
    """Greedily one path of a group whose edit distances to those known and taken add up to most."""
    words = [text.split() for text in texts]
    against = [text.split() for text in known]
    left, chosen = list(groups), list[int]()
    while left and len(chosen) < most:
        others = against or [words[place] for group in groups for place in group]
        far = {
            place: sum(edit_distance(words[place], other) for other in others)
            for group in left
            for place in group
        }
        best = max(far, key=lambda place: far[place])
        left = [group for group in left if best not in group]
        chosen.append(best)
        against.append(words[best])
    return chosen


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Least number of words to insert, delete or replace to turn one text into the other."""
    row = list(range(len(other) + 1))
    for i, word in enumerate(one, 1):
        diagonal, row[0] = row[0], i
        for j, against in enumerate(other, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != against))
    return row[-1]
