"""Every strategy in a run: what it reads is there, rows without it are counted, the mixture follows."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from hf_qads.config import loading
from hf_qads.errors import ConfigError
from hf_qads.pipeline import run as pipeline
from hf_qads.pipeline.checks import check
from hf_qads.runfolder import RunFolder
from hf_qads.selection import STRATEGIES, select
from hf_qads.selection.registry import needs_of
from tests.models import tiny_rows

COLUMNS = ["ifd", "perplexity", "answer_tokens", "wici", "deita_complexity", "deita_quality", "mine", "tags"]
OPTIONS = {"qads": {"target": "vectors", "whiten": True}, "less": {"rank": 3}}


def rows_with_columns(path, count, seed):
    draw = np.random.default_rng(seed)
    lines = []
    for number, row in enumerate(tiny_rows(count, seed=seed)):
        values = {name: None if number == 3 else float(draw.uniform(0.1, 1.2)) for name in COLUMNS[:-1]}
        tags = {"tags": draw.choice(list("abcd"), draw.integers(0, 3), replace=False).tolist()}
        lines.append(json.dumps({**row, **values, **tags}, default=str))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("strategies")


@pytest.fixture(scope="module")
def raw(place, model_folder):
    rows_with_columns(place / "target.jsonl", 12, 3)
    return {
        "name": "tiny",
        "model": str(model_folder),
        "sources": [
            {"path": rows_with_columns(place / "sums.jsonl", 60, 1), "kind": "reasoning"},
            {"path": rows_with_columns(place / "chat.jsonl", 40, 2), "kind": "general"},
        ],
        "anchors": {"sources": [str(place / "target.jsonl")], "size": 6},
        "prompts": 8,
        "experience": None,
        "scorer": {"type": "probe"},
        "columns": COLUMNS,
        "ratio": {"rule": "fixed", "value": 0.4},
        "select": {"start": 4},
        "subsets": [0.5],
    }


def run(raw, place, **chosen) -> RunFolder:
    """The same folder each time: what strategies have in common is done once."""
    config = loading.parse({**raw, "select": {"start": 4, **chosen}})
    return pipeline.run(config, place / "run", until="mixture", say=lambda line: None)


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["source", "pool"])
@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_every_strategy_runs_to_a_mixture(raw, place, strategy, scope):
    options = OPTIONS.get(strategy, {})
    done = run(raw, place, strategy=strategy, scope=scope, options=options)
    mixture = load_dataset(str(done.folder("mixture")), split="train")
    half = load_dataset(str(done.folder("mixture")), "50pct", split="train")
    line = done.line("selection")
    assert len(mixture) == sum(line["details"]["kept"].values())
    assert 0.38 * 96 < len(mixture) < 0.42 * 100
    assert half["row_id"] == mixture["row_id"][: len(half)]
    ranks = np.array(mixture["qads_rank"])
    if scope == "pool":
        assert sorted(ranks) == list(range(len(mixture)))
        assert sorted(half["qads_rank"]) == list(range(len(half)))
    lacking = {
        f"no value in column {name}" for name in needs_of(strategy, options).columns if name != "source"
    }
    if lacking:  # row 3 of each source brings no numbers; the first reason counts
        assert all(set(gone) & lacking for gone in line["left_out"].values())


def test_rds_in_a_run_picks_what_the_function_picks(raw, place):
    done = run(raw, place, strategy="rds", scope="pool")
    (made,) = done.folder("features").glob("*/weighted_vectors")
    rows = [np.load(made / name / "vectors.npy") for name in ("sums", "chat")]
    target = np.load(made.with_name("weighted_vectors.target.npy"))
    table = {name: done.table(name, ["row_id", "qads_score"]) for name in ("sums", "chat")}
    ids = [row for name in table for row in table[name]["row_id"].to_pylist()]
    scored = np.concatenate([table[name]["qads_score"].to_numpy() for name in table])
    usable = np.isfinite(scored) & np.isfinite(np.concatenate(rows)).all(axis=1)
    picked = select(
        None, size=20, strategy="rds", start=[], candidates=usable, coverage=False,
        features={"weighted_vectors": np.concatenate(rows)}, target_features={"weighted_vectors": target},
    )  # fmt: skip
    ranked = [
        (place_, row)
        for name in ("sums", "chat")
        for place_, row in zip(
            *(
                pq.read_table(done.folder("selection") / f"{name}.parquet")[c].to_pylist()
                for c in ("place", "row_id")
            ),
            strict=True,
        )
    ]
    assert [row for _, row in sorted(ranked)][:20] == [ids[row] for row in picked.order]


def test_a_strategy_without_need_of_a_start_pool_has_none(raw, place):
    done = run(raw, place, strategy="longest")
    table = pq.read_table(done.folder("selection") / "sums.parquet")
    assert not any(table["start"].to_pylist())
    tokens = dict(
        zip(
            *(
                done.table("sums", ["row_id", "answer_tokens"])[c].to_pylist()
                for c in ("row_id", "answer_tokens")
            ),
            strict=True,
        )
    )
    order = [tokens[row] for row in table["row_id"].to_pylist()]
    assert order == sorted(order, reverse=True)
    mixture = load_dataset(str(done.folder("mixture")), split="train")
    known = dict(
        zip(*(done.table("sums", ["row_id", "mine"])[c].to_pylist() for c in ("row_id", "mine")), strict=True)
    )
    sums = mixture.filter(lambda row: row["source"] == "sums")
    assert [known[row] for row in sums["row_id"]] == sums["mine"]
    assert done.line("selection")["left_out"]["sums"] == {"no value in column answer_tokens": 1}


@pytest.mark.parametrize(
    ("select", "columns", "message"),
    [
        ({"strategy": "ifd"}, [], r"reads a column 'ifd', which this run has not.*columns: \[ifd\]"),
        ({"strategy": "deita"}, ["deita_quality"], "reads a column 'deita_complexity'"),
        ({"strategy": "quality", "options": {"score": "mine"}}, [], "reads a column 'mine'"),
        ({"strategy": "instag"}, [], r"reads a feature 'tags', which no stage makes.*columns: \[tags\]"),
        (
            {"strategy": "rds", "options": {"feature": "ghosts"}},
            [],
            "reads a feature 'ghosts', which no stage makes",
        ),
    ],
)
def test_what_a_strategy_reads_and_the_run_lacks_is_refused_before_any_work(raw, select, columns, message):
    with pytest.raises(ConfigError, match=message):
        check(loading.parse({**raw, "select": select, "columns": columns}))


def test_a_strategy_with_a_target_needs_anchors(raw):
    without = {**raw, "anchors": None, "scorer": {"type": "precomputed"}, "select": {"strategy": "rds"}}
    with pytest.raises(ConfigError, match=r"compares rows with target rows\. Give `anchors`"):
        check(loading.parse(without))
    check(loading.parse({**without, "select": {"strategy": "quality", "options": {"score": "ifd"}}}))


def test_a_run_says_what_its_selection_is_worth_beside_controls(raw, place):
    config = loading.parse({**raw, "select": {"start": 4, "strategy": "qads"}})
    done = pipeline.run(config, place / "run", say=lambda line: None)
    lines = json.loads((done.folder("worth") / "worth.json").read_text(encoding="utf-8"))
    assert [line["name"] for line in lines] == ["qads", "random", "quality", "kcenter"]
    kept = done.line("selection")["details"]["kept"]
    for line in lines:
        assert line["rows"] == sum(kept.values())
        assert line["shares"] == {
            source: count / sum(kept.values()) for source, count in sorted(kept.items())
        }
    page = (done.folder("report") / "report.html").read_text(encoding="utf-8")
    assert "What it is worth before training" in page
    assert (done.folder("report") / "figures" / "worth.png").exists()
