"""A run on a Ray cluster with nodes, workers and drivers killed ends with the bytes of a local one."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from hf_qads.errors import RunError
from hf_qads.runfolder import RunFolder
from hf_qads.runtime.ray_engine import RayEngine
from tests.models import tiny_rows
from tests.pipeline.test_resume import digest, quietly
from tests.runtime.ray_jobs import add_node, start_cluster

ray = pytest.importorskip("ray")
NodeAffinitySchedulingStrategy = pytest.importorskip(
    "ray.util.scheduling_strategies"
).NodeAffinitySchedulingStrategy
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning"
    ),
]


@pytest.fixture(scope="module")
def cluster():
    made = start_cluster(2)
    yield made
    ray.shutdown()
    made.shutdown()


BEFORE = {
    "vectors": "experience",
    "influence": "vectors",
    "scores": "scorer",
    "row_scores": "scores",
    "selection": "row_scores",
}
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def with_scores(raw_config):
    return {**raw_config, "experience": None, "scores": ["ifd", "answer_tokens"]}


def drive(config_file, out, cluster, workers):
    """A driver, as a process that can be killed."""
    command = [sys.executable, "-m", "hf_qads", "run", str(config_file), "--out", str(out)]
    command += ["--engine", "ray", "--address", cluster.address, "--workers", str(workers)]
    with out.with_name(f"{workers}.log").open("w") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=ENVIRONMENT)


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None, path
        time.sleep(0.05)


class Idle:
    def ready(self):
        return True


def take_cores(node, cores):
    """An actor that leaves no core of a node for workers."""
    there = NodeAffinitySchedulingStrategy(node.node_id, soft=False)
    actor = ray.remote(num_cpus=cores, scheduling_strategy=there)(Idle).remote()
    assert ray.get(actor.ready.remote())
    return actor


def suspend_workers(node):
    """Stop the workers on a node where they are."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    for process in raylet.children():
        with suppress(psutil.Error):
            if "ray::_Worker" in " ".join(process.cmdline()):
                process.suspend()


def begun(folder):
    """Whether a stage's folder holds a shard."""
    return any(path.is_file() and not path.name.endswith((".part", ".key")) for path in folder.rglob("*"))


@pytest.mark.parametrize("stage", BEFORE)
def test_a_node_killed_in_a_stage_changes_no_byte(tmp_path, raw_config, cluster, stage):
    raw, out, killed, refused = with_scores(raw_config), tmp_path / "out", [], []
    quietly(raw, tmp_path / "alone")
    quietly(raw, out, until=BEFORE[stage])
    node, over = add_node(cluster, 1), threading.Event()

    def kill_and_intrude(idle):
        while not begun(out / stage):
            if over.wait(0.001):
                return
        suspend_workers(node)  # at the next shard, while it is seen how things stand
        killed.append(RunFolder(out).line(stage))
        cluster.remove_node(node, allow_graceful=False)
        ray.kill(idle)
        try:
            with RunFolder(out).locked():  # as a second driver does
                pass
        except RunError as error:
            refused.append(str(error))

    with RayEngine(out, address=cluster.address, workers=2, say=lambda line: None) as engine:
        idle = take_cores(cluster.head_node, 2)  # so that the first worker is on the other node
        killer = threading.Thread(target=kill_and_intrude, args=(idle,), daemon=True)
        killer.start()
        quietly(raw, out, engine=engine)
        over.set()
        killer.join()
    assert killed == [None]  # the stage was not finished
    assert refused == [
        f"{out} is in use by another run, or a comparison of it. Wait for it, or give another --out."
    ]
    assert digest(out) == digest(tmp_path / "alone")


