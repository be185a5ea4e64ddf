import logging

import numpy as np
import pytest
import torch
from datasets import Dataset

from hf_qads.errors import ScoringError
from hf_qads.rows import backbone
from hf_qads.rows.backbone import Backbone
from hf_qads.rows.rendering import Renderer
from hf_qads.runtime import packing
from hf_qads.scoring.influence import shared_prefix
from hf_qads.scoring.influence.influence import influence
from tests.models import CHATML_WITH_BOS, CLASSES, tiny_model, tiny_rows, tiny_tokenizer

PROMPTS = tiny_rows(9, seed=1)
ANCHORS = tiny_rows(6, seed=2)
TOKENIZERS = {
    "bos": ({}, "plain"),
    "no bos": ({"bos": False}, "plain"),
    "chat": ({"chat": True}, "chat"),
    "chat that writes bos": ({"chat": CHATML_WITH_BOS}, "chat"),
    "no pad": ({"pad": False}, "{question}\n{answer}\n"),
}


def by_hand(model, tokenizer, prompts, anchors, template="plain"):
    """Eq. 1 and 2 pair by pair, by one forward pass each and log-softmax over all logits."""
    renderer = Renderer(tokenizer, template)

    def score(before, block):
        ids = [*renderer.bos, *before, *block.ids]
        with torch.no_grad():
            log_probs = model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
        shift = len(ids) - len(block.ids)
        return np.mean([float(log_probs[shift + j - 1, ids[shift + j]]) for j in range(*block.answer)])

    blocks = renderer.blocks(anchors)
    zero_shot = np.array([score([], block) for block in blocks])
    examples = renderer.blocks(prompts)
    return np.array([[score(example.ids, block) for block in blocks] for example in examples]), zero_shot


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize("kind", CLASSES)
def test_equals_a_plain_forward_pass_pair_by_pair(kind, tokenizer):
    options, template = TOKENIZERS[tokenizer]
    model, tokens = tiny_model(kind), tiny_tokenizer(**options)
    one_shot, zero_shot = by_hand(model, tokens, PROMPTS[:4], ANCHORS[:4], template)
    result = influence(model, tokens, PROMPTS[:4], ANCHORS[:4], template=template)
    np.testing.assert_allclose(result.one_shot, one_shot, atol=1e-5)
    np.testing.assert_allclose(result.zero_shot, zero_shot, atol=1e-5)
    clear = np.abs(one_shot - zero_shot) > 1e-4
    assert kind == "mistral" or clear.mean() > 0.9  # its window hides most of the example
    assert ((result.wins == 1) == (one_shot > zero_shot))[clear].all()


@pytest.mark.parametrize("kind", ["llama", "mistral"])
def test_eager_attention_gives_the_same_scores(kind):
    model = tiny_model(kind)
    by_sdpa = influence(model, tiny_tokenizer(), PROMPTS, ANCHORS)
    model.set_attn_implementation("eager")
    by_eager = influence(model, tiny_tokenizer(), PROMPTS, ANCHORS)
    np.testing.assert_allclose(by_eager.one_shot, by_sdpa.one_shot, atol=1e-5)
    assert model.config._attn_implementation == "eager"


def test_layers_of_both_kinds_of_attention_are_masked_each_in_its_way():
    model = tiny_model("qwen3")
    config = model.config
    config.use_sliding_window, config.sliding_window = True, 16
    config.layer_types = ["sliding_attention", "full_attention"]
    model = type(model)(config).eval()
    one_shot, _ = by_hand(model, tiny_tokenizer(), PROMPTS[:3], ANCHORS)
    result = influence(model, tiny_tokenizer(), PROMPTS[:3], ANCHORS)
    np.testing.assert_allclose(result.one_shot, one_shot, atol=1e-5)
    config.layer_types = ["full_attention", "full_attention"]
    without = influence(type(model)(config).eval(), tiny_tokenizer(), PROMPTS[:3], ANCHORS)
    assert np.abs(without.one_shot - one_shot).max() > 1e-3  # the window does matter here


def test_the_models_own_head_is_followed_where_it_bounds_its_logits():
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    model = Gemma2ForCausalLM(
        Gemma2Config(
            vocab_size=384,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
            sliding_window=20,
            final_logit_softcapping=0.5,
            initializer_range=0.3,
            attn_implementation="eager",
        )
    ).eval()
    one_shot, zero_shot = by_hand(model, tiny_tokenizer(), PROMPTS[:3], ANCHORS)
    result = influence(model, tiny_tokenizer(), PROMPTS[:3], ANCHORS)
    np.testing.assert_allclose(result.one_shot, one_shot, atol=1e-5)
    np.testing.assert_allclose(result.zero_shot, zero_shot, atol=1e-5)


