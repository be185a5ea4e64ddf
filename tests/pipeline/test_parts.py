"""A run whose costly stages are done in parts, by other processes or an engine, ends with the same bytes."""

import pytest

from hf_qads.config import loading
from hf_qads.errors import RunError
from hf_qads.pipeline import run as pipeline
from hf_qads.pipeline.summary import status
from hf_qads.runfolder import RunFolder
from hf_qads.runtime.executors import Part
from tests.pipeline.test_resume import digest, quietly


class OneAfterTheOther:
    """An engine whose workers are parts that this process does in turn."""

    def __init__(self, count):
        self.count, self.stages = count, []

    def work(self, job, stage, handed, *, unit):
        self.stages.append(stage)
        for number in range(self.count):
            job(stage, Part(number, self.count))
        assert all(shard.done for shards in handed.values() for shard in shards)


def test_an_engine_is_given_every_costly_stage_and_changes_no_byte(tmp_path, raw_config):
    quietly(raw_config, tmp_path / "alone")
    engine = OneAfterTheOther(2)
    quietly(raw_config, tmp_path / "shared", engine=engine)
    assert engine.stages == ["vectors", "influence", "scores", "selection"]
    assert digest(tmp_path / "alone") == digest(tmp_path / "shared")


@pytest.mark.parametrize("strategy", ["rds", pytest.param("less", marks=pytest.mark.slow)])
def test_features_of_rows_and_anchors_are_shards(tmp_path, raw_config, strategy):
    raw = {**raw_config, "experience": None, "scorer": {"type": "probe"}, "select": {"strategy": strategy}}
    quietly(raw, tmp_path / "alone", until="selection")
    out, engine, said = tmp_path / "shared", OneAfterTheOther(2), []
    quietly(raw, out, engine=engine, until="scores")
    name = {"rds": "weighted_vectors", "less": "gradients"}[strategy]
    for number in (1, 0):  # each source is one shard, as the anchors are: part 0 has them all
        pipeline.run_part(loading.parse(raw), out, Part(number, 2), say=said.append)
        told = status(out)
        assert (f"{name} of sums: 1 of 1 shards missing: 0" in told) == bool(number)
        assert ("features: to redo them: --array=0 of 2" in told) == bool(number)
    assert said[0] == "features: part 1 of 2 (from 0)"
    assert (out / "features" / f"{name}.target.npy").exists()
    assert not (out / "features" / name / "sums" / "vectors.npy").exists()
    quietly(raw, out, engine=engine, until="selection")
    assert engine.stages == ["vectors", "influence", "selection"]
    assert digest(tmp_path / "alone") == digest(out)


@pytest.mark.slow
def test_parts_of_an_array_do_a_stage_and_the_run_goes_on_from_them(tmp_path, raw_config):
    checked, out = loading.parse(raw_config), tmp_path / "parts"
    said = []
    with pytest.raises(RunError, match="the stage 'pool' comes next, and is one piece of work"):
        pipeline.run_part(checked, out, Part(0, 2), say=said.append)
    quietly(raw_config, out, until="experience")
    for number in (1, 0):
        pipeline.run_part(checked, out, Part(number, 2), say=said.append)
        if number:
            told = status(out)
            assert "embedding of sums: 1 of 1 shards missing: 0" in told
            assert "vectors: to redo them: --array=0 of 2" in told
    assert said[0] == "vectors: part 1 of 2 (from 0)"
    assert not (out / "vectors" / "sums" / "vectors.npy").exists()
    shards = sorted(path.name for path in (out / "vectors").rglob("0*.parquet"))
    assert shards == ["000000.parquet", "000000.parquet"]
    told = quietly(raw_config, out, until="vectors")
    assert any("1 of 1 shards were done before" in line for line in told)
    pipeline.run_part(checked, out, Part(0, 1), say=said.append)
    told = quietly(raw_config, out)
    assert any("influence: 5 of 5 shards were done before" in line for line in told)
    quietly(raw_config, tmp_path / "alone")
    assert digest(out) == digest(tmp_path / "alone")
    pipeline.run_part(checked, out, Part(0, 1), say=said.append)
    assert said[-1] == "Everything is done."


def test_parts_and_a_whole_run_do_not_work_in_one_folder_at_once(tmp_path, raw_config):
    out = tmp_path / "out"
    quietly(raw_config, out, until="experience")
    with RunFolder(out).locked(), pytest.raises(RunError, match="in use by another run"):
        pipeline.run_part(loading.parse(raw_config), out, Part(0, 1), say=lambda line: None)
