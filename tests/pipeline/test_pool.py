"""Rows that repeat another source or a benchmark are left out, and counted."""

import yaml

from hf_qads import config, pipeline
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
        "overlap": {"against": [str(paths[2])], "ngram": 13},
    }
    run = pipeline.run(config.parse(raw), tmp_path / "out", until="pool", say=lambda line: None)
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
    kept = config.parse({**raw, "across": "keep", "overlap": None})
    again = pipeline.run(kept, tmp_path / "out", until="pool", say=lambda line: None)
    assert [source["rows"] for source in again.line("pool")["details"]["sources"]] == [20, 15]
    assert again.line("pool")["details"]["across"][0]["rows"] == 5
    assert yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())["across"] == "keep"