def test_an_adapter_counts():
    peft = pytest.importorskip("peft")
    model = tiny_model()
    plain = influence(model, tiny_tokenizer(), PROMPTS, ANCHORS)
    torch.manual_seed(0)
    adapter = peft.LoraConfig(r=4, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    adapted = peft.get_peft_model(model, adapter).eval()
    one_shot, _ = by_hand(adapted, tiny_tokenizer(), PROMPTS, ANCHORS)
    result = influence(adapted, tiny_tokenizer(), PROMPTS, ANCHORS)
    np.testing.assert_allclose(result.one_shot, one_shot, atol=1e-5)
    assert np.abs(result.one_shot - plain.one_shot).max() > 1e-3


def test_a_model_that_cannot_share_is_scored_whole_and_says_so(caplog, monkeypatch):
    expected = influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS)
    monkeypatch.setattr(packing, "_SHARED_TYPES", {"sliding_attention"})
    own = tiny_model()
    own.config.layer_types = ["full_attention"] * 2
    with caplog.at_level(logging.WARNING):
        result = influence(own, tiny_tokenizer(), PROMPTS, ANCHORS)
    assert "cannot share examples" in caplog.text
    np.testing.assert_allclose(result.one_shot, expected.one_shot, atol=1e-5)


def test_sharing_that_does_not_reproduce_the_model_is_not_used(caplog, monkeypatch):
    expected = influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS)
    monkeypatch.setattr(packing, "_merged", lambda found, lse, other, weight: found)
    with caplog.at_level(logging.WARNING):
        result = influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS)
    assert "cannot share examples" in caplog.text
    np.testing.assert_allclose(result.one_shot, expected.one_shot, atol=1e-5)


@pytest.mark.parametrize("batch_tokens", [64, 300, 5000])
@pytest.mark.parametrize("joined", [1, 10_000])
def test_batch_size_and_packing_change_nothing(batch_tokens, joined, monkeypatch):
    expected = influence(tiny_model("qwen2"), tiny_tokenizer(), PROMPTS, ANCHORS)
    monkeypatch.setitem(shared_prefix._SIZES, "cpu", shared_prefix.Sizes(joined, 100_000))
    result = influence(tiny_model("qwen2"), tiny_tokenizer(), PROMPTS, ANCHORS, batch_tokens=batch_tokens)
    np.testing.assert_allclose(result.one_shot, expected.one_shot, atol=1e-5)
    np.testing.assert_allclose(result.zero_shot, expected.zero_shot, atol=1e-5)


def test_few_more_tokens_are_forwarded_than_needed():
    result = influence(tiny_model(), tiny_tokenizer(), tiny_rows(40, seed=4), tiny_rows(20, seed=5))
    forwarded, least = result.tokens_per_pair
    blocks = Renderer(tiny_tokenizer()).blocks(tiny_rows(40, seed=4))
    assert (
        least < sum(len(block.ids) for block in blocks) / 40 + 5
    )  # about one anchor, not example and anchor
    assert least <= forwarded < 1.02 * least


def test_the_head_never_sees_more_than_a_few_answer_tokens_at_once(monkeypatch):
    monkeypatch.setitem(backbone._LOGITS_AT_ONCE, "cpu", 384 * 20)
    sizes = []
    original = Backbone._logits
    monkeypatch.setattr(
        Backbone,
        "_logits",
        lambda self, hidden, targets: sizes.append(len(hidden)) or original(self, hidden, targets),
    )
    result = influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS)
    assert max(sizes) == 20
    renderer = Renderer(tiny_tokenizer())
    answers = sum(b.answer[1] - b.answer[0] for b in renderer.blocks(ANCHORS))
    checked = max(b.answer[1] - b.answer[0] for b in renderer.blocks(ANCHORS))
    assert sum(sizes) <= answers * (1 + len(PROMPTS)) + 2 * checked
    assert np.isfinite(result.win_rate).all()


def test_win_rate_is_the_share_of_anchors_improved():
    result = influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS)
    for row in range(len(PROMPTS)):
        wins = [float(result.one_shot[row, i] > result.zero_shot[i]) for i in range(len(ANCHORS))]
        assert result.win_rate[row] == pytest.approx(sum(wins) / 6)
    assert result.pairs.tolist() == [6] * 9
    assert result.reasons == [None] * 9
    assert result.left_out == {}


def test_several_sets_have_their_own_scores_and_their_mean():
    sets = {"maths": ANCHORS[:4], "chat": ANCHORS[4:]}
    result = influence(tiny_model(), tiny_tokenizer(), PROMPTS, sets)
    assert list(result.sets) == ["maths", "chat"]
    alone = influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS[4:])
    np.testing.assert_allclose(result.sets["chat"].one_shot, alone.one_shot, atol=1e-6)
    mean = (result.sets["maths"].win_rate + result.sets["chat"].win_rate) / 2
    np.testing.assert_allclose(result.win_rate, mean, rtol=1e-6)
    assert result.one_shot.shape == (9, 6)
    assert set(result.columns()) == {
        "qads_influence",
        "qads_influence_pairs",
        "qads_influence_low",
        "qads_influence_high",
        "qads_reason",
        "qads_influence_length_controlled",
        "qads_influence_maths",
        "qads_influence_chat",
    }
    assert result.columns()["qads_influence"].dtype == np.float32
    assert result.columns()["qads_influence_pairs"].dtype == np.int32


