"""`hf-qads select` with options, targets and features picks what `select` picks from the same arrays."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads.cli import main
from hf_qads.embedding import embed, gradients
from hf_qads.runtime.models import load_model
from hf_qads.selection.select import select
from tests.models import tiny_rows
from tests.pipeline.conftest import write_rows

ROWS, TARGET, OTHER = tiny_rows(30, seed=1), tiny_rows(5, seed=2), tiny_rows(3, seed=4)
FREE = {"start": [], "coverage": False}


@pytest.fixture
def files(tmp_path):
    write_rows(tmp_path / "rows.jsonl", ROWS)
    write_rows(tmp_path / "maths.jsonl", TARGET)
    write_rows(tmp_path / "other.jsonl", OTHER)
    return tmp_path


@pytest.fixture
def chosen(files, model_folder, capsys):
    """Questions that the command chooses, and what it says."""

    def run(*flags, rows="rows.jsonl"):
        out = files / "out.parquet"
        asked = ["select", str(files / rows), "--size", "8", "--model", str(model_folder), "--out", str(out)]
        assert main([*asked, *map(str, flags)]) == 0, capsys.readouterr().err
        return pq.read_table(out)["question"].to_pylist(), capsys.readouterr().out

    return run


@pytest.fixture
def refused(files, capsys):
    def run(*flags):
        assert main(["select", str(files / "rows.jsonl"), "--size", "3", *map(str, flags)]) == 2
        return capsys.readouterr().err

    return run


def made(name, model_folder):
    """A feature of the rows and of both target sets, by the public functions."""
    model, tokenizer = load_model(str(model_folder))

    def of(rows):
        if name == "gradients":
            return gradients(model, tokenizer, rows)[:, 0]
        if name == "text":
            return [f"{row['question']}\n{row['answer']}" for row in rows]
        return embed(model, tokenizer, rows, pooling="weighted" if name == "weighted_vectors" else "mean")

    return {name: of(ROWS)}, {name: {"maths": of(TARGET), "other": of(OTHER)}}


@pytest.mark.parametrize(
    ("strategy", "feature", "options"),
    [
        ("rds", "weighted_vectors", {}),
        ("rds", "vectors", {"feature": "vectors"}),
        ("less", "gradients", {"aggregate": "max_mean"}),
        ("bm25", "text", {"k1": 1.2}),
        ("dsir", "text", {"noise": False}),
    ],
)
def test_features_are_made_as_in_a_run(strategy, feature, options, files, chosen, model_folder):
    features, targets = made(feature, model_folder)
    vectors = features.pop("vectors", None)
    picked = select(
        vectors,
        size=8,
        strategy=strategy,
        features=features,
        target_features=targets,
        options=options,
        **FREE,
    )
    flags = [flag for key, value in options.items() for flag in ("--option", f"{key}={value}")]
    sets = ["--target", files / "maths.jsonl", "--target", files / "other.jsonl"]
    questions, told = chosen("--strategy", strategy, *sets, *flags)
    assert questions == [ROWS[row]["question"] for row in picked.order]
    assert f"8 of 30 rows by {strategy}" in told
    assert "target: " in told


def test_one_target_lets_each_of_its_rows_take_turns(files, chosen, model_folder):
    features, targets = made("weighted_vectors", model_folder)
    target = {"weighted_vectors": targets["weighted_vectors"]["maths"]}
    picked = select(None, size=8, strategy="rds", features=features, target_features=target, **FREE)
    questions, _ = chosen("--strategy", "rds", "--target", files / "maths.jsonl")
    assert questions == [ROWS[row]["question"] for row in picked.order]


def test_options_change_what_qads_picks(files, chosen):
    scores = np.random.default_rng(0).uniform(1, 5, len(ROWS))
    lines = [json.dumps({**row, "qads_score": s, "mine": 6 - s}) for row, s in zip(ROWS, scores, strict=True)]
    (files / "scored.jsonl").write_text("\n".join(lines) + "\n")
    found = {
        flags: chosen(*flags, "--start", "3", rows="scored.jsonl")[0]
        for flags in [
            (),
            ("--option", "power=0"),
            ("--strategy", "kcenter"),
            ("--strategy", "quality", "--option", "score=mine"),
        ]
    }
    assert found["--option", "power=0"] == found["--strategy", "kcenter"] != found[()]
    lowest = np.argsort(scores, kind="stable")[:8]
    assert found["--strategy", "quality", "--option", "score=mine"] == [ROWS[i]["question"] for i in lowest]


def test_qads_can_look_at_the_target_through_its_vectors(files, chosen, model_folder):
    features, targets = made("vectors", model_folder)
    picked = select(
        features["vectors"],
        size=8,
        start=3,
        target_features=targets,
        options={"target": "vectors"},
        coverage=False,
    )
    sets = ["--target", files / "maths.jsonl", "--target", files / "other.jsonl"]
    questions, _ = chosen("--option", "target=vectors", "--start", "3", *sets)
    assert questions == [ROWS[row]["question"] for row in picked.order]


def test_features_that_the_rows_bring_are_taken_and_rows_without_are_left_out(files, chosen):
    draw = np.random.default_rng(0)
    for name, rows in (("rows", ROWS), ("maths", TARGET)):
        own = draw.normal(size=(len(rows), 4)).astype(np.float32)
        own[0] = np.nan
        table = pa.Table.from_pylist(rows).select(["question", "answer"])
        column = pa.FixedSizeListArray.from_arrays(pa.array(own.ravel()), 4)
        pq.write_table(table.append_column("mine", column), files / f"{name}.parquet")
    flags = ["--strategy", "rds", "--option", "feature=mine", "--target", files / "maths.parquet"]
    questions, told = chosen(*flags, rows="rows.parquet")
    assert ROWS[0]["question"] not in questions
    assert "1 left out: no mine" in told
    assert "target maths: 1 left out: no mine" in told


def test_names_and_lists_of_names_are_columns_like_any_other(files, chosen):
    tagged = [{**row, "source": "ab"[i % 2], "tags": list("xyz"[: i % 4])} for i, row in enumerate(ROWS)]
    (files / "tagged.jsonl").write_text("\n".join(map(json.dumps, tagged)) + "\n")
    questions, _ = chosen("--strategy", "balanced_random", rows="tagged.jsonl")
    sources = [row["source"] for row in tagged for question in questions if row["question"] == question]
    assert sorted(sources) == ["a"] * 4 + ["b"] * 4
    questions, _ = chosen("--strategy", "instag", rows="tagged.jsonl")
    assert questions[0] == ROWS[3]["question"]  # the first with three tags


def test_rows_without_a_question_have_no_text(files, chosen):
    lines = [{**row, "answer": None if i == 2 else row["answer"]} for i, row in enumerate(ROWS)]
    (files / "gaps.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    _, told = chosen("--strategy", "bm25", "--target", files / "maths.jsonl", rows="gaps.jsonl")
    assert "1 left out: no text" in told


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--strategy", "rds"], "--strategy rds compares rows with target rows. Name rows"),
        (["--target", "maths.jsonl"], "--strategy qads with these options looks at no target"),
        (["--option", "force=2"], "strategy='qads' takes no option 'force'. Its options: "),
        (["--option", "power=high"], "--option 'power=high' must be a number"),
        (["--strategy", "longest"], "has not: it has question, answer. Add it: hf-qads score "),
        (["--strategy", "instag"], "reads a feature 'tags', and there is no such column"),
    ],
)
def test_what_a_strategy_lacks_is_said_in_one_line(refused, flags, says):
    told = refused(*flags)
    assert says in told
    assert told.count("\n") == 1


def test_vectors_of_two_models_are_not_compared(files, capsys):
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(30 * 4, np.float32)), 4)
    table = pa.Table.from_pylist(ROWS).select(["question", "answer"])
    pq.write_table(table.append_column("qads_embedding", vectors), files / "embedded.parquet")
    flags = ["--strategy", "rds", "--option", "feature=vectors", "--target", str(files / "maths.jsonl")]
    assert main(["select", str(files / "embedded.parquet"), "--size", "3", *flags]) == 2
    assert "target maths does not. Name with --model the model that made them" in capsys.readouterr().err