@pytest.mark.parametrize("stage", ["influence", "row_scores"])
def test_a_worker_killed_by_the_system_changes_no_byte(tmp_path, raw_config, cluster, stage):
    raw, out = with_scores(raw_config), tmp_path / "out"
    quietly(raw, tmp_path / "alone")
    quietly(raw, out, until=BEFORE[stage])
    killed, over = [], threading.Event()

    def kill():
        while not (killed or over.wait(0.02)):
            for process in psutil.process_iter(["cmdline"]):
                if "ray::_Worker.work" in " ".join(process.info["cmdline"] or ()):
                    process.kill()
                    killed.append(process.pid)
                    break

    with RayEngine(out, address=cluster.address, workers=1, say=lambda line: None) as engine:
        killer = threading.Thread(target=kill)
        killer.start()
        quietly(raw, out, engine=engine)
        over.set()
        killer.join()
    assert killed
    assert digest(out) == digest(tmp_path / "alone")


def test_a_killed_driver_goes_on_with_other_workers_and_a_second_one_is_refused(
    tmp_path, raw_config, cluster
):
    raw, out = with_scores(raw_config), tmp_path / "out"
    quietly(raw, tmp_path / "alone")
    config_file = tmp_path / "run.yaml"
    config_file.write_text(yaml.safe_dump(raw))
    first = drive(config_file, out, cluster, 2)
    wait_for(out / "influence", first)
    second = drive(config_file, out, cluster, 3)
    assert second.wait() == 2
    assert "is in use by another run" in (tmp_path / "3.log").read_text()
    first.kill()
    first.wait()
    assert not (out / "mixture").exists()
    last = drive(config_file, out, cluster, 1)
    assert last.wait() == 0, (tmp_path / "1.log").read_text()[-3000:]
    assert digest(out) == digest(tmp_path / "alone")


def test_the_recipe_scores_parquet_into_parquet(tmp_path, cluster):
    from hf_qads import QaDSScorer
    from hf_qads.embedded import scorer_path

    rows = tiny_rows(30)
    texts = {name: [row[name] for row in rows] for name in ("question", "answer")}
    (tmp_path / "pool").mkdir()
    for part in range(2):
        own = {name: column[part::2] for name, column in texts.items()}
        table = pa.table({**own, "mine": list(range(part, 30, 2))})
        pq.write_table(table, tmp_path / "pool" / f"{part}.parquet")
    recipe = [sys.executable, str(ROOT / "recipes" / "ray" / "score.py")]
    places = [str(tmp_path / "pool"), str(tmp_path / "scored"), "--batch-size", "8"]
    places += ["--scorer", str(scorer_path())]
    environment = {**ENVIRONMENT, "RAY_ADDRESS": cluster.address}
    asked = {"capture_output": True, "text": True, "env": environment, "check": False}
    done = subprocess.run([*recipe, *places], **asked)
    assert done.returncode == 0, done.stderr[-3000:]
    found = pq.read_table(tmp_path / "scored").sort_by("mine").to_pydict()
    assert found["mine"] == list(range(30))
    assert found["question"] == texts["question"]
    expected, _ = QaDSScorer(str(scorer_path()), device="cpu").predict(rows)
    assert found["qads_score"] == pytest.approx(expected.tolist(), abs=1e-5)
    greedy = subprocess.run([*recipe, *places, "--workers", "99"], **asked)
    assert greedy.returncode == 2
    assert "leave none of" in greedy.stderr


def test_ray_data_scores_a_pool_that_lives_elsewhere(tmp_path, cluster):
    from hf_qads import QaDSScorer
    from hf_qads.embedded import scorer_path

    rows = tiny_rows(40)
    texts = {name: [row[name] for row in rows] for name in ("question", "answer")}
    pq.write_table(pa.table({**texts, "mine": list(range(40))}), tmp_path / "pool.parquet")
    ray.init(address=cluster.address, log_to_driver=False, ignore_reinit_error=True)
    ray.data.read_parquet(str(tmp_path / "pool.parquet")).map_batches(
        QaDSScorer,
        fn_constructor_args=(str(scorer_path()),),
        fn_constructor_kwargs={"device": "cpu"},
        concurrency=1,
    ).write_parquet(str(tmp_path / "out"))
    found = pq.read_table(tmp_path / "out").sort_by("mine").to_pydict()
    assert found["mine"] == list(range(40))
    expected, _ = QaDSScorer(str(scorer_path()), device="cpu").predict(rows)
    assert found["qads_score"] == pytest.approx(expected.tolist(), abs=1e-5)
    ray.shutdown()
