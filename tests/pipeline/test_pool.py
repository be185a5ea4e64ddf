"""Rows that repeat another source or a benchmark are left out, and counted."""

import re

import pyarrow.parquet as pq
import pytest
import yaml

from hf_qads.config import loading
from hf_qads.errors import QaDSError, SourceMissing
from hf_qads.pipeline import run as pipeline
from hf_qads.pipeline.summary import conclusion
from hf_qads.publishing.facts.contamination import compared
from hf_qads.sources import BENCHMARKS
from tests.models import tiny_rows
from tests.pipeline.conftest import write_rows


def test_a_row_in_two_sources_is_kept_in_the_first_and_a_benchmark_question_is_dropped(tmp_path, raw_config):
    rows = tiny_rows(30, seed=5)
    paths = [
        write_rows(tmp_path / "first.jsonl", rows[:20]),
        write_rows(tmp_path / "second.jsonl", rows[15:]),
        write_rows(tmp_path / "bench.jsonl", rows[25:27]),
    ]
    raw = {
        **raw_config,
        "sources": [str(paths[0]), str(paths[1])],
        "decontaminate": {"against": [str(paths[2])], "ngram": 13},
    }
    run = pipeline.run(loading.parse(raw), tmp_path / "out", until="pool", say=lambda line: None)
    line = run.line("pool")
    assert line["left_out"] == {
        "second": {"same row in an earlier source": 5, "repeats a benchmark's question": 2}
    }
    assert [source["rows"] for source in line["details"]["sources"]] == [20, 8]
    first = run.table("first")
    named = [
        row_id for row_id, others in zip(first["row_id"], first["also_in"], strict=True) if others.as_py()
    ]
    assert len(named) == 5
    kept = loading.parse({**raw, "deduplicate": {"across_sources": "keep"}, "decontaminate": None})
    again = pipeline.run(kept, tmp_path / "out", until="pool", say=lambda line: None)
    assert [source["rows"] for source in again.line("pool")["details"]["sources"]] == [20, 15]
    assert again.line("pool")["details"]["duplicates"][0]["rows"] == 5
    assert (
        yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())["deduplicate"]["across_sources"]
        == "keep"
    )


def test_contamination_is_only_reported_where_rows_are_not_to_be_dropped(tmp_path, raw_config):
    rows = tiny_rows(30, seed=5)
    pool = write_rows(tmp_path / "pool.jsonl", rows)
    bench = write_rows(tmp_path / "bench.jsonl", rows[25:27])
    raw = {**raw_config, "sources": [str(pool)], "decontaminate": {"against": [str(bench)], "drop": False}}
    said = []
    run = pipeline.run(loading.parse(raw), tmp_path / "out", until="pool", say=said.append)
    line = run.line("pool")
    assert (line["left_out"], line["rows_out"]) == ({}, 30)
    assert line["details"]["contamination"][0]["rows"] == 2
    assert pq.read_table(run.folder("pool") / "contamination.parquet").num_rows == 2
    assert any("2 rows repeat a benchmark's question and are kept" in text for text in said)


def test_rows_are_compared_with_test_sets_where_a_config_does_not_speak_of_it(tmp_path, raw_config):
    rows = tiny_rows(30, seed=5)
    pool = write_rows(tmp_path / "pool.jsonl", rows)
    bench = write_rows(tmp_path / "bench.jsonl", rows[25:27])
    raw = {**raw_config, "sources": [str(pool)], "local_files": {"svamp": str(bench)}}
    said = []
    run = pipeline.run(loading.parse(raw), tmp_path / "out", until="pool", say=said.append)
    line = run.line("pool")
    assert line["left_out"] == {"pool": {"repeats a benchmark's question": 2}}
    assert line["details"]["compared"] == {"benchmarks": ["svamp"], "rows": 2, "dropped": True}
    gone = sorted(set(BENCHMARKS) - {"svamp"})
    assert sorted(run.missing("benchmark")) == gone
    (told,) = [text for text in said if "not compared with" in text]
    assert all(name in told for name in gone)
    told = compared(run).sentence()
    assert told.startswith("The rows were compared with the questions of svamp: 2 that repeat one were left")
    assert all(name in told.split("Not compared with ")[1] for name in gone)


def test_where_no_test_set_can_be_had_the_run_goes_on_and_says_so_to_the_end(tmp_path, raw_config):
    run = pipeline.run(loading.parse(raw_config), tmp_path / "out", say=lambda line: None)
    assert "The rows were compared with no test set: aqua_rat_test, gsm8k_test, " in conclusion(run)
    assert "compared with no test set" in (run.folder("mixture") / "README.md").read_text()
    assert "compared with no test set" in (run.folder("report") / "report.html").read_text()
    asked = loading.parse({**raw_config, "decontaminate": {"drop": True}})
    with pytest.raises(SourceMissing, match=r"gsm8k_test.*decontaminate: \{on_missing: skip\}"):
        pipeline.run(asked, tmp_path / "other", say=lambda line: None)


def test_sources_that_cannot_be_had_are_all_named_before_anything_is_read(tmp_path, raw_config):
    raw = {**raw_config, "sources": [*raw_config["sources"], "kpmath_plus", "dmath"]}
    with pytest.raises(SourceMissing) as error:
        pipeline.run(loading.parse(raw), tmp_path / "out", say=lambda line: None)
    assert re.match("not available: kpmath_plus, dmath", str(error.value))
    assert "local_files: {NAME: FILE}" in str(error.value)
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_a_run_goes_on_without_missing_sources_where_asked_and_says_so(tmp_path, raw_config):
    named = {
        "prompts": {"sums": 20, "chat": 20, "dmath": 20},
        "decontaminate": {"drop": False},
        "local_files": {},
    }
    benchmarks = [name for name in BENCHMARKS if BENCHMARKS[name].hub is not None]
    named["local_files"] = {name: str(tmp_path / "target.jsonl") for name in benchmarks}
    raw = {**raw_config, **named, "on_missing": "skip"}
    raw["sources"] = [*raw["sources"], "dmath"]
    raw["anchors"] = {**raw["anchors"], "sources": [*raw["anchors"]["sources"], "dmath"]}
    said = []
    run = pipeline.run(loading.parse(raw), tmp_path / "out", say=said.append)
    assert run.sources() == ["sums", "chat"]
    assert set(run.missing("source")) == set(run.missing("anchors")) == {"dmath"}
    assert set(run.missing("benchmark")) == set(BENCHMARKS) - set(benchmarks)
    assert "no copy on the Hub" in run.missing("source")["dmath"]
    assert any("without dmath (source)" in text for text in said)
    card = (run.folder("mixture") / "README.md").read_text()
    assert "because it was not available: dmath" in card
    assert "Asked for as anchors, and not used because they were not available: dmath" in card
    assert "Rows were chosen for what helps on target.jsonl: for" in card
    assert any("steps only" in text for text in said)  # 40 rows in batches of 8
    assert "The scorer reasoning: " in conclusion(run)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompts": {"summs": 5}}, "prompts names 'summs', which is no source"),
        (
            {"sources": ["dmath"], "on_missing": "skip"},
            "not available, and all that the run has as source: dmath",
        ),
        ({"decontaminate": {"against": ["numglue"]}}, "not available: numglue"),
    ],
)
def test_names_that_lead_nowhere_are_errors(tmp_path, raw_config, change, message):
    with pytest.raises(QaDSError, match=message):
        pipeline.run(loading.parse({**raw_config, **change}), tmp_path / "out", say=lambda line: None)
