import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads.embedding import embed
from hf_qads.embedding.encoder import Encoder
from hf_qads.embedding.folders import embed_folder
from hf_qads.errors import EmbeddingError, RunError
from hf_qads.schema import ROW_ID, ROW_SCHEMA
from tests.models import tiny_model, tiny_rows, tiny_tokenizer

ROOT = Path(__file__).parents[2]


def write_pool(folder, rows, *, parts=2):
    folder.mkdir()
    size = -(-len(rows) // parts)
    for part in range(parts):
        table = pa.Table.from_pylist(rows[part * size : (part + 1) * size], schema=ROW_SCHEMA)
        pq.write_table(table, folder / f"part-{part:05d}.parquet", row_group_size=7)
    pq.write_table(pa.table({"reason": ["blank"]}), folder / "left_out.parquet")
    return folder


@pytest.fixture
def rows():
    found = tiny_rows(30)
    found[11]["answer"] = "word " * 300
    return found


@pytest.fixture
def pool(rows, tmp_path):
    return write_pool(tmp_path / "pool", rows)


@pytest.fixture(scope="module")
def given():
    return tiny_model(context=256), tiny_tokenizer()


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_vectors_are_those_of_embed_in_the_order_of_the_rows(given, pool, rows, tmp_path, dtype):
    vectors = embed_folder(*given, pool, tmp_path / "out", dtype=dtype, shard_rows=4)
    assert vectors.array.dtype == dtype
    np.testing.assert_allclose(vectors.array, embed(*given, rows).astype(dtype), atol=2e-3)
    assert vectors.row_ids == [row[ROW_ID] for row in rows]
    assert vectors.reasons == {rows[11][ROW_ID]: "longer than the context of 256 tokens"}
    np.testing.assert_array_equal(vectors.of([rows[5][ROW_ID]])[0], vectors.array[5])
    assert sorted(contents(tmp_path / "out")) == ["row_ids.parquet", "vectors.json", "vectors.npy"]


@pytest.mark.parametrize("killed_at", [1, 3, 8])
def test_a_kill_loses_only_the_shard_in_work(given, pool, rows, tmp_path, monkeypatch, killed_at):
    whole = embed_folder(*given, pool, tmp_path / "whole", shard_rows=4)
    encode, asked = Encoder.encode, []

    def killed(self, rows, out):
        asked.append(len(rows))
        if len(asked) == killed_at:
            raise KeyboardInterrupt
        return encode(self, rows, out)

    monkeypatch.setattr(Encoder, "encode", killed)
    with pytest.raises(KeyboardInterrupt):
        embed_folder(*given, pool, tmp_path / "out", shard_rows=4)
    assert not (tmp_path / "out" / "vectors.npy").exists()
    embed_folder(*given, pool, tmp_path / "out", shard_rows=4)
    assert sum(asked) == len(rows) + asked[killed_at - 1]
    assert contents(tmp_path / "out") == contents(whole.folder)


@pytest.mark.parametrize("step", ["merge", "os.replace", "files.write_json"])
def test_a_kill_while_finishing_loses_nothing(given, pool, tmp_path, monkeypatch, step):
    whole = embed_folder(*given, pool, tmp_path / "whole", shard_rows=4)
    from hf_qads.embedding import folders

    target = {"merge": folders, "os.replace": os, "files.write_json": folders.files}[step]
    name = step.rpartition(".")[2]
    real = getattr(target, name)

    def killed(*paths, **options):
        if (
            step == "merge"
            or paths[-1] == tmp_path / "out" / "vectors.npy"
            or "vectors.json" in str(paths[0])
        ):
            raise KeyboardInterrupt
        return real(*paths, **options)

    monkeypatch.setattr(target, name, killed)
    with pytest.raises(KeyboardInterrupt):
        embed_folder(*given, pool, tmp_path / "out", shard_rows=4)
    monkeypatch.undo()
    monkeypatch.setattr(Encoder, "encode", lambda *_: pytest.fail("a finished shard was done again"))
    embed_folder(*given, pool, tmp_path / "out", shard_rows=4)
    assert contents(tmp_path / "out") == contents(whole.folder)


def test_finished_vectors_are_kept_and_those_of_another_key_made_again(given, pool, tmp_path, monkeypatch):
    embed_folder(*given, pool, tmp_path / "out", key="a")
    calls, encode = [], Encoder.encode
    monkeypatch.setattr(Encoder, "encode", lambda *a: calls.append(1) or encode(*a))
    embed_folder(*given, pool, tmp_path / "out", key="a")
    assert not calls
    assert embed_folder(*given, pool, tmp_path / "out", key="b").key() == "b"
    assert calls


def test_no_rows_give_empty_vectors(given, tmp_path):
    pool = write_pool(tmp_path / "pool", [], parts=1)
    assert embed_folder(*given, pool, tmp_path / "out").array.shape == (0, 32)


def test_wrong_use_is_refused(given, pool, tmp_path):
    with pytest.raises(EmbeddingError, match="dtype='int8'"):
        embed_folder(*given, pool, tmp_path / "out", dtype="int8")
    with pytest.raises(RunError, match="no parquet file"):
        embed_folder(*given, tmp_path / "nothing", tmp_path / "out")


SCRIPT = """
import sys
import torch
from hf_qads.embedding.folders import embed_folder
from hf_qads.scoring.scorer.folders import score_folder
from hf_qads.scoring.scorer.scorer import QaDSScorer
from tests.models import tiny_model, tiny_tokenizer
torch.set_num_threads(1)
pool, out = sys.argv[1:3]
embed_folder(tiny_model(context=256), tiny_tokenizer(), pool, out + "/vectors", shard_rows=4, device="cpu")
if len(sys.argv) > 3:
    score_folder(QaDSScorer(sys.argv[3], device="cpu"), pool, out + "/scores.parquet", shard_rows=4)
"""


@pytest.mark.slow
def test_two_processes_share_the_shards_and_give_the_same_bytes(pool, tmp_path):
    from tests.scoring.scorers import write_scorer

    (tmp_path / "script.py").write_text(SCRIPT)
    scorer = write_scorer(tmp_path / "scorer", context=256)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    for name, launcher in (("one", [sys.executable]), ("two", torchrun)):
        subprocess.run(
            [*launcher, tmp_path / "script.py", pool, tmp_path / name, scorer],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            check=True,
            capture_output=True,
        )
    assert contents(tmp_path / "one" / "vectors") == contents(tmp_path / "two" / "vectors")
    one, two = ((tmp_path / name / "scores.parquet").read_bytes() for name in ("one", "two"))
    assert one == two


@pytest.mark.slow
def test_a_process_that_is_killed_at_any_moment_can_be_started_again(tmp_path):
    pool = write_pool(tmp_path / "pool", tiny_rows(400))
    (tmp_path / "script.py").write_text(SCRIPT)
    out = tmp_path / "out"

    def start(folder):
        return subprocess.Popen(
            [sys.executable, tmp_path / "script.py", pool, folder],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stderr=subprocess.DEVNULL,
        )

    assert start(tmp_path / "whole").wait() == 0
    kills = 0
    for shards in (1, 9, 40, 80):
        process = start(out)
        while process.poll() is None and len(list(out.glob("vectors/building/0*.parquet"))) < shards:
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills >= 2
    assert start(out).wait() == 0
    assert contents(out / "vectors") == contents(tmp_path / "whole" / "vectors")
