import shutil

import pytest
import torch

from hf_qads.embedded import language_model_path
from hf_qads.errors import ModelError
from hf_qads.runtime import models
from hf_qads.runtime.devices import fast_bfloat16
from hf_qads.runtime.models import check_model, fingerprint, load_model, pick_dtype, public_name
from tests.models import tiny_model, tiny_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_model().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def test_a_folder_is_loaded_as_float32_on_a_cpu_and_ready_to_evaluate(folder):
    model, tokenizer = load_model(folder, device="cpu")
    assert model.dtype == torch.float32
    assert not model.training
    assert tokenizer.is_fast


def test_dtype_and_context_are_as_asked(folder):
    model, _ = load_model(folder, device="cpu", dtype="bfloat16", max_length=20)
    assert model.dtype == torch.bfloat16
    assert model.config.max_position_embeddings == 20


def test_the_embedded_model_has_a_name():
    model, _ = load_model("embedded", device="cpu")
    assert public_name(model.config.name_or_path) == "embedded"
    assert fingerprint("embedded") == fingerprint(language_model_path())


def test_an_adapter_is_loaded_with_its_base(folder, tmp_path):
    from peft import LoraConfig, get_peft_model

    adapted = get_peft_model(tiny_model(), LoraConfig(target_modules="all-linear", init_lora_weights=False))
    adapted.peft_config["default"].base_model_name_or_path = str(folder)
    adapted.save_pretrained(tmp_path / "adapter")
    tiny_tokenizer().save_pretrained(tmp_path / "adapter")
    ids = torch.tensor([[5, 6, 7, 8]])
    loaded, _ = load_model(tmp_path / "adapter", device="cpu")
    plain, _ = load_model(folder, device="cpu")
    with torch.no_grad():
        torch.testing.assert_close(loaded(ids).logits, adapted.eval()(ids).logits)
        assert not torch.allclose(loaded(ids).logits, plain(ids).logits)


def test_pickled_weights_are_never_loaded(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "pickled")
    (tmp_path / "pickled" / "model.safetensors").unlink()
    torch.save(tiny_model().state_dict(), tmp_path / "pickled" / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        load_model(tmp_path / "pickled", device="cpu")


@pytest.mark.parametrize("name", ["./none", "/none", "~/none", "runs/none/model"])
def test_a_path_that_is_not_there_is_said_to_be_none(name):
    with pytest.raises(ModelError, match="There is no model at"):
        check_model(name)


def test_a_fingerprint_goes_with_weights_config_and_tokenizer_and_nothing_else(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "training.json").write_text('{"seconds": 3}')
    (copy / "README.md").write_text("a card")
    assert fingerprint(copy) == fingerprint(folder)
    tiny_model(seed=1).save_pretrained(copy)
    changed = fingerprint(copy)
    assert changed != fingerprint(folder)
    (copy / "tokenizer.json").write_text((copy / "tokenizer.json").read_text() + " ")
    assert fingerprint(copy) not in (changed, fingerprint(folder))
    assert fingerprint("org/base", revision="a") != fingerprint("org/base", revision="b")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("embedded", "embedded"),
        ("org/base-1b", "org/base-1b"),
        ("/home/me/models/base", "base"),
        ("~/base/", "base"),
        ("C:\\Users\\me\\base", "base"),
        ("runs/mine/model", "mine-model"),
        ("runs/mine/model-10pct", "model-10pct"),
        ("./base", "base"),
    ],
)
def test_a_public_name_is_never_a_local_path(name, shown):
    assert public_name(name) == shown


def test_auto_is_bfloat16_where_the_processor_is_fast_in_it_and_the_model_is_large(folder, monkeypatch):
    monkeypatch.setattr(models, "fast_bfloat16", lambda: True)
    assert pick_dtype(folder, device="cpu") == "float32"
    monkeypatch.setattr(models, "_WORTH_HALF", 1000)
    assert pick_dtype(folder, device="cpu") == "bfloat16"
    assert load_model(folder, device="cpu")[0].dtype == torch.bfloat16
    assert pick_dtype("embedded", device="cpu") == "float32"
    monkeypatch.setattr(models, "fast_bfloat16", lambda: False)
    assert pick_dtype(folder, device="cpu") == "float32"


def test_the_processors_flags_are_read():
    assert isinstance(fast_bfloat16(), bool)
