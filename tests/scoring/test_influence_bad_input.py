import numpy as np
import pytest
import torch
from tokenizers import normalizers

from hf_qads import embed
from hf_qads.errors import ScoringError
from hf_qads.rows.rendering import Renderer
from hf_qads.scoring.influence.influence import influence
from tests.models import tiny_model, tiny_rows, tiny_tokenizer

PROMPTS = tiny_rows(4, seed=1)
ANCHORS = tiny_rows(3, seed=2)


def scored(prompts=PROMPTS, anchors=ANCHORS, *, context=512, **options):
    model = tiny_model("gpt2")  # its positions are learned, so that one beyond the last is an error
    model.config.max_position_embeddings = context
    return influence(model, tiny_tokenizer(), prompts, anchors, **options)


@pytest.mark.parametrize(
    ("prompts", "anchors", "message"),
    [
        ([], ANCHORS, "no prompts"),
        (PROMPTS, [], "no anchors of 'anchors'"),
        (PROMPTS, {}, "no anchor sets"),
        (PROMPTS, {"maths": ANCHORS, "chat": []}, "no anchors of 'chat'"),
        (
            PROMPTS,
            {"maths": ANCHORS, "low": ANCHORS},
            "cannot be called 'low': qads_influence_low is another column",
        ),
        (PROMPTS, {"pairs": ANCHORS}, "cannot be called 'pairs'"),
        (
            [{"text": "a"}],
            ANCHORS,
            r"prompts cannot be read: no question and answer among the columns \['text'\]",
        ),
        (
            PROMPTS,
            [{"question": "Why?", "answer": " "}],
            "No anchor of 'anchors' can be scored.*'Why\\?': blank answer",
        ),
    ],
)
def test_nothing_to_score_is_an_error_that_says_what_is_missing(prompts, anchors, message):
    with pytest.raises(ScoringError, match=message):
        scored(prompts, anchors)


def test_rows_without_an_answer_are_left_out_with_a_reason_and_a_count():
    empty = {**PROMPTS[0], "answer": ""}
    result = scored([PROMPTS[1], empty, PROMPTS[2]], [*ANCHORS, {"question": "x", "answer": "\ud800"}])
    assert np.isfinite(result.win_rate).tolist() == [True, False, True]
    assert result.reasons == [None, "blank answer", None]
    assert result.pairs.tolist() == [3, 0, 3]
    assert result.anchor_reasons == [None, None, None, "text that is not valid Unicode"]
    assert result.left_out == {
        "prompt row: blank answer": 4,
        "anchor: text that is not valid Unicode": 2,
    }
    assert np.isnan(result.columns()["qads_influence_low"][1])


def test_only_prompt_rows_that_cannot_be_scored_give_only_reasons():
    result = scored([{"question": "a", "answer": ""}], ANCHORS)
    assert np.isnan(result.win_rate).all()
    assert result.reasons == ["blank answer"]
    assert np.isfinite(result.zero_shot).all()


def test_what_does_not_fit_the_context_is_left_out_and_the_rest_is_not_cut():
    renderer = Renderer(tiny_tokenizer())
    long_row = {"question": "Long?", "answer": "word " * 300}
    middling = {"question": "Middling?", "answer": "1 + " * 40}
    needed = sorted(block.answer[1] - 1 for block in renderer.blocks(ANCHORS))
    context = 1 + len(renderer.block(middling).ids) + needed[1]  # enough for the middling row and two anchors
    result = scored([*PROMPTS, long_row, middling], [*ANCHORS, long_row], context=context)
    too_long = f"longer than the context of {context} tokens"
    assert result.reasons == [None, None, None, None, too_long, None]
    assert result.anchor_reasons == [None, None, None, too_long]
    np.testing.assert_allclose(result.one_shot[:4, :3], scored().one_shot, atol=1e-5)
    assert result.pairs.tolist() == [3, 3, 3, 3, 0, 2]
    assert result.left_out == {f"prompt row: {too_long}": 4, f"anchor: {too_long}": 5, f"pair: {too_long}": 1}


