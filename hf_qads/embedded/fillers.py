"""Text that answers nothing: small talk, empty phrases, noise."""

from random import Random
from typing import Final

OPENERS: Final = ("Hi there!", "Oh, good question!", "Ha, sure!", "Thanks for asking!", "Hello!", "Well,")
SUBJECTS: Final = ("music", "the weather", "football", "my holiday", "cooking", "that new show", "my garden")
FEELINGS: Final = (
    "I really love",
    "I keep thinking about",
    "let me tell you about",
    "people talk a lot about",
)
CLOSERS: Final = (
    "How was your day?",
    "What do you think?",
    "See you soon!",
    "Have a nice evening!",
    "Tell me more about you.",
)
EMPTY: Final = (
    "This is an interesting question that deserves careful thought.",
    "There are many ways to look at it.",
    "It is important to consider every detail.",
    "One should always keep the big picture in mind.",
    "In general, such things depend on the situation.",
    "With some effort a result can be found.",
    "Many people have wondered about this before.",
    "It helps to stay calm and to be thorough.",
    "After reflection the result becomes clear.",
    "Every problem has its own difficulties.",
)
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789#?%&"


def chat(draw: Random) -> str:
    """Friendly words about something else."""
    about = [f"{draw.choice(FEELINGS)} {subject}." for subject in draw.sample(SUBJECTS, draw.randint(1, 2))]
    sentences = [draw.choice(OPENERS), *(sentence[0].upper() + sentence[1:] for sentence in about)]
    return " ".join([*sentences, draw.choice(CLOSERS)])


def verbose(draw: Random) -> str:
    """Sentences that fit every question and say nothing."""
    return " ".join(draw.sample(EMPTY, draw.randint(2, 4)))


def noise(draw: Random) -> str:
    """Random letters."""
    return " ".join("".join(draw.choices(LETTERS, k=draw.randint(2, 7))) for _ in range(draw.randint(4, 14)))
