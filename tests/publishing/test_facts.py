import json

import pytest

from hf_qads.publishing.cards.limits import limits
from hf_qads.publishing.facts.facts import kept_rows, public, run_facts
from hf_qads.publishing.hub.privacy import leaks, scrub
from tests.publishing.runs import SMALL, make_run


def test_facts_are_what_the_run_folder_says(small_run):
    facts = run_facts(small_run)
    assert [(s.name, s.kind, s.rows) for s in facts.sources] == [
        ("gsm8k", "reasoning", 200),
        ("dmath", "reasoning", 90),
        ("cot", "general", 120),
    ]
    assert facts.sources[1].left_out == {"exact duplicate": 8, "blank answer": 1}
    assert facts.sources[0].left_out["repeats a question of the benchmark gsm8k"] == 4
    assert facts.sources[0].scored == 199
    assert facts.kept == sum(kept_rows(small_run).values())
    assert (facts.score_column, facts.best_score) == ("qads_score", 5)
    assert list(facts.agreements) == ["reasoning", "general"]
    assert set(facts.keys) == {"pool", "vectors", "influence", "scorer", "scores", "selection"}


def test_a_run_that_stopped_early_is_not_spoken_of_as_if_it_had_not(tmp_path):
    facts = run_facts(make_run(tmp_path / "run", sources=SMALL, stages="pool"))
    assert facts.rows == 410
    assert facts.score_column is None
    assert all(source.kept is None and source.mean_score is None for source in facts.sources)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("/home/me/models/base", "base"),
        ("~/data.jsonl", "data.jsonl"),
        ("../x/y.csv", "y.csv"),
        ("C:\\Users\\me\\pool", "pool"),
        ("org/model", "org/model"),
        ("data/rows.parquet", "data/rows.parquet"),
        (3, 3),
        ({"path": "/a/b", "token": "hf_x", "batch_tokens": 4}, {"path": "b", "batch_tokens": 4}),
        (["/a/b"], ["b"]),
    ],
)
def test_local_paths_and_secrets_do_not_get_into_cards(value, shown):
    assert public(value) == shown


def test_json_of_a_model_loses_its_local_paths_and_keeps_its_vocabulary(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"_name_or_path": "/home/me/base", "bos": "/s", "layers": [{"path": "/x/y"}]}))
    scrub(path)
    assert json.loads(path.read_text()) == {"_name_or_path": "base", "bos": "/s", "layers": [{"path": "y"}]}


def test_leaks_are_found_in_texts_and_named_by_file(tmp_path):
    (tmp_path / "README.md").write_text("made in /home/somebody/work/run1 with hf_" + "a" * 30)
    (tmp_path / "data.json").write_text("{}")
    found = leaks(tmp_path, private={"/home/somebody/": "the home folder"})
    assert found == ["README.md: an access token", "README.md: the home folder"]


def test_a_benchmark_as_anchor_is_said(small_run):
    facts = run_facts(small_run)
    anchors = {"sources": ["gsm8k"], "allow_benchmark": True}
    said = limits(type(facts)(**{**vars(facts), "config": {"anchors": anchors}}))
    assert any("test split" in sentence for sentence in said)
