"""Near duplicates are left out of the pool and counted as what they are."""

from hf_qads.config import loading
from hf_qads.pipeline import run as pipeline
from tests.models import tiny_rows
from tests.pipeline.conftest import write_rows

LONG = "A shopkeeper sold 25 pens and 30 pencils at a gain of 10 percent and then bought more of both kinds."


def test_near_duplicates_are_counted_apart_from_rows_of_an_earlier_source(tmp_path, raw_config):
    rows = tiny_rows(12, seed=5)
    given, close, closer = (
        {**rows[0], "question": LONG.replace("A shop", first)}
        for first in ("A shop", "The shop", "Some shop")
    )
    paths = [
        write_rows(tmp_path / "first.jsonl", [given, *rows[1:9], close]),
        write_rows(tmp_path / "second.jsonl", [rows[8], given, close, closer, *rows[9:]]),
    ]
    raw = {
        **raw_config,
        "sources": list(map(str, paths)),
        "deduplicate": {"near": 0.8},
        "decontaminate": None,
    }
    run = pipeline.run(loading.parse(raw), tmp_path / "out", until="pool", say=lambda line: None)
    assert run.line("pool")["left_out"] == {
        "first": {"near duplicate of an earlier row": 1},
        "second": {"same row in an earlier source": 2, "near duplicate of an earlier row": 2},
    }
    first = run.table("first").to_pylist()
    assert {row["question"]: row["also_in"] for row in first if row["also_in"]} == {
        LONG: ["second"],
        rows[8]["question"]: ["second"],
    }
