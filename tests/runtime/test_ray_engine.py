"""Workers on a real Ray cluster of two nodes on this machine: losses, poison, and what is refused."""

import threading
import time
from types import SimpleNamespace

import pytest

from hf_qads.errors import RunError, ShardsGivenUpError
from hf_qads.runtime import ray_engine
from hf_qads.runtime.ray_engine import RayEngine, _fitting
from tests.runtime.ray_jobs import Dying, Full, Refusing, Tried, Waiting, add_node, start_cluster

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def cluster():
    made = start_cluster(1)
    add_node(made, 1)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def engine(cluster, tmp_path):
    said = []
    with RayEngine(tmp_path, address=cluster.address, workers=2, say=said.append) as made:
        made.said = said
        yield made


def work(engine, job, stage):
    engine.work(job, stage, job.handed(stage))


def contents(folder, stage):
    return [path.read_text() for path in sorted(folder.glob(f"{stage}-*.txt"))]


def test_a_cluster_on_this_machine_does_shards_and_ends_with_its_run(tmp_path):
    with RayEngine(tmp_path, address="local", workers=1, say=lambda line: None) as engine:
        work(engine, Waiting(tmp_path, count=4), "here")
        with pytest.raises(ShardsGivenUpError, match="number 2 of bad: ValueError: a poisoned row"):
            work(engine, Waiting(tmp_path, count=4, poisoned=2), "bad")
    assert contents(tmp_path, "here") == [f"here {number}\n" for number in range(4)]
    assert len(contents(tmp_path, "bad")) == 3
    assert not ray.is_initialized()


def wait_for_two_nodes():
    """Until the cluster knows that the third is gone, and gives it no worker of the next test."""
    while sum(bool(node["Alive"]) for node in ray.nodes()) > 2:
        time.sleep(0.2)


@pytest.mark.slow
def test_workers_share_the_shards_and_do_each_once(engine, tmp_path):
    work(engine, Waiting(tmp_path, count=12, seconds=0.05), "first")
    assert contents(tmp_path, "first") == [f"first {number}\n" for number in range(12)]
    work(engine, Waiting(tmp_path, count=3), "second")  # with the same workers
    assert contents(tmp_path, "second") == [f"second {number}\n" for number in range(3)]
    done = (tmp_path / "log").read_text().split()
    assert len(done) == 15
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.slow
def test_a_poisoned_shard_is_given_up_after_three_tries_and_the_rest_is_done(engine, tmp_path):
    job = Waiting(tmp_path, count=6, poisoned=2)
    with pytest.raises(
        RunError, match="1 shards of the stage bad were given up; the first, number 2 of bad: ValueError"
    ):
        work(engine, job, "bad")
    assert len(contents(tmp_path, "bad")) == 5
    tried = Tried(tmp_path, count=1, poisoned=0, seconds=0.3)  # the other worker has nothing to do meanwhile
    with pytest.raises(ShardsGivenUpError, match="number 0 of alone: ValueError: a poisoned row"):
        work(engine, tried, "alone")
    assert (tmp_path / "tried").read_text() == "0\n" * 3


@pytest.mark.slow
def test_what_a_user_can_mend_ends_the_run_in_one_line(engine, tmp_path):
    with pytest.raises(RunError, match=r"^the model folder is not there$"):
        work(engine, Refusing(tmp_path, count=1), "any")


@pytest.mark.slow
def test_a_worker_that_finds_no_room_is_told_of_and_works_once_there_is_some(cluster, tmp_path, monkeypatch):
    nodes, said = [], []

    def say(line):
        said.append(line)
        if "no room" in line:
            nodes.append(add_node(cluster, 1))

    with RayEngine(tmp_path, address=cluster.address, workers=3, say=say) as engine:
        work(engine, Waiting(tmp_path, count=4, seconds=1.0), "before")  # by the two that find room
        monkeypatch.setattr(ray_engine, "PATIENCE", 1.0)
        tried = Tried(tmp_path, count=1, poisoned=0)  # two have failed at it, and the third is not there
        with pytest.raises(ShardsGivenUpError, match="number 0 of alone"):
            work(engine, tried, "alone")
        cluster.remove_node(nodes[0], allow_graceful=False)
        wait_for_two_nodes()
    (told,) = said
    assert "waiting for 1 workers: each asks for 1 CPU and 0 GPUs" in told


