"""What lies beside the files of a run is named: while it reads, in the ledger, and at its end."""

import json

import pytest

from hf_qads.config.loading import parse
from hf_qads.errors import SourceError
from hf_qads.pipeline.checks import check
from hf_qads.pipeline.run import run
from hf_qads.pipeline.summary import conclusion
from tests.models import tiny_rows
from tests.pipeline.conftest import write_rows


@pytest.fixture
def asked(tmp_path, raw_config):
    """A config whose pool, anchors and test set are folders that hold more than is read."""
    for name, rows in (("sums", 60), ("target", 12)):
        (tmp_path / name).mkdir()
        write_rows(tmp_path / name / "train.jsonl", tiny_rows(rows, seed=1 if name == "sums" else 3))
        write_rows(tmp_path / name / "test.jsonl", tiny_rows(5, seed=7))
    raw_config["sources"][0]["path"] = str(tmp_path / "sums")
    raw_config["anchors"]["sources"] = [str(tmp_path / "target")]
    against = [{"path": str(tmp_path / "target"), "name": "gsm8k_test"}]
    raw_config["decontaminate"] = {"against": against, "drop": False}
    return raw_config


def test_a_run_names_every_file_that_it_passes_over(tmp_path, asked):
    said = []
    folder = run(parse(asked), tmp_path / "run", say=said.append)
    told = "\n".join(said)
    assert "sums: passed over test.jsonl (5 rows, split test)" in told
    assert "gsm8k_test: passed over train.jsonl (12 rows, split train)" in told
    assert "target: passed over test.jsonl (5 rows, split test)" in told
    passed = folder.line("pool")["details"]["passed_over"]
    assert {(one["source"], one["name"], one["rows"]) for one in passed} == {
        ("sums", "test.jsonl", 5),
        ("gsm8k_test", "train.jsonl", 12),
    }
    [line] = [line for line in conclusion(folder).splitlines() if line.startswith("Passed over: ")]
    for one in ("sums: test.jsonl (5 rows", "gsm8k_test: train.jsonl (12 rows", "target: test.jsonl (5 rows"):
        assert one in line
    facts = json.loads((folder.rows_folder("sums") / "facts.json").read_text())
    assert facts["passed_over"] == [{"name": "test.jsonl", "why": "split test", "rows": 5}]


def test_a_folder_that_has_to_be_explained_stops_a_run_before_any_work(tmp_path, asked):
    (tmp_path / "sums" / "train.jsonl").rename(tmp_path / "sums" / "sums.jsonl")
    with pytest.raises(SourceError, match=r"test.jsonl \(split test\), beside .* none: sums.jsonl"):
        check(parse(asked))
    asked["sources"][0]["split"] = "train"
    check(parse(asked))
