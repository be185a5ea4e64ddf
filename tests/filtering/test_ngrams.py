import unicodedata

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hf_qads.filtering.ngrams import Tokens, gaps, words
from hf_qads.schema import normalise_question

PARTS = (
    "1",
    "20",
    "300",
    "000",
    ",",
    "{,}",
    ",\\!",
    ".",
    "0",
    "x",
    " ",
    "\\frac",
    "\\dfrac ",
    "{",
    "}",
    "\uff11",
)
TEXT = (
    st.text(st.sampled_from("aB1 2,_-ß\u00e9\uff11\u4e2d\u6587\u30ab\u30fb\u0301\n\ufb01"), max_size=12)
    | st.text(max_size=8)
    | st.lists(st.sampled_from(PARTS), max_size=8).map("".join)
)


def test_words_split_at_everything_but_letters_and_digits():
    assert words("What is 3.5 + x_2?  IT'S") == ["what", "is", "3", "5", "x", "2", "it", "s"]


def test_chinese_characters_are_tokens_of_their_own():
    assert words("小明有12个Apple。") == ["小", "明", "有", "12", "个", "apple"]


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("$1,000 or 12,345,678.", "$1000 or 12345678."),
        ("Rs.40,000", "Rs. 40000"),
        ("10{,}000 and 10,\\!000 and 10\\,000", "10000 and 10000 and 10000"),
        ("3.50 and 0.250%", "3.5 and 0.25%"),
        ("$3.00, 20.0", "$3, 20"),
        ("1,200.50", "1200.5"),
        ("\uff11\uff0c\uff10\uff10\uff10", "1000"),
        ("\\dfrac{a}{b} \\tfrac{\\sqrt{3}}{2} \\cfrac 34", "\\frac{a}{b} \\frac{\\sqrt{3}}{2} \\frac{3}{4}"),
        ("\\frac12x \\frac1{2}x \\frac{1}2x \\frac ab", "\\frac{1}{2} x " * 3 + "\\frac{a}{b}"),
        ("\\frac{1\\frac16}w", "\\frac{1\\frac{1}{6}}{w}"),
    ],
)
def test_numbers_and_fractions_have_one_format(written, plain):
    assert words(written) == words(plain)
    assert Tokens([written]).hashes.tolist() == Tokens([plain]).hashes.tolist()
    assert Tokens([written]).whole == Tokens([plain]).whole


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("1,2,3", ["1", "2", "3"]),
        ("(1,000,2) 2,1,000", ["1", "000", "2", "2", "1", "000"]),
        ("1234,567 0,123 1,0000 7, 100", ["1234", "567", "0", "123", "1", "0000", "7", "100"]),
        ("1.10.2 10.0.0.1", ["1", "10", "2", "10", "0", "0", "1"]),
        ("100 3.05 20.", ["100", "3", "05", "20"]),
        ("fraction \\fraction", ["fraction", "fraction"]),
    ],
)
def test_lists_versions_and_other_words_stay_as_they_are(text, tokens):
    assert words(text) == tokens


def test_gaps_are_what_stands_around_the_tokens():
    assert gaps("(1,000 + x)?") == ["(", " + ", ")?"]
    assert gaps("?") == ["?"]


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT, max_size=5))
def test_hashes_agree_with_words(texts):
    tokens = Tokens(texts)
    assert tokens.counts.tolist() == [len(words(text)) for text in texts]
    for text, start, stop in zip(texts, tokens.borders[:-1], tokens.borders[1:], strict=True):
        alone = [Tokens([word]).hashes for word in words(text)]
        assert tokens.hashes[start:stop].tolist() == [h for hashes in alone for h in hashes.tolist()]


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXT, max_size=6))
def test_texts_with_the_same_letters_and_digits_have_the_same_hash(texts):
    whole = Tokens(texts).whole
    for left, a in zip(texts, whole, strict=True):
        if not words(left):
            assert a == 0
            continue
        for right, b in zip(texts, whole, strict=True):
            assert (a == b) == ("".join(words(left)) == "".join(words(right)))


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_letters_and_digits_are_those_of_a_normalised_question(text):
    assume(
        words(text)
        and not any(mark in unicodedata.normalize("NFKC", text).lower() for mark in (",", ".", "frac"))
    )
    assert "".join(words(text)) == normalise_question(text)


def test_ngrams_stay_inside_their_text():
    hashes, owners = Tokens(["a b c d", "", "c d", "b c d e"]).ngrams(3)
    assert owners.tolist() == [0, 0, 3, 3]
    assert hashes[1] == hashes[2]  # "b c d" in both
    assert len(set(hashes.tolist())) == 3


def test_no_texts_and_no_tokens_do_no_harm():
    assert len(Tokens([])) == 0
    assert Tokens(["", "?!"]).ngrams(2)[0].tolist() == []
    assert np.array_equal(Tokens(["?", ""]).borders, [0, 0, 0])
