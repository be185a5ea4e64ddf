import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads.errors import RunError
from hf_qads.schema import REASON, ROW_ID, ROW_SCHEMA, SCORE
from hf_qads.scoring.probe.probe import fit_probe
from hf_qads.scoring.scorer.folders import SCHEMA, score_folder, score_vectors
from hf_qads.scoring.scorer.scorer import QaDSScorer
from tests.models import tiny_rows
from tests.scoring.scorers import write_scorer


@pytest.fixture
def pool(tmp_path):
    rows = tiny_rows(20)
    rows[7]["answer"] = "word " * 300
    folder = tmp_path / "pool"
    folder.mkdir()
    for part, start in enumerate((0, 12)):
        table = pa.Table.from_pylist(rows[start : start + 12], schema=ROW_SCHEMA)
        pq.write_table(table, folder / f"part-{part:05d}.parquet", row_group_size=5)
    pq.write_table(pa.table({"reason": ["blank answer"]}), folder / "left_out.parquet")
    return folder, rows


def test_a_pool_becomes_one_file_of_scores_in_its_order(pool, tmp_path):
    folder, rows = pool
    scorer = QaDSScorer(write_scorer(tmp_path / "scorer", context=256))
    told = score_folder(scorer, folder, tmp_path / "scores" / "sums.parquet", shard_rows=3)
    table = pq.read_table(tmp_path / "scores" / "sums.parquet")
    assert table.schema.equals(SCHEMA)
    assert table[ROW_ID].to_pylist() == [row[ROW_ID] for row in rows]
    np.testing.assert_allclose(table[SCORE].to_numpy(), scorer.predict(rows)[0], atol=1e-5)
    assert told == {"longer than the context of 256 tokens": 1}
    assert [place for place, why in enumerate(table[REASON].to_pylist()) if why] == [7]
    assert [path.name for path in (tmp_path / "scores").iterdir()] == ["sums.parquet"]


def test_a_kill_loses_only_the_shard_in_work(pool, tmp_path, monkeypatch):
    folder, rows = pool
    place, out = write_scorer(tmp_path / "scorer", context=256), tmp_path / "scores.parquet"
    score_folder(QaDSScorer(place), folder, tmp_path / "whole.parquet", shard_rows=3)
    predict, asked = QaDSScorer.predict, []

    def counted(self, given, **options):
        asked.append(len(given))
        if len(asked) == 4:
            raise KeyboardInterrupt
        return predict(self, given, **options)

    monkeypatch.setattr(QaDSScorer, "predict", counted)
    with pytest.raises(KeyboardInterrupt):
        score_folder(QaDSScorer(place), folder, out, shard_rows=3)
    assert not out.exists()
    score_folder(QaDSScorer(place), folder, out, shard_rows=3)
    assert sum(asked) == len(rows) + asked[3]
    assert out.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_shards_of_another_scorer_are_not_used(pool, tmp_path, monkeypatch):
    folder, rows = pool
    first, second = (QaDSScorer(write_scorer(tmp_path / str(s), seed=s, context=256)) for s in (0, 1))
    predict = QaDSScorer.predict
    calls = iter(range(100))

    def killed(self, given, **options):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return predict(self, given, **options)

    monkeypatch.setattr(QaDSScorer, "predict", killed)
    out = tmp_path / "scores.parquet"
    with pytest.raises(KeyboardInterrupt):
        score_folder(first, folder, out, shard_rows=3)
    score_folder(second, folder, out, shard_rows=3)
    np.testing.assert_allclose(pq.read_table(out)[SCORE].to_numpy(), second.predict(rows)[0], atol=1e-5)


def test_a_probe_scores_vectors_without_a_model(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float16)
    probe = fit_probe(vectors, np.linspace(1, 5, 10))
    vectors[4] = np.nan
    reasons = ["too long" if place == 4 else None for place in range(10)]
    ids = pa.table({ROW_ID: [f"r{i}" for i in range(10)], REASON: pa.array(reasons, pa.string())})
    told = score_vectors(probe, vectors, ids, tmp_path / "scores.parquet", block=3)
    table = pq.read_table(tmp_path / "scores.parquet")
    assert told == {"too long": 1}
    assert np.isnan(table[SCORE].to_numpy()).tolist() == [place == 4 for place in range(10)]
    np.testing.assert_allclose(table[SCORE].to_numpy(), probe.predict(vectors), atol=1e-6)


def test_a_folder_without_rows_is_refused(tmp_path):
    with pytest.raises(RunError, match="holds no parquet file"):
        score_folder(QaDSScorer(write_scorer(tmp_path / "scorer")), tmp_path, tmp_path / "out.parquet")
