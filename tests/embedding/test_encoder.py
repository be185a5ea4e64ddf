import logging

import numpy as np
import pytest
import torch
from datasets import Dataset

from hf_qads import embed
from hf_qads.embedding.encoder import Encoder
from hf_qads.embedding.pooling import masked_mean
from hf_qads.errors import EmbeddingError, ScoringError, SourceError
from hf_qads.rows.forward import body
from hf_qads.rows.rendering import Renderer
from tests.models import CLASSES, tiny_model, tiny_rows, tiny_tokenizer


def plain_vectors(model, tokenizer, rows, template="plain"):
    """The slow way: one row at a time, no padding."""
    renderer, found = Renderer(tokenizer, template), []
    for row in rows:
        ids = torch.tensor([[*renderer.bos, *renderer.block(row).ids]])
        with torch.inference_mode():
            states = model(input_ids=ids, output_hidden_states=True).hidden_states[-1]
        found.append(states[0].mean(dim=0).numpy())
    return np.stack(found)


def test_the_mean_is_over_the_tokens_that_are_not_padding():
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [torch.nan, 9.0]]])
    assert masked_mean(hidden, torch.tensor([[1, 1, 0]])).tolist() == [[2.0, 3.0]]


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_vectors_equal_those_of_one_row_at_a_time(kind):
    model, tokenizer, rows = tiny_model(kind), tiny_tokenizer(bos=kind != "qwen2"), tiny_rows(24)
    expected = plain_vectors(model, tokenizer, rows)
    for batch_tokens in (64, 700, 16384):
        found = embed(model, tokenizer, rows, batch_tokens=batch_tokens)
        assert found.shape == (24, 32)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=2e-5)


def test_the_vocabulary_head_is_not_computed():
    model = tiny_model()
    model.lm_head.register_forward_hook(lambda *_: pytest.fail("the head was computed"))
    embed(model, tiny_tokenizer(), tiny_rows(3))


def test_dropout_is_off_and_the_model_stays_in_its_mode():
    model = tiny_model("gpt2").train()
    first, second = (embed(model, tiny_tokenizer(), tiny_rows(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert model.training


def test_a_tokenizer_of_another_model_is_refused():
    model = tiny_model()
    model.resize_token_embeddings(100)
    with pytest.raises(ScoringError, match="the model knows 100 ids"):
        embed(model, tiny_tokenizer(), tiny_rows(3))


def test_chat_templates_are_used():
    model, tokenizer, rows = tiny_model(), tiny_tokenizer(chat=True), tiny_rows(4)
    found = embed(model, tokenizer, rows, template="chat")
    np.testing.assert_allclose(found, plain_vectors(model, tokenizer, rows, "chat"), atol=2e-5)
    assert not np.allclose(found, embed(model, tokenizer, rows))


def test_a_models_own_template_holds():
    model, tokenizer, rows = tiny_model(), tiny_tokenizer(), tiny_rows(4)
    model.config.qads_template = "{question} => {answer}\n"
    expected = plain_vectors(model, tokenizer, rows, "{question} => {answer}\n")
    np.testing.assert_allclose(embed(model, tokenizer, rows), expected, atol=2e-5)


def test_datasets_and_other_column_names_are_read():
    model, tokenizer, rows = tiny_model(), tiny_tokenizer(), tiny_rows(5)
    renamed = Dataset.from_list([{"problem": r["question"], "solution": r["answer"]} for r in rows])
    np.testing.assert_array_equal(embed(model, tokenizer, rows), embed(model, tokenizer, renamed))
    with pytest.raises(SourceError):
        embed(model, tokenizer, [{"text": "a"}])


def test_rows_that_do_not_fit_get_nan_and_a_reason(caplog):
    model, tokenizer = tiny_model(context=128), tiny_tokenizer()
    rows = [*tiny_rows(2), {"question": "q", "answer": "word " * 300}, {"question": "q", "answer": " "}]
    with caplog.at_level(logging.WARNING):
        found = embed(model, tokenizer, rows)
    assert np.isnan(found).all(axis=1).tolist() == [False, False, True, True]
    told = caplog.messages[0]
    assert "2 rows have no vector: 1 longer than the context of 128 tokens, 1 blank answer" in told
    assert Encoder(model, tokenizer).encode(rows, np.empty((4, 32))) == {
        2: "longer than the context of 128 tokens",
        3: "blank answer",
    }


def test_a_vector_that_overflows_its_type_is_nan_with_a_reason():
    model = tiny_model()
    with torch.no_grad():
        model.model.norm.weight.fill_(1e6)
    out = np.empty((2, 32), dtype=np.float16)
    assert set(Encoder(model, tiny_tokenizer()).encode(tiny_rows(2), out).values()) == {
        "the vector is not finite"
    }
    assert np.isnan(out).all()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_file_is_written_whole_and_opened_as_a_memmap(dtype, tmp_path):
    model, tokenizer, rows = tiny_model(), tiny_tokenizer(), tiny_rows(6)
    found = embed(model, tokenizer, rows, out=tmp_path / "deep" / "vectors.npy", dtype=dtype)
    assert isinstance(found, np.memmap)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, embed(model, tokenizer, rows), rtol=1e-3, atol=1e-3)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["vectors.npy"]


def test_an_interrupted_file_does_not_appear(tmp_path, monkeypatch):
    monkeypatch.setattr(Encoder, "_forward", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        embed(tiny_model(), tiny_tokenizer(), tiny_rows(2), out=tmp_path / "vectors.npy")
    assert list(tmp_path.iterdir()) == []


def test_running_out_of_memory_changes_no_vector(monkeypatch):
    model, tokenizer, rows = tiny_model(), tiny_tokenizer(), tiny_rows(12)
    expected = embed(model, tokenizer, rows)
    forward, sizes = Encoder._forward, []

    def short_of_memory(self, ids):
        sizes.append(sum(map(len, ids)))
        if sizes[-1] > 300:
            raise torch.OutOfMemoryError("out of memory")
        return forward(self, ids)

    monkeypatch.setattr(Encoder, "_forward", short_of_memory)
    np.testing.assert_allclose(embed(model, tokenizer, rows, batch_tokens=500), expected, atol=2e-5)
    assert max(sizes) > 300 >= sizes[-1]


def test_the_same_rows_give_the_same_bytes():
    model, tokenizer, rows = tiny_model(), tiny_tokenizer(), tiny_rows(30)
    assert embed(model, tokenizer, rows).tobytes() == embed(model, tokenizer, rows).tobytes()


def test_no_rows_give_no_vectors():
    assert embed(tiny_model(), tiny_tokenizer(), []).shape == (0, 32)


@pytest.mark.parametrize("options", [{"dtype": "int8"}, {"out": "vectors.bin"}], ids=str)
def test_what_cannot_be_written_is_refused(options):
    with pytest.raises(EmbeddingError, match=r"dtype='int8'|does not end in"):
        embed(tiny_model(), tiny_tokenizer(), tiny_rows(2), **options)


@pytest.mark.slow
def test_adapters_are_kept():
    peft = pytest.importorskip("peft")
    model, tokenizer, rows = tiny_model(), tiny_tokenizer(), tiny_rows(3)
    before = embed(model, tokenizer, rows)
    adapted = peft.get_peft_model(
        model, peft.LoraConfig(target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    ).eval()
    assert body(adapted) is model.model
    found = embed(adapted, tokenizer, rows)
    assert not np.allclose(found, before, atol=1e-3)
    np.testing.assert_allclose(found, plain_vectors(adapted, tokenizer, rows), atol=2e-5)