def test_an_anchor_is_not_scored_against_itself(caplog):
    twin = {**ANCHORS[2], "question": ANCHORS[2]["question"].upper() + "!", "answer": "another"}
    with caplog.at_level(logging.WARNING):
        result = influence(tiny_model(), tiny_tokenizer(), [PROMPTS[0], twin], ANCHORS)
    assert np.isnan(result.one_shot[1, 2])
    assert result.pairs.tolist() == [6, 5]
    assert list(result.left_out.values()) == [1]
    assert "1 of 12 pairs were not scored" in caplog.text


def test_datasets_are_read_as_lists_are():
    with_lists = influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS)
    with_datasets = influence(
        tiny_model(), tiny_tokenizer(), Dataset.from_list(PROMPTS), {"a": Dataset.from_list(ANCHORS)}
    )
    assert with_datasets.one_shot.tobytes() == with_lists.one_shot.tobytes()


def test_equal_calls_give_equal_bytes():
    first, second = (influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS) for _ in range(2))
    assert first.one_shot.tobytes() == second.one_shot.tobytes()


def test_a_training_model_is_scored_without_dropout_and_left_as_it_was():
    model = tiny_model("gpt2")  # its config has dropout
    expected = influence(model, tiny_tokenizer(), PROMPTS, ANCHORS)
    model.train()
    result = influence(model, tiny_tokenizer(), PROMPTS, ANCHORS)
    assert model.training
    np.testing.assert_array_equal(result.one_shot, expected.one_shot)


def test_half_precision_models_get_float32_logits():
    model = tiny_model().to(torch.bfloat16)
    expected = influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS)
    result = influence(model, tiny_tokenizer(), PROMPTS, ANCHORS)
    np.testing.assert_allclose(result.one_shot, expected.one_shot, atol=0.1)
    assert len(np.unique(result.one_shot)) == result.one_shot.size  # bfloat16 logits would tie


def test_log_probabilities_of_a_half_precision_model_are_those_of_a_float32_product():
    half = tiny_model(scale=0.5).to(torch.bfloat16)
    hidden = torch.randn(50, 32, generator=torch.Generator().manual_seed(0)).bfloat16() * 3
    targets = torch.arange(50)
    with torch.inference_mode():
        exact = (hidden.float() @ half.lm_head.weight.float().t()).log_softmax(-1)
        rounded = (hidden @ half.lm_head.weight.t()).float().log_softmax(-1)
        found = Backbone(half).log_probs(hidden, targets)
    error = (found - exact[targets, targets]).abs().max()
    assert error < 0.1 * (rounded - exact)[targets, targets].abs().max()


def test_an_own_template_of_the_model_is_used():
    model = tiny_model()
    plain = influence(model, tiny_tokenizer(), PROMPTS, ANCHORS)
    model.config.qads_template = "Q: {question} A: {answer}\n"
    own = influence(model, tiny_tokenizer(), PROMPTS, ANCHORS)
    given = influence(
        tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS, template="Q: {question} A: {answer}\n"
    )
    np.testing.assert_array_equal(own.one_shot, given.one_shot)
    assert not np.array_equal(own.one_shot, plain.one_shot)


def test_half_of_the_memory_is_tried_when_it_runs_out(caplog, monkeypatch):
    expected = influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS)
    original = shared_prefix.SharedPrefix._pack
    calls = []

    def fails_twice(self, rows, prefix, anchors):
        calls.append(len(anchors))
        if len(calls) in (4, 6):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return original(self, rows, prefix, anchors)

    monkeypatch.setattr(shared_prefix.SharedPrefix, "_pack", fails_twice)
    with caplog.at_level(logging.WARNING):
        result = influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS, batch_tokens=1000)
    assert "batch_tokens=500" in caplog.text
    assert "batch_tokens=250" in caplog.text
    np.testing.assert_allclose(result.one_shot, expected.one_shot, atol=1e-5)


def test_an_error_that_is_not_about_memory_is_raised_as_it_is(monkeypatch):
    original = shared_prefix.SharedPrefix._pack
    calls = []

    def breaks(self, rows, prefix, anchors):
        calls.append(len(anchors))
        if len(calls) > 3:
            raise RuntimeError("a bug")
        return original(self, rows, prefix, anchors)

    monkeypatch.setattr(shared_prefix.SharedPrefix, "_pack", breaks)
    with pytest.raises(RuntimeError, match="a bug"):
        influence(tiny_model(), tiny_tokenizer(), PROMPTS, ANCHORS)


def test_a_model_whose_head_is_not_its_output_embedding_is_an_error():
    model = tiny_model()
    forward = model.forward

    def doubled(*args, **kwargs):
        output = forward(*args, **kwargs)
        output.logits = output.logits * 2
        return output

    model.forward = doubled
    with pytest.raises(ScoringError, match="cannot be scored by its body and output embedding"):
        influence(model, tiny_tokenizer(), PROMPTS, ANCHORS)


def test_no_output_embedding_is_an_error():
    with pytest.raises(ScoringError, match="no language-model head"):
        influence(tiny_model().model, tiny_tokenizer(), PROMPTS, ANCHORS)
