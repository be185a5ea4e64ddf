"""Test sets out of a folder: any known format, read as it is written."""

import gzip
import json

import pytest

from hf_qads.errors import EvaluationError
from hf_qads.pipeline.test_sets import read_test_set

ROWS = [{"question": "2^60 + 1?", "answer": "a", "final_answer": 2**60 + 1}]
ROWS += [{"question": "Half?", "answer": "a", "final_answer": 0.5}]


@pytest.mark.parametrize("name", ["gsm8k.jsonl.gz", "gsm8k.json", "gsm8k.jsonl"])
def test_a_test_set_may_have_any_known_format_and_its_golds_stay_exact(tmp_path, name):
    text = json.dumps(ROWS) if name.endswith("json") else "".join(json.dumps(row) + "\n" for row in ROWS)
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert [item.gold for item in read_test_set("gsm8k", data=tmp_path)] == ["1152921504606846977", "0.5"]


def test_a_folder_without_the_test_set_names_the_formats(tmp_path):
    (tmp_path / "gsm8k.txt").write_text("x")
    with pytest.raises(EvaluationError, match=r"holds no gsm8k.parquet, and none of another known format"):
        read_test_set("gsm8k", data=tmp_path)
