import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset, Value, load_dataset
from datasets.fingerprint import Hasher

from hf_qads import embedded
from hf_qads.errors import ScoringError
from hf_qads.schema import REASON, SCORE
from hf_qads.scoring.scorer import scorer as scorer_module
from hf_qads.scoring.scorer.scorer import QaDSScorer
from tests.models import tiny_rows
from tests.scoring.scorers import columns, write_scorer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_scorer(tmp_path_factory.mktemp("scorer"), context=256)


@pytest.fixture(scope="module")
def rows():
    found = [{"question": row["question"], "answer": row["answer"]} for row in tiny_rows(12)]
    return [*found, {"question": "too long", "answer": "word " * 300}]


@pytest.fixture(scope="module")
def expected(folder, rows):
    scores, _ = QaDSScorer(folder).predict(rows)
    assert np.isnan(scores).tolist() == [False] * 12 + [True]
    return scores


@pytest.fixture
def dataset(rows, tmp_path):
    # From a file, since datasets in memory have no cache.
    Dataset.from_list(rows).to_parquet(tmp_path / "rows.parquet")
    files = {"train": str(tmp_path / "rows.parquet")}
    return load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batched": True},
        {"batched": True, "batch_size": 5, "with_rank": True},
        {"batched": True, "batch_size": 4, "num_proc": 2},
        {"num_proc": 2, "with_rank": True},
    ],
    ids=str,
)
def test_every_form_of_map_gives_the_same_scores(dataset, folder, expected, options):
    scored = dataset.map(QaDSScorer.from_pretrained(folder), **options)
    assert scored.features[SCORE] == Value("float32")
    assert scored.features[REASON] == Value("string")
    np.testing.assert_allclose(scored.with_format("numpy")[SCORE][:], expected, atol=1e-5)
    assert scored[REASON][:] == [None] * 12 + ["longer than the context of 256 tokens"]


def test_a_first_batch_without_reasons_does_not_forbid_later_ones(dataset, folder):
    for options in ({"batched": True, "batch_size": 2, "writer_batch_size": 2}, {"writer_batch_size": 2}):
        assert dataset.map(QaDSScorer(folder), **options)[REASON][-1] is not None


@pytest.mark.parametrize("batched", [False, True])
def test_streams_get_the_same_scores(dataset, folder, expected, batched):
    stream = dataset.to_iterable_dataset().map(QaDSScorer(folder), batched=batched)
    np.testing.assert_allclose([row[SCORE] for row in stream], expected, atol=1e-5)


def test_ray_data_can_call_it_as_a_class(rows, folder, expected):
    # As an actor does: built from constructor arguments, then called with dicts of numpy arrays.
    actor = QaDSScorer(str(folder), batch_tokens=512)
    batch = {name: np.asarray(values, dtype=object) for name, values in columns(rows).items()}
    found = actor({**batch, "id": np.arange(len(rows))})
    assert list(found) == ["question", "answer", "id", SCORE, REASON]
    assert all(len(column) == len(rows) for column in found.values())
    assert all(isinstance(found[name], np.ndarray) for name in ("question", "answer", "id", SCORE))
    assert all(reason is None or isinstance(reason, str) for reason in found[REASON])  # Ray takes a list
    np.testing.assert_allclose(found[SCORE], expected, atol=1e-5)


@pytest.mark.parametrize(
    "names",
    [("instruction", "output"), ("problem", "solution"), ("prompt", "completion"), ("query", "response")],
    ids="/".join,
)
def test_the_usual_column_pairs_are_read(rows, folder, expected, names):
    renamed = {names[0]: [r["question"] for r in rows], names[1]: [r["answer"] for r in rows]}
    np.testing.assert_allclose(QaDSScorer(folder)(renamed)[SCORE], expected, atol=1e-5)


def test_conversations_are_read(rows, folder, expected):
    turns = [
        [{"role": "user", "content": r["question"]}, {"role": "assistant", "content": r["answer"]}]
        for r in rows
    ]
    np.testing.assert_allclose(QaDSScorer(folder)({"messages": turns})[SCORE], expected, atol=1e-5)


