"""A tiny pool on disk, a tiny model, and a config over both."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.models import tiny_model, tiny_rows, tiny_tokenizer


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Questions and answers as JSON lines."""
    lines = [json.dumps({"question": r["question"], "answer": r["answer"]}, ensure_ascii=False) for r in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tiny_model().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def raw_config(tmp_path, model_folder):
    """A config as a user writes it: a source of each kind and one anchor set."""
    write_rows(tmp_path / "sums.jsonl", tiny_rows(60, seed=1))
    write_rows(tmp_path / "chat.jsonl", tiny_rows(40, seed=2))
    write_rows(tmp_path / "target.jsonl", tiny_rows(12, seed=3))
    return {
        "name": "tiny",
        "model": str(model_folder),
        "sources": [
            {"path": str(tmp_path / "sums.jsonl"), "kind": "reasoning"},
            {"path": str(tmp_path / "chat.jsonl"), "kind": "general"},
        ],
        "anchors": {"sources": [str(tmp_path / "target.jsonl")], "size": 6},
        "prompts": 20,
        "experience": {"share": 0.2, "epochs": 1, "learning_rate": 1e-3, "global_batch": 8},
        "scorer": {"epochs": 1, "learning_rate": 1e-3, "global_batch": 8},
        "select": {"start": 4},
        "subsets": [0.5],
    }


@pytest.fixture
def config_file(tmp_path, raw_config):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(raw_config), encoding="utf-8")
    return path
