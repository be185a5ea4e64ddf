"""Which right paths are kept: one per list of equations, by three rules."""

from collections import Counter
from random import Random

import pytest

from hf_qads.augmenting.keeping import choose, edit_distance, equation_key

A = "First 3 * 4 = 12. The answer is 12."
A_TOO = "So we get 3*4=12 at once. The answer is 12."
B = "First 4 * 3 = 12. The answer is 12."
C = "We add 4 + 4 = 8 and then 8 + 4 = 12, which makes a dozen of them. The answer is 12."


def test_paths_with_the_same_equations_are_one():
    assert equation_key(A) == equation_key(A_TOO) != equation_key(B)
    chosen = choose([A, A_TOO, B], most=9, rule="random", draw=Random(0))
    assert (len(chosen.places), chosen.repeats) == (2, 1)
    assert 2 in chosen.places


def test_paths_without_equations_are_compared_by_their_words():
    assert equation_key("It is  twelve.") == equation_key("it is twelve.") != equation_key("It is ten.")


def test_a_known_answers_equations_are_not_kept_again():
    chosen = choose([A, A_TOO, B], most=9, rule="random", draw=Random(0), known=[A])
    assert (chosen.places, chosen.repeats) == ([2], 2)


@pytest.mark.parametrize("rule", ["random", "different", "likely"])
def test_no_more_are_kept_than_asked_for(rule):
    chosen = choose([A, B, C], most=2, rule=rule, draw=Random(1), scores=[-1.0, -2.0, -3.0])
    assert len(set(chosen.places)) == 2
    assert choose([], most=2, rule=rule, draw=Random(1), scores=[]).places == []


def test_random_takes_each_equally_often():
    counts = Counter(
        choose([A, B, C], most=1, rule="random", draw=Random(seed)).places[0] for seed in range(3000)
    )
    assert all(900 < counts[place] < 1100 for place in range(3))


def test_likely_takes_the_highest_scores_and_nan_last():
    scores = [-0.9, -0.1, float("nan")]
    assert choose([A, B, C], most=2, rule="likely", draw=Random(0), scores=scores).places == [1, 0]
    assert choose([A, B, C], most=3, rule="likely", draw=Random(0), scores=scores).places == [1, 0, 2]


def test_different_takes_those_farthest_from_the_known_and_the_taken():
    # to A: B differs in two words, C in far more; then B is all that is left
    assert choose([A, B, C], most=2, rule="different", draw=Random(0), known=["a b"]).places[0] == 2
    assert choose([A_TOO, B, C], most=1, rule="different", draw=Random(0), known=[A]).places == [2]


def test_of_paths_with_the_same_equations_different_takes_the_farther_one():
    chosen = choose([A, A_TOO], most=1, rule="different", draw=Random(0), known=[B])
    assert chosen.places == [1]


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("", "", 0),
        ("a b c", "", 3),
        ("a b c", "a x c", 1),
        ("a b c", "b c", 1),
        ("kitten sat", "sat kitten", 2),
    ],
)
def test_edit_distance_counts_words(one, other, distance):
    assert edit_distance(one.split(), other.split()) == distance
