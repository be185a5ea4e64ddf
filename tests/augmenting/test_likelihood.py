"""GRAPE's log-probability of answers without the first token of each step, on a model worked out by hand."""

import math
from types import SimpleNamespace

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PretrainedConfig, PreTrainedTokenizerFast

from hf_qads.augmenting.likelihood import StepLikelihood
from hf_qads.rows.rendering import Renderer
from tests.models import tiny_model, tiny_tokenizer

# Whatever stands before it, a word has this probability; the rest of the vocabulary shares what is left.
CHANCE = {"one": 1 / 2, "two": 1 / 4, "three": 1 / 8, ".": 1 / 16}
WORDS = ["<unk>", *CHANCE, "Question", "Answer", ":", "why"]


class Unigram(torch.nn.Module):
    """A language model that pays no heed to what was said."""

    device = torch.device("cpu")
    config = PretrainedConfig(max_position_embeddings=64)

    def forward(self, tokens, use_cache):
        rest = (1 - sum(CHANCE.values())) / (len(WORDS) - len(CHANCE))
        said = torch.tensor([CHANCE.get(word, rest) for word in WORDS]).log()
        return SimpleNamespace(logits=said.expand(*tokens.shape, len(WORDS)))


@pytest.fixture
def score():
    core = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("isolated")]
    )
    return StepLikelihood(Unigram(), PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>"))


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        ("one two three", ["two", "three"]),  # one step
        ("one two.\ntwo three", ["two", ".", "three"]),  # two, at a line's end
        ("one two. two three.", ["two", ".", "three", "."]),  # two, at a sentence's end
        ("three one", ["one"]),  # however improbable its first word
    ],
)
def test_the_first_token_of_each_step_does_not_count(score, answer, counted):
    by_hand = sum(math.log(CHANCE[word]) for word in counted) / len(counted)
    assert score([("why", answer)]) == pytest.approx([by_hand], abs=1e-6)


def test_an_answer_of_first_tokens_only_has_no_score(score):
    assert math.isnan(score([("why", "one")])[0])


def test_more_steps_of_the_same_words_score_the_same(score):
    short, long = score([("why", "three one one"), ("why", "three one one\nthree one one\nthree one one")])
    assert short == pytest.approx(long, abs=1e-6) == pytest.approx(math.log(1 / 2), abs=1e-6)


def test_a_batch_of_answers_scores_as_each_by_itself():
    model, tokenizer = tiny_model(), tiny_tokenizer()
    pairs = [("How many?", "3 + 4 = 7. The answer is 7."), ("Why?", "So.\nIt is 8, and that is all of it.")]
    together = StepLikelihood(model, tokenizer)(pairs)
    assert together == pytest.approx(
        [StepLikelihood(model, tokenizer)([pair])[0] for pair in pairs], abs=1e-5
    )
    # Against the model's own log-probabilities, token by token, of the first pair.
    renderer = Renderer(tokenizer, "plain")
    rendered = renderer.text({"question": pairs[0][0], "answer": pairs[0][1]})
    encoded = tokenizer(rendered.text, add_special_tokens=False, return_offsets_mapping=True)
    ids = [*renderer.bos, *encoded["input_ids"]]
    with torch.no_grad():
        said = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    start, stop = rendered.answer
    second = start + pairs[0][1].index("The")
    found = [
        float(said[place - 1 + len(renderer.bos), token])
        for place, (token, (first, last)) in enumerate(
            zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        )
        if start < last <= stop and not first <= start < last and not first <= second < last
    ]
    assert together[0] == pytest.approx(sum(found) / len(found), abs=1e-5)
