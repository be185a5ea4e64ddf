"""`scores:` in a run: further scores as columns that strategies, the mixture and its card have."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from hf_qads.config.loading import parse
from hf_qads.errors import ConfigError
from hf_qads.pipeline.run import run
from hf_qads.runfolder import RunFolder
from hf_qads.runtime.models import load_model
from hf_qads.scoring.scores.registry import compute

SCORES = ["ifd", {"name": "perplexity", "options": {"tokens": "all"}}, "answer_tokens", "wici"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, model_folder):
    """A run with further scores, selected by one of them."""
    from tests.models import tiny_rows
    from tests.pipeline.conftest import write_rows

    folder = tmp_path_factory.mktemp("scores")
    write_rows(folder / "sums.jsonl", tiny_rows(40, seed=1))
    write_rows(folder / "target.jsonl", tiny_rows(8, seed=3))
    config = {
        "name": "tiny",
        "model": str(model_folder),
        "sources": [{"path": str(folder / "sums.jsonl"), "kind": "reasoning"}],
        "anchors": {"sources": [str(folder / "target.jsonl")], "size": 4},
        "experience": None,
        "scorer": None,
        "scores": SCORES,
        "select": {"strategy": "ifd", "start": 4},
        "ratio": {"rule": "fixed", "value": 0.5},
        "subsets": [0.5],
        "decontaminate": None,
    }
    run(parse(config), folder / "out", say=lambda line: None)
    return config, RunFolder(folder / "out")


def test_the_columns_are_those_of_the_library(finished, model_folder):
    _, folder = finished
    table = folder.table("sums", ["question", "answer", "ifd", "perplexity", "answer_tokens", "wici"])
    model, tokenizer = load_model(str(model_folder))
    chosen = {"ifd": None, "perplexity": {"tokens": "all"}, "answer_tokens": None}
    expected = compute(table.to_pylist(), chosen, model=model, tokenizer=tokenizer)
    for name in chosen:
        np.testing.assert_allclose(table[name].to_numpy(), expected[name], rtol=1e-5)
    assert np.isfinite(table["wici"].to_numpy()).all()


def test_selection_goes_by_the_score_and_the_mixture_has_it(finished):
    _, folder = finished
    mixture = pq.read_table(next((folder.path / "mixture").rglob("*.parquet")))
    assert {"ifd", "perplexity", "answer_tokens", "wici"} <= set(mixture.column_names)
    ranked = pq.read_table(folder.path / "selection" / "sums.parquet").sort_by("qads_rank")
    table = folder.table("sums", ["row_id", "ifd"])
    scores = dict(zip(table["row_id"].to_pylist(), table["ifd"].to_pylist(), strict=True))
    rows = [row["row_id"] for row in ranked.to_pylist() if not row["start"]]
    picked = [scores[row] for row in rows]
    assert picked == sorted(picked, key=lambda value: (value > 1, -value))
    assert "`ifd`" in (folder.path / "mixture" / "README.md").read_text()


def test_more_scores_redo_only_what_reads_them(finished):
    config, folder = finished
    told = []
    run(parse(config), folder.path, say=told.append)
    assert any("row_scores: done before" in line for line in told)
    told.clear()
    run(parse({**config, "scores": SCORES[:3]}), folder.path, say=told.append)
    assert any("influence: done before" in line for line in told)
    assert any("row_scores: again" in line for line in told)


def test_a_strategy_whose_column_no_score_makes_is_refused_before_any_work(finished, tmp_path):
    config, _ = finished
    with pytest.raises(ConfigError, match=r"Have it made: scores: \[ifd\]"):
        run(parse({**config, "scores": []}), tmp_path / "out", say=lambda line: None)
    with pytest.raises(ConfigError, match="named twice"):
        parse({**config, "scores": ["ifd", "ifd"]})