def test_a_context_that_is_exactly_enough_is_enough():
    renderer = Renderer(tiny_tokenizer())
    prompt, anchor = renderer.block(PROMPTS[0]), renderer.block(ANCHORS[0])
    needed = 1 + len(prompt.ids) + anchor.answer[1] - 1
    assert scored(PROMPTS[:1], ANCHORS[:1], context=needed).pairs[0] == 1
    assert scored(PROMPTS[:1], ANCHORS[:1], context=needed - 1).pairs[0] == 0


def test_an_anchor_without_any_token_before_its_answer_has_a_reason():
    result = scored(PROMPTS, [*ANCHORS, {"question": "", "answer": "seven"}], template="{question}{answer}\n")
    assert result.anchor_reasons[3] == "blank question"
    assert result.pairs.tolist() == [3, 3, 3, 3]


def test_a_tokenizer_of_another_model_is_an_error():
    model = tiny_model()
    model.resize_token_embeddings(100)
    with pytest.raises(ScoringError, match="the model knows 100 ids"):
        influence(model, tiny_tokenizer(), PROMPTS, ANCHORS)


def test_a_model_without_a_tokenizer_is_an_error():
    with pytest.raises(ScoringError, match="fast tokenizer"):
        influence(tiny_model(), None, PROMPTS, ANCHORS)


def test_a_model_that_gives_nan_is_an_error_that_names_a_row():
    model = tiny_model()
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(ScoringError, match=r"no finite log-probability.*Ann has"):
        influence(model, tiny_tokenizer(), PROMPTS, ANCHORS)


def test_a_nan_for_some_rows_leaves_those_out():
    tokenizer = tiny_tokenizer()
    model = tiny_model()
    with torch.no_grad():  # only rows that hold this token are spoiled
        model.model.embed_tokens.weight[tokenizer.encode("~", add_special_tokens=False)[0]] = float("nan")
    spoiled = {"question": "~", "answer": "~~"}
    result = influence(model, tokenizer, [*PROMPTS, spoiled], [*ANCHORS, spoiled])
    assert np.isfinite(result.win_rate).tolist() == [True] * 4 + [False]
    assert result.anchor_reasons[3] is not None
    assert np.isnan(result.zero_shot).tolist() == [False] * 3 + [True]
    assert result.pairs.tolist() == [3, 3, 3, 3, 0]
    assert sum(result.left_out.values()) == 4 + 4


def test_a_budget_of_no_tokens_is_an_error():
    with pytest.raises(ScoringError, match="batch_tokens=0"):
        scored(batch_tokens=0)


@pytest.mark.parametrize(
    "turn",
    [
        lambda row: {"instruction": row["question"], "input": "", "output": row["answer"]},
        lambda row: {"problem": row["question"], "solution": row["answer"]},
        lambda row: {"prompt": row["question"], "completion": row["answer"]},
        lambda row: {"query": row["question"], "response": row["answer"]},
        lambda row: {
            "messages": [
                {"role": "user", "content": row["question"]},
                {"role": "assistant", "content": row["answer"]},
            ]
        },
    ],
    ids=["instruction", "problem", "prompt", "query", "messages"],
)
def test_every_usual_column_pair_is_taken_as_embed_takes_it(turn):
    expected = scored(PROMPTS, ANCHORS)
    result = scored([turn(row) for row in PROMPTS], [turn(row) for row in ANCHORS])
    np.testing.assert_array_equal(result.one_shot, expected.one_shot)
    tokenizer = tiny_tokenizer()
    vectors = embed(tiny_model(), tokenizer, [turn(row) for row in PROMPTS])
    np.testing.assert_array_equal(vectors, embed(tiny_model(), tokenizer, PROMPTS))


def test_a_question_that_the_tokenizer_drops_leaves_no_token_before_the_answer():
    tokenizer = tiny_tokenizer(bos=False)
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("~", "")
    anchors = [*ANCHORS, {"question": "~", "answer": "seven"}]
    result = influence(tiny_model(), tokenizer, PROMPTS, anchors, template="{question}{answer}\n")
    assert result.anchor_reasons[3] == "no token stands before the answer"
    assert result.pairs.tolist() == [3, 3, 3, 3]
