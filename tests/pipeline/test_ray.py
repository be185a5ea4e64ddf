"""A run on a Ray cluster, with a node killed on the way, ends with the bytes of a local one."""

import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads.errors import RunError
from hf_qads.runfolder import RunFolder
from hf_qads.runtime.ray_engine import RayEngine
from tests.models import tiny_rows
from tests.pipeline.test_resume import digest, quietly

ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning"
    ),
]


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield made
    ray.shutdown()
    made.shutdown()


BEFORE = {"vectors": "experience", "influence": "vectors", "scores": "scorer", "selection": "scores"}


@pytest.mark.parametrize("stage", BEFORE)
def test_a_node_killed_in_a_stage_changes_no_byte(tmp_path, raw_config, cluster, stage):
    raw, out, refused = {**raw_config, "experience": None}, tmp_path / "out", []
    quietly(raw, tmp_path / "alone")
    quietly(raw, out, until=BEFORE[stage])
    node = cluster.add_node(num_cpus=1)

    def kill_and_intrude():
        time.sleep(3)
        cluster.remove_node(node, allow_graceful=False)
        try:
            with RunFolder(out).locked():  # as a second driver does
                pass
        except RunError as error:
            refused.append(str(error))

    with RayEngine(out, address=cluster.address, workers=2, say=lambda line: None) as engine:
        killer = threading.Thread(target=kill_and_intrude)
        killer.start()
        quietly(raw, out, engine=engine)
        killer.join()
    assert refused == [f"{out} is in use by another run. Wait for it, or give another --out."]
    assert digest(out) == digest(tmp_path / "alone")


def test_ray_data_scores_a_pool_that_lives_elsewhere(tmp_path, cluster):
    from hf_qads import QaDSScorer

    rows = tiny_rows(40)
    texts = {name: [row[name] for row in rows] for name in ("question", "answer")}
    pq.write_table(pa.table({**texts, "mine": list(range(40))}), tmp_path / "pool.parquet")
    ray.init(address=cluster.address, log_to_driver=False, ignore_reinit_error=True)
    ray.data.read_parquet(str(tmp_path / "pool.parquet")).map_batches(
        QaDSScorer, fn_constructor_args=(None,), fn_constructor_kwargs={"device": "cpu"}, concurrency=1
    ).write_parquet(str(tmp_path / "out"))
    found = pq.read_table(tmp_path / "out").sort_by("mine").to_pydict()
    assert found["mine"] == list(range(40))
    expected, _ = QaDSScorer(device="cpu").predict(rows)
    assert found["qads_score"] == pytest.approx(expected.tolist(), abs=1e-5)
    ray.shutdown()
