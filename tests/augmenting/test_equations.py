"""Equations in solutions, recomputed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_qads.augmenting.equations import equations, wrong_equations

HOLD = [
    ("They cost 3 * 4 = 12 dollars.", ["3*4=12"]),
    ("May: 48/2 = <<48/2=24>>24 clips. In all 48+24 = <<48+24=72>>72.", ["48/2=24", "48+24=72"]),
    ("She paid <<5*6=30>>30 dollars", ["5*6=30"]),
    ("1. They cost 3 * 4 = 12.\n2. In all 12 + 5 = 17.", ["3*4=12", "12+5=17"]),
    ("- 3 * 4 = 12", ["3*4=12"]),
    ("x = 3 * 4 = 12", ["3*4=12"]),
    ("12/60 = $0.2 per minute", ["12/60=0.2"]),
    ("100/3 = 33.33", ["100/3=33.33"]),  # rounded
    ("200/3 = 66.66", ["200/3=66.66"]),  # cut
    ("100/3 ≈ 33", ["100/3=33"]),
    ("20% of 50 = 10", ["20/100*50=10"]),
    ("5/25 = 20%", ["5/25=(20/100)"]),
    ("5/25 * 100 = 20%", ["5/25*100=(20/100)"]),
    ("5 apples * 3 = 15 apples", ["5*3=15"]),
    ("3 hours * 4 miles/hour = 12 miles", ["3*4=12"]),
    (r"$3 \times 4 = 12$", ["3*4=12"]),
    (r"\frac{1}{2} \times 8 = 4", ["((1)/(2))*8=4"]),
    ("$1,200 + $300 = $1,500", ["1200+300=1500"]),
    ("3 x 4 = 12.", ["3*4=12"]),
    ("3 \u00d7 4 = 12", ["3*4=12"]),
    ("**7 \u2212 3 = 4**", ["7-3=4"]),
    ("(2+3)*4=20", ["(2+3)*4=20"]),
    ("2 + 3 = 4 + 1 = 5", ["2+3=4+1", "4+1=5"]),
    ("2^10 = 1024", ["2^10=1024"]),
]


@pytest.mark.parametrize(("text", "found"), HOLD)
def test_equations_that_hold(text, found):
    assert [(one.text, one.holds) for one in equations(text)] == [(text, True) for text in found]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("3 + 4 = 8", ["3+4=8"]),
        ("so <<3+4=8>>7", ["3+4=8"]),
        ("100/3 = 33", ["100/3=33"]),
        ("100/3 = 33.44", ["100/3=33.44"]),
        ("The area is 4 * 5 = 21 square", ["4*5=21"]),
        ("2 + 3 = 5 + 1 = 6", ["2+3=5+1"]),  # the left equals sign does not hold
        ("7 - 9 = 2", ["7-9=2"]),
    ],
)
def test_equations_that_do_not_hold(text, wrong):
    assert wrong_equations(text) == wrong


@pytest.mark.parametrize(
    "text",
    [
        "2x + 3 = 7",
        "2 * 3 = 6n",
        "total - 3 = 9",
        "6 * n + 5 = 23",
        "5 = 5",
        "a-3 = 4",
        "no numbers",
        "= 3",
        "",
    ],
)
def test_what_holds_a_letter_or_calculates_nothing_is_no_equation(text):
    assert equations(text) == []


@pytest.mark.parametrize("text", ["9^9^9^9 = 3", "1 1/2 * 4 = 6", "3 / 0 = 1", "2(3+4)=14", "1.2.3 + 4 = 5"])
def test_what_cannot_be_worked_out_is_neither_right_nor_wrong(text):
    assert all(one.holds is None for one in equations(text))
    assert wrong_equations(text) == []


@given(st.integers(-999, 999), st.integers(-999, 999), st.sampled_from("+-*"), st.integers(-5, 5))
def test_an_equation_holds_exactly_where_its_right_side_is_the_result(left, right, sign, off):
    result = {"+": left + right, "-": left - right, "*": left * right}[sign]
    (found,) = equations(f"It is ({left}) {sign} ({right}) = {result + off} in all")
    assert found.holds is (off == 0)


@given(st.text(alphabet="0123456789+-*/=()^. x%$\n<>,{}\\≈", max_size=60))
def test_any_text_is_read_without_an_error(text):
    for found in equations(text):
        assert found.holds in (True, False, None)
