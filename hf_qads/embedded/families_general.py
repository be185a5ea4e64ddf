"""General reasoning without arithmetic: days, sizes, kinds of things, heights."""

from random import Random
from typing import Final

from hf_qads.embedded.problems import NAMES, Problem, Slip

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
BY_SIZE: Final = ("ant", "bee", "mouse", "rat", "cat", "dog", "goat", "pig", "horse", "cow", "whale")
KINDS: Final = {
    "fruit": ("apple", "pear", "plum", "lemon", "peach", "grape"),
    "tool": ("hammer", "saw", "drill", "file", "axe", "rake"),
    "colour": ("red", "blue", "green", "yellow", "pink", "brown"),
    "bird": ("owl", "crow", "duck", "hen", "swan", "robin"),
}


def weekday(draw: Random) -> Problem:
    """Which day it is some days later."""
    name, start, later = draw.choice(NAMES), draw.randrange(7), draw.randint(2, 4)
    thing = draw.choice(("a course", "a job", "a trip", "a book", "a diet", "a test"))
    end = draw.choice(("ends", "stops"))

    def solve(slip: Slip) -> tuple[list[str], str]:
        sentences, day = [], DAYS[start]
        for _ in range(later):
            following = slip(DAYS[(DAYS.index(day) + 1) % 7], DAYS)
            sentences.append(f"The day after {day} is {following}")
            day = following
        return sentences, day

    return Problem(
        f"{name} starts {thing} on {DAYS[start]} and {end} {later} days later. On which day is that?", solve
    )


def largest(draw: Random) -> Problem:
    """The largest of some animals."""
    animals = draw.sample(BY_SIZE, draw.choice((3, 3, 4)))

    def solve(slip: Slip) -> tuple[list[str], str]:
        sentences, best = [], animals[0]
        for animal in animals[1:]:
            right = max(best, animal, key=BY_SIZE.index)
            bigger = slip(right, (best, animal))
            smaller = animal if bigger == best else best
            sentences.append(f"A {bigger} is larger than a {smaller}")
            best = bigger
        return sentences, best

    return Problem(f"Which is the largest: {', '.join(animals[:-1])} or {animals[-1]}?", solve)


def odd_one_out(draw: Random) -> Problem:
    """The one of three that is of another kind."""
    kind, other = draw.sample(sorted(KINDS), 2)
    things = [*draw.sample(KINDS[kind], 2), draw.choice(KINDS[other])]
    odd = things[2]
    draw.shuffle(things)

    def solve(slip: Slip) -> tuple[list[str], str]:
        found = slip(odd, things)
        sentences = [f"The word {thing} names a {kind}" for thing in things if thing != found]
        return [*sentences, f"The word {found} names no {kind}"], found

    return Problem(f"Which word names no {kind}: {things[0]}, {things[1]} or {things[2]}?", solve)


def tallest(draw: Random) -> Problem:
    """The first of a chain of comparisons."""
    names = draw.sample(NAMES, 3)
    word, best = draw.choice((("taller", "tallest"), ("older", "oldest"), ("faster", "fastest")))

    def solve(slip: Slip) -> tuple[list[str], str]:
        top = slip(names[0], names)
        second, third = [name for name in names if name != top]
        return [f"{top} is {word} than {second}", f"{top} is {word} than {third}"], top

    return Problem(
        f"{names[0]} is {word} than {names[1]}. {names[1]} is {word} than {names[2]}. Who is the {best}?",
        solve,
    )
