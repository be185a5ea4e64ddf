"""The real clients against the test Hub: what they push, others pull."""

import subprocess
import sys

import pytest

from tests.hub_server import Fault, HubServer

ROUND_TRIP = """
import numpy as np
from datasets import Dataset, load_dataset
from huggingface_hub import HfApi, DatasetCard

rows = Dataset.from_dict({"question": ["1+1?", "2+2?"], "answer": ["2", "4"]})
rows.push_to_hub("me/rows")
rows.push_to_hub("me/rows", config_name="small")
assert load_dataset("me/rows", split="train")["answer"][:] == ["2", "4"]
assert [r["answer"] for r in load_dataset("me/rows", "small", split="train", streaming=True)] == ["2", "4"]
assert "dataset_info" in DatasetCard.load("me/rows").content
api = HfApi()
api.create_repo("me/space", repo_type="space", space_sdk="gradio")
api.upload_file(path_or_fileobj=b"print(1)", path_in_repo="app.py", repo_id="me/space", repo_type="space")
first = api.repo_info("me/space", repo_type="space").sha
api.upload_file(path_or_fileobj=b"print(1)", path_in_repo="app.py", repo_id="me/space", repo_type="space")
assert api.repo_info("me/space", repo_type="space").sha == first
assert sorted(api.list_repo_files("me/space", repo_type="space")) == [".gitattributes", "app.py"]
assert api.whoami()["name"] == "me"
"""

MODEL_TRIP = """
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from peft import LoraConfig, PeftModel, get_peft_model

sizes = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=32)
config = LlamaConfig(**sizes)
model = LlamaForCausalLM(config)
model.push_to_hub("me/model")
again = LlamaForCausalLM.from_pretrained("me/model")
assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values()))
lora = get_peft_model(again, LoraConfig(r=2, target_modules=["q_proj"]))
lora.push_to_hub("me/lora")
PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained("me/model"), "me/lora")
"""


def client(hub, home, code, *, token=True):
    env = hub.env(home) if token else hub.env(home, token=None)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=env, capture_output=True, text=True, timeout=300
    )


def test_datasets_and_spaces_go_round(tmp_path):
    with HubServer() as hub:
        done = client(hub, tmp_path, ROUND_TRIP)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_models_and_adapters_go_round(tmp_path):
    pytest.importorskip("peft")
    with HubServer() as hub:
        done = client(hub, tmp_path, MODEL_TRIP)
    assert done.returncode == 0, done.stderr


def test_private_repositories_are_hidden_from_strangers(tmp_path):
    with HubServer() as hub:
        code = "from huggingface_hub import HfApi; HfApi().create_repo('me/secret', private=True)"
        assert client(hub, tmp_path / "a", code).returncode == 0
        code = "from huggingface_hub import HfApi; HfApi().repo_info('me/secret')"
        assert client(hub, tmp_path / "a", code).returncode == 0
        assert "RepositoryNotFound" in client(hub, tmp_path / "b", code, token=False).stderr


def test_a_fault_comes_as_often_as_asked(tmp_path):
    with HubServer() as hub:
        hub.fail("GET", "whoami", Fault(status=418), times=1)
        code = "from huggingface_hub import HfApi; HfApi().whoami()"
        assert client(hub, tmp_path, code).returncode != 0
        assert client(hub, tmp_path, code).returncode == 0