@pytest.mark.slow
@pytest.mark.parametrize("count", [30, 8])  # with 8 the others have ended when the loss is noticed
def test_a_node_that_dies_loses_no_shard(engine, cluster, tmp_path, count):
    node = add_node(cluster, 2)
    engine._count = 3

    def kill():
        while len(list(tmp_path.glob("lost-*.txt"))) < 4:
            time.sleep(0.05)
        cluster.remove_node(node, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    work(engine, Waiting(tmp_path, count=count, seconds=0.2), "lost")
    killer.join()
    wait_for_two_nodes()
    assert contents(tmp_path, "lost") == [f"lost {number}\n" for number in range(count)]


@pytest.mark.slow
def test_a_worker_that_the_system_kills_is_replaced_and_its_shard_done(engine, tmp_path):
    work(engine, Dying(tmp_path, count=6, seconds=0.05), "killed")
    assert contents(tmp_path, "killed") == [f"killed {number}\n" for number in range(6)]
    assert len((tmp_path / "log").read_text().split()) == 6  # each once
    assert len(engine.said) == 1
    assert "the worker was lost" in engine.said[0]


@pytest.mark.slow
def test_a_full_disk_on_one_node_leaves_its_shards_to_the_other(engine, tmp_path):
    work(engine, Full(tmp_path, count=12, seconds=0.1), "full")
    assert contents(tmp_path, "full") == [f"full {number}\n" for number in range(12)]
    assert len((tmp_path / "log").read_text().split()) == 12


@pytest.mark.slow
def test_a_run_folder_that_a_worker_does_not_see_is_told(cluster, tmp_path, monkeypatch):
    with RayEngine(tmp_path, address=cluster.address, workers=1, say=lambda line: None) as engine:
        engine._token = "another"  # what the driver writes is not what the worker finds
        monkeypatch.setattr("pathlib.Path.write_text", lambda *_, **__: 0)
        with pytest.raises(RunError, match="does not see the run folder"):
            work(engine, Waiting(tmp_path, count=1), "unseen")


@pytest.mark.parametrize(
    ("resources", "gpus", "kind", "says"),
    [
        ({"CPU": 8.0}, 1.0, None, "asks for 1 GPUs, and the cluster has 0"),
        (
            {"GPU": 4.0, "accelerator_type:A100": 1.0, "accelerator_type:T4": 1.0},
            1.0,
            None,
            r"different GPUs \(A100, T4\)",
        ),
        ({"GPU": 4.0, "accelerator_type:A100": 1.0}, 1.0, "H100", "no GPU of type 'H100', only: A100"),
    ],
)
@pytest.mark.parametrize("workers", [None, 2])
def test_what_a_cluster_lacks_is_told(resources, gpus, kind, says, workers, tmp_path, monkeypatch):
    cluster = SimpleNamespace(cluster_resources=lambda: resources, nodes=lambda: [{"Alive": True}])
    monkeypatch.setattr(ray_engine, "_connect", lambda address: (cluster, False))
    with pytest.raises(RunError, match=says):
        RayEngine(tmp_path, workers=workers, gpus_per_worker=gpus, gpu_type=kind)


def test_workers_fill_the_gpus_or_the_nodes():
    assert _fitting({"GPU": 8.0, "accelerator_type:A100": 1.0}, 2, 2.0, None) == 4
    assert _fitting({"GPU": 8.0, "accelerator_type:A100": 1.0, "accelerator_type:T4": 1.0}, 2, 1.0, "T4") == 8
    assert _fitting({"CPU": 64.0}, 3, 0.0, None) == 3


def test_no_cluster_at_the_address_is_one_line(tmp_path):
    with pytest.raises(RunError, match=r"no Ray cluster at --address 127\.0\.0\.1:1"):
        RayEngine(tmp_path, address="127.0.0.1:1", say=lambda line: None)


def test_a_cluster_that_comes_up_too_slowly_is_one_line(tmp_path, monkeypatch):
    def init(**_):
        raise Exception("The current node timed out during startup. This could happen because ...")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(RunError, match=r"no Ray cluster at --address local \(The current node timed out"):
        RayEngine(tmp_path, address="local", say=lambda line: None)
