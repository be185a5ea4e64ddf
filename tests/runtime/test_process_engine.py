"""Worker processes on this machine: they share the shards, lost ones are replaced, and errors are told."""

import pytest

from hf_qads.errors import RunError, ShardsGivenUpError
from hf_qads.runtime.engines import start
from hf_qads.runtime.process_engine import LOG, ProcessEngine
from tests.runtime.ray_jobs import Deadly, Dying, Failing, Holding, Refusing, Tried, Waiting


def work(engine, job, stage):
    engine.work(job, stage, job.handed(stage))


def contents(folder, stage):
    return [path.read_text() for path in sorted(folder.glob(f"{stage}-*.txt"))]


def test_processes_share_the_shards_a_lost_one_is_replaced_and_a_poisoned_shard_given_up(tmp_path):
    said = []
    with ProcessEngine(tmp_path, workers=2, say=said.append) as engine:
        work(engine, Waiting(tmp_path, count=6, seconds=0.02), "first")
        work(engine, Dying(tmp_path, count=4), "lost")
        with pytest.raises(ShardsGivenUpError, match="number 2 of bad: ValueError: a poisoned row"):
            work(engine, Waiting(tmp_path, count=4, poisoned=2), "bad")
    assert contents(tmp_path, "first") == [f"first {number}\n" for number in range(6)]
    assert contents(tmp_path, "lost") == [f"lost {number}\n" for number in range(4)]
    assert len(contents(tmp_path, "bad")) == 3
    assert (tmp_path / "log").read_text().count("\n") == 6 + 4 + 3  # each once
    assert len(said) == 1
    assert "the worker was lost" in said[0]
    assert str(tmp_path / LOG) in said[0]


def test_a_shard_that_fails_while_the_other_worker_has_nothing_to_do_is_tried_three_times(tmp_path):
    with ProcessEngine(tmp_path, workers=2, say=print) as engine:
        work(engine, Waiting(tmp_path, count=2), "before")  # both are there from now on
        with pytest.raises(ShardsGivenUpError, match="number 0 of alone: ValueError: a poisoned row"):
            work(engine, Tried(tmp_path, count=1, poisoned=0, seconds=0.3), "alone")
    assert (tmp_path / "tried").read_text() == "0\n" * 3


def test_workers_that_cannot_work_are_told_with_their_last_error(tmp_path, capsys):
    with (
        ProcessEngine(tmp_path, workers=1) as engine,
        pytest.raises(
            RunError, match=r"2 shards of the stage any are left, .* OSError: no model here\. What is"
        ),
    ):
        work(engine, Failing(tmp_path, count=2), "any")
    assert capsys.readouterr().out.count("OSError: no model here") == 4  # one, and three in its place


def test_workers_without_work_end_by_themselves_and_give_back_what_they_hold(tmp_path):
    with ProcessEngine(tmp_path, workers=1) as engine:
        work(engine, Holding(tmp_path, count=1), "any")
    assert (tmp_path / "given back").exists()


@pytest.mark.slow
def test_a_shard_that_kills_its_process_is_given_up_and_the_others_are_done(tmp_path):
    with (
        ProcessEngine(tmp_path, workers=2, say=lambda line: None) as engine,
        pytest.raises(ShardsGivenUpError, match=r"1 shards .* number 1 of deadly: the worker was lost"),
    ):
        work(engine, Deadly(tmp_path, count=5), "deadly")
    assert len(contents(tmp_path, "deadly")) == 4


@pytest.mark.slow
def test_what_a_user_can_mend_ends_the_work_in_one_line(tmp_path):
    with (
        ProcessEngine(tmp_path, workers=1, say=lambda line: None) as engine,
        pytest.raises(RunError, match=r"^the model folder is not there$"),
    ):
        work(engine, Refusing(tmp_path, count=1), "any")


def test_an_engine_is_started_where_workers_are_asked_for(tmp_path, monkeypatch):
    with start("local", tmp_path) as alone:
        assert alone is None
    with start("local", tmp_path, every_gpu=True) as alone:
        assert alone is None  # there is no GPU
    with start("local", tmp_path, workers=2) as two:
        assert isinstance(two, ProcessEngine)
    with (
        pytest.raises(RunError, match="--workers 0 is no number"),
        start("local", tmp_path, workers=0),
    ):
        pass
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RunError, match="2 processes were launched"), start("ray", tmp_path):
        pass
