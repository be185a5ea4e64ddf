"""A run whose sources and anchors come over HTTP has the bytes of one on the same files here."""

import os

import datasets
import pyarrow.parquet as pq
import pytest
import yaml

from hf_qads.cli import main
from hf_qads.config import loading
from hf_qads.errors import SourceError
from hf_qads.pipeline import run as pipeline
from hf_qads.publishing.facts.facts import public
from tests.models import tiny_rows
from tests.pipeline.conftest import write_rows
from tests.web_folder import serving


@pytest.fixture
def address(tmp_path, raw_config, monkeypatch):
    """Where the files of the config are shown."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    with serving(tmp_path) as shown:
        yield shown


def test_a_source_at_a_place_is_read_once_and_again_when_it_changes(tmp_path, raw_config, address, capsys):
    pipeline.run(loading.parse(raw_config), tmp_path / "here", until="pool", say=lambda line: None)
    sources = [{**one, "path": f"{address}/{os.path.basename(one['path'])}"} for one in raw_config["sources"]]
    anchors = {**raw_config["anchors"], "sources": [f"{address}/target.jsonl"]}
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump({**raw_config, "sources": sources, "anchors": anchors}))
    command = ["run", str(config), "--out", str(tmp_path / "there"), "--until", "pool"]
    assert main(command) == 0
    names = ["sums/part-00000.parquet", "chat/part-00000.parquet"]
    for name in names:
        there, here = (tmp_path / run / "pool" / name for run in ("there", "here"))
        assert there.read_bytes() == here.read_bytes()
    capsys.readouterr()
    assert main(command) == 0
    assert "rows in" not in capsys.readouterr().out  # nothing to do
    write_rows(tmp_path / "chat.jsonl", tiny_rows(41, seed=2))
    assert main(command) == 0
    assert f"files.{address}/chat.jsonl was" in capsys.readouterr().out
    assert pq.read_metadata(tmp_path / "there" / "pool" / names[1]).num_rows == 41


def test_a_missing_file_at_a_place_stops_a_run_before_any_work(tmp_path, raw_config, address):
    raw = {**raw_config, "sources": [f"{address}/missing.jsonl"]}
    with pytest.raises(SourceError, match=r"missing.jsonl is not there \(.*404"):
        pipeline.run(loading.parse(raw), tmp_path / "out", say=lambda line: None)
    assert not (tmp_path / "out").exists()


def test_addresses_of_buckets_and_keys_stay_out_of_what_is_published():
    told = public({"sources": [{"path": "s3://bucket/deep/rows.jsonl"}, {"path": "https://h/a.csv?key=1"}]})
    assert told == {"sources": [{"path": "rows.jsonl"}, {"path": "a.csv"}]}
    assert public({"path": "hf://datasets/me/x/a.csv"}) == {"path": "hf://datasets/me/x/a.csv"}