@pytest.mark.slow
def test_workers_that_are_spawned_give_the_same_scores(dataset, folder, expected, tmp_path):
    script = f"""
import multiprocess, sys
from datasets import load_dataset
from hf_qads.scoring.scorer.scorer import QaDSScorer
if __name__ == "__main__":
    multiprocess.set_start_method("spawn")
    rows = load_dataset("parquet", data_files={str(tmp_path / "rows.parquet")!r}, split="train",
                        cache_dir={str(tmp_path / "other")!r})
    print(rows.map(QaDSScorer({str(folder)!r}), batched=True, num_proc=2)["qads_score"][:])
"""
    (tmp_path / "script.py").write_text(script)
    found = run([str(tmp_path / "script.py")])
    scores = np.asarray(eval(found, {"nan": np.nan}), dtype=np.float32)
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_the_fingerprint_is_the_same_in_every_process_and_after_use(folder, rows):
    code = (
        "from datasets.fingerprint import Hasher; from hf_qads.scoring.scorer.scorer import QaDSScorer; "
        f"print(Hasher.hash(QaDSScorer({str(folder)!r})))"
    )
    others = {run(["-c", code], PYTHONHASHSEED=seed) for seed in ("1", "2")}
    scorer = QaDSScorer(folder)
    before = Hasher.hash(scorer)
    scorer(rows[0])
    assert {before, Hasher.hash(scorer), Hasher.hash(QaDSScorer.from_pretrained(folder))} == others


def test_the_fingerprint_changes_with_weights_and_code_version(folder, tmp_path, monkeypatch):
    mine = Hasher.hash(QaDSScorer(folder))
    assert Hasher.hash(QaDSScorer(write_scorer(tmp_path, seed=1, context=256))) != mine
    monkeypatch.setattr(scorer_module, "VERSION", scorer_module.VERSION + 1)
    assert Hasher.hash(QaDSScorer(folder)) != mine


def test_the_second_map_is_read_from_the_cache(dataset, folder):
    first = dataset.map(QaDSScorer(folder), batched=True)
    used = QaDSScorer(folder)
    used(dataset[0])
    second = dataset.map(used, batched=True)
    assert first.cache_files == second.cache_files


def test_the_model_is_never_pickled(folder, rows):
    scorer = QaDSScorer(folder, batch_tokens=512)
    scorer(rows[0])
    pickled = pickle.dumps(scorer)
    assert len(pickled) < 1000 < (folder / "model.safetensors").stat().st_size
    again = pickle.loads(pickled)
    assert again.batch_tokens == 512
    assert again(rows[0]) == scorer(rows[0])


def test_the_default_scorer_is_the_one_that_the_environment_names(folder, rows, monkeypatch):
    monkeypatch.setenv("HF_QADS_SCORER", str(folder))
    assert QaDSScorer()(rows[0]) == QaDSScorer(folder)(rows[0])


def test_the_embedded_scorer_says_once_that_it_is_for_demonstration(folder, rows, monkeypatch, recwarn):
    monkeypatch.delenv("HF_QADS_SCORER", raising=False)
    monkeypatch.setattr(embedded, "scorer_path", lambda: folder)
    scorer = QaDSScorer()
    with pytest.warns(UserWarning, match="for demonstration"):
        scorer(rows[0])
    scorer(rows[0])
    pickle.loads(pickle.dumps(scorer))(rows[0])
    assert len(recwarn) == 0


def test_qads_score_is_ready_and_loads_nothing_at_import():
    code = (
        "import sys, hf_qads; assert callable(hf_qads.qads_score); "
        "print([name for name in ('torch', 'transformers', 'datasets') if name in sys.modules])"
    )
    assert run(["-c", code]) == "[]"


@pytest.mark.parametrize("name", ["./missing", "/no/such/folder", "a/b/c"])
def test_a_folder_that_is_not_there_is_named(name):
    with pytest.raises(ScoringError, match="is no folder"):
        QaDSScorer.from_pretrained(name)


def test_a_name_that_is_neither_folder_nor_repository_is_refused(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ScoringError, match="neither a folder nor on the Hub"):
        QaDSScorer.from_pretrained("nobody/nothing--here")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ScoringError, match=r"no config\.json"):
        QaDSScorer.from_pretrained(tmp_path)


def run(arguments, **environment):
    """Standard output of a fresh Python process."""
    process = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()
