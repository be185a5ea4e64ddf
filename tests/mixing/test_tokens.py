import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_qads.mixing.tokens import Tokens, words
from hf_qads.schema import normalise_question

TEXT = st.text(
    st.sampled_from("aB1 2,_-ß\u00e9\uff11\u4e2d\u6587\u30ab\u30fb\u0301\n\ufb01"), max_size=12
) | st.text(max_size=8)


def test_words_split_at_everything_but_letters_and_digits():
    assert words("What is 3.5 + x_2?  IT'S") == ["what", "is", "3", "5", "x", "2", "it", "s"]


def test_chinese_characters_are_tokens_of_their_own():
    assert words("小明有12个Apple。") == ["小", "明", "有", "12", "个", "apple"]


@settings(max_examples=100, deadline=None)
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
            assert (a == b) == (normalise_question(left) == normalise_question(right))


def test_ngrams_stay_inside_their_text():
    hashes, owners = Tokens(["a b c d", "", "c d", "b c d e"]).ngrams(3)
    assert owners.tolist() == [0, 0, 3, 3]
    assert hashes[1] == hashes[2]  # "b c d" in both
    assert len(set(hashes.tolist())) == 3


def test_no_texts_and_no_tokens_do_no_harm():
    assert len(Tokens([])) == 0
    assert Tokens(["", "?!"]).ngrams(2)[0].tolist() == []
    assert np.array_equal(Tokens(["?", ""]).borders, [0, 0, 0])
