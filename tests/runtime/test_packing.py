import pytest
import torch
from transformers import Gemma2Config, Gemma2Model, MambaConfig, MambaModel

from hf_qads.runtime.packing import PackedBody, Prefix
from tests.models import CLASSES, tiny_model

LENGTHS = [7, 7, 30, 1, 12, 12, 12]


def drawn(rows, tokens):
    return torch.randint(0, 384, (rows, tokens), generator=torch.Generator().manual_seed(tokens))


def body(kind):
    if kind != "gemma2":
        return tiny_model(kind).base_model
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    more = {"num_key_value_heads": 2, "head_dim": 16, "sliding_window": 20, "initializer_range": 0.3}
    return Gemma2Model(Gemma2Config(vocab_size=384, attn_implementation="eager", **sizes, **more)).eval()


@pytest.mark.parametrize("kind", [*CLASSES, "gemma2"])
@torch.inference_mode()
def test_packed_sequences_have_the_hidden_states_that_each_has_alone(kind):
    model = body(kind)
    ids = drawn(1, sum(LENGTHS))
    found, kept = PackedBody(model).forward(ids, LENGTHS)
    assert kept == []
    for own, states in zip(ids.split(LENGTHS, dim=1), found.split(LENGTHS, dim=1), strict=True):
        torch.testing.assert_close(states, model(input_ids=own).last_hidden_state, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", [*CLASSES, "gemma2"])
@torch.inference_mode()
def test_sequences_after_a_prefix_have_the_hidden_states_of_the_whole(kind):
    model, prefixes = body(kind), [40, 5, 21]
    before, ids = drawn(1, sum(prefixes)), drawn(2, sum(LENGTHS))
    packed = PackedBody(model)
    _, layers = packed.forward(before, prefixes, keep=True)
    prefix = Prefix(layers, [0, 40, 45, 66]).rows(1, 3)
    assert prefix.lengths == [5, 21]
    found, _ = packed.forward(ids, LENGTHS, prefix=prefix)
    for row, example in enumerate(before[0].split(prefixes)[1:]):
        for own, states in zip(ids[row].split(LENGTHS), found[row].split(LENGTHS), strict=True):
            whole = model(input_ids=torch.cat([example, own])[None]).last_hidden_state[0, len(example) :]
            torch.testing.assert_close(states, whole, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_half_precision_is_as_close_to_float32_as_the_plain_pass():
    exact, half = body("llama"), body("llama").to(torch.bfloat16)
    ids = drawn(1, 60)
    expected = exact(input_ids=ids).last_hidden_state
    plain = half(input_ids=ids).last_hidden_state.float()
    _, layers = PackedBody(half).forward(ids[:, :40], [40], keep=True)
    found, _ = PackedBody(half).forward(ids[:, 40:], [20], prefix=Prefix(layers, [0, 40]))
    error, own = (found.float() - expected[:, 40:]).abs().mean(), (plain - expected)[:, 40:].abs().mean()
    assert error < 1.2 * own


@torch.inference_mode()
def test_the_models_own_attention_is_put_back():
    model = body("llama")
    PackedBody(model).forward(drawn(1, 4), [4])
    assert model.config._attn_implementation == "sdpa"


def test_layers_that_are_no_attention_are_refused():
    model = MambaModel(MambaConfig(vocab_size=384, hidden_size=16, num_hidden_layers=2)).eval()
    with torch.inference_mode(), pytest.raises((TypeError, ValueError)):
        PackedBody(model).forward(drawn(1, 8), [4, 4])


def test_layers_that_remember_otherwise_are_known_by_the_config():
    model = body("qwen3")
    assert PackedBody(model).shares
    model.config.layer_types = ["linear_attention", "full_attention"]
    assert not PackedBody(model).shares
