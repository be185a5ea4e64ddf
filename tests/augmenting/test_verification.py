"""Reasoning paths judged: known answers, votes, equations."""

from hf_qads.augmenting import verification
from hf_qads.augmenting.verification import verify
from hf_qads.generation.engine import Output


def said(number, equation="2 + 3 = 5"):
    return Output(f"So {equation}. The answer is {number}.")


def reasons(outputs, gold=None, **settings):
    return [path.reason for path in verify(outputs, gold=gold, benchmark="gsm8k", **settings)]


def test_a_path_with_the_known_answer_and_equations_that_hold_is_kept():
    paths = verify(
        [said(5), said("5.0"), said(6), said(5, "2 + 3 = 6"), Output("I cannot say."), Output("")],
        gold="5",
        benchmark="gsm8k",
    )
    assert [path.reason for path in paths] == [
        None,
        None,
        verification.WRONG,
        verification.WRONG_EQUATION,
        verification.NO_ANSWER,
        verification.NO_ANSWER,
    ]
    assert [path.verified for path in paths] == [True, True, False, True, False, False]


def test_without_a_known_answer_the_majority_counts():
    paths = verify([said(5), said(5), said(7), Output("Well.")], gold=None, benchmark="gsm8k")
    assert [path.reason for path in paths] == [None, None, verification.OUTVOTED, verification.NO_ANSWER]
    assert [path.votes for path in paths] == [0.5, 0.5, 0.25, 0.0]
    assert not any(path.verified for path in paths)


def test_equal_answers_vote_together_however_they_are_written():
    paths = verify([said("1,000"), said("1000.00"), said("$1000"), said(3)], gold=None, benchmark="gsm8k")
    assert [path.votes for path in paths] == [0.75, 0.75, 0.75, 0.25]


def test_a_tie_is_no_majority():
    assert reasons([said(5), said(5), said(7), said(7)]) == [verification.NO_MAJORITY] * 4


def test_one_vote_is_no_majority():
    assert reasons([said(5), Output("Well."), Output("Hm.")])[0] == verification.NO_MAJORITY
    assert reasons([said(5), Output("Well.")], least_votes=1)[0] is None


def test_a_wrong_equation_is_counted_by_itself_and_still_votes():
    outputs = [said(5, "2 + 3 = 6"), said(5), said(7)]
    assert reasons(outputs) == [verification.WRONG_EQUATION, None, verification.OUTVOTED]


def test_answers_that_are_not_whole_have_the_engines_reason():
    outputs = [
        Output("The answer is 5.", "length"),
        Output("", "the server answered 500", failed=True),
        Output("", "prompt too long"),
    ]
    assert reasons(outputs, gold="5") == [
        verification.CUT_OFF,
        "the server answered 500",
        "prompt too long",
    ]
