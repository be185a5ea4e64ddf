"""A run whose costly stages are done in parts, by other processes or an engine, ends with the same bytes."""

import os
import subprocess
import sys

import pytest
import yaml

from hf_qads import cli
from hf_qads.config import loading
from hf_qads.embedded.rule_engine import RuleEngine
from hf_qads.errors import ConfigError, RunError
from hf_qads.pipeline import run as pipeline
from hf_qads.pipeline.summary import status
from hf_qads.runfolder import RunFolder
from hf_qads.runtime.array_parts import Part
from hf_qads.runtime.process_engine import ProcessEngine
from hf_qads.runtime.shard_book import Claims, ShardBook, check_done, enter
from tests.pipeline.test_resume import digest, quietly


class OneAfterTheOther:
    """An engine whose workers are this process, one after the other."""

    def __init__(self, count):
        self.count, self.stages = count, []

    def work(self, job, stage, handed, *, unit):
        self.stages.append(stage)
        book = ShardBook()
        enter(book, handed)
        for name in map(str, range(self.count)):
            book.join(name)
            job(stage, Claims(book, name))
        check_done(book, stage)
        assert all(shard.done for shards in handed.values() for shard in shards)


def test_an_engine_is_given_every_costly_stage_and_changes_no_byte(tmp_path, raw_config):
    quietly(raw_config, tmp_path / "alone")
    engine = OneAfterTheOther(2)
    quietly(raw_config, tmp_path / "shared", engine=engine)
    assert engine.stages == ["vectors", "influence", "scores", "selection"]
    assert digest(tmp_path / "alone") == digest(tmp_path / "shared")


@pytest.mark.slow
def test_processes_of_this_machine_change_no_byte(tmp_path, raw_config):
    raw = {**raw_config, "experience": None, "select": {"strategy": "less"}}
    quietly(raw, tmp_path / "alone")
    with ProcessEngine(tmp_path / "shared", workers=2, say=lambda line: None) as engine:
        quietly(raw, tmp_path / "shared", engine=engine)
    assert digest(tmp_path / "alone") == digest(tmp_path / "shared")


@pytest.mark.parametrize("scope", ["source", pytest.param("pool", marks=pytest.mark.slow)])
def test_two_ranks_of_a_launch_change_no_byte_and_fit_one_probe(tmp_path, raw_config, scope):
    raw = {**raw_config, "experience": None, "scorer": {"type": "probe"}, "select": {"scope": scope}}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(raw))
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "hf_qads"]
    command = [sys.executable, *launch, "run", "run.yaml", "--out", "shared"]
    subprocess.run(command, check=True, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"})
    quietly(raw, tmp_path / "alone")
    assert sorted((tmp_path / "shared" / "scorer").glob("*/probe.json"))
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
    assert list((out / "features").glob(f"*/{name}.target.npy"))
    assert not list((out / "features").glob(f"*/{name}/sums/vectors.npy"))
    quietly(raw, out, engine=engine, until="selection")
    assert engine.stages == ["vectors", "influence", "selection"]
    assert digest(tmp_path / "alone") == digest(out)


def test_generation_is_shards_handed_out_in_passes(tmp_path, raw_config, monkeypatch):
    monkeypatch.setattr(RuleEngine, "shard_prompts", 6)
    raw = {
        **raw_config,
        "sources": [{"path": "embedded_word_problems", "rows": 80}],
        "augment": {
            "model": "rules",
            "questions": 12,
            "operators": ["numbers", "condition"],
            "rounds": 2,
            "paths": {"samples": 2},
        },
        "anchors": {"sources": ["embedded_target"], "size": 6},
        "decontaminate": None,
    }
    made = "augmenting/embedded_word_problems_augmented.parquet"
    quietly(raw, tmp_path / "alone", until="augmenting")
    alone = (tmp_path / "alone" / made).read_bytes()

    engine = OneAfterTheOther(2)
    quietly(raw, tmp_path / "engine", engine=engine, until="augmenting")
    assert engine.stages == ["augmenting"] * 3  # a round, another, and answers to their questions
    assert (tmp_path / "engine" / made).read_bytes() == alone

    out, counts = tmp_path / "array", []
    for _ in range(3):  # arrays, the first of which begins the run
        for number in (1, 0):
            pipeline.run_part(loading.parse(raw), out, Part(number, 2), say=lambda line: None)
            counts.append(len(list((out / "generated").rglob("*.json"))))
            if len(counts) == 1:
                assert "augmenting: to redo them: --array=0 of 2" in status(out)
    assert "to redo them" not in status(out)
    assert counts[0] < counts[1] < counts[2] < counts[3] == counts[-1]
    assert not (out / made).exists()
    quietly(raw, out, until="augmenting")
    assert (out / made).read_bytes() == alone
    assert len(list((out / "generated").rglob("*.json"))) == counts[-1]


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


def test_a_part_of_a_named_stage_works_on_no_other(tmp_path, raw_config):
    raw, said = {**raw_config, "experience": None}, []
    checked, out = loading.parse(raw), tmp_path / "out"
    quietly(raw, out, until="vectors")
    for name in ("pool", "vectors"):  # as when the script of an array is submitted again
        pipeline.run_part(checked, out, Part(0, 2), until=name, say=said.append)
    assert said == ["pool: done before", "vectors: done before"]
    with pytest.raises(
        RunError, match="the stage 'influence' comes next, and 'scores' after it: start the run"
    ):
        pipeline.run_part(checked, out, Part(0, 2), until="scores")
    with pytest.raises(ConfigError, match="there is no stage 'scorers'"):
        pipeline.run_part(checked, out, Part(0, 2), until="scorers")
    assert not (out / "influence").exists()
    pipeline.run_part(checked, out, Part(0, 2), until="influence", say=said.append)
    assert said[2] == "influence: part 0 of 2 (from 0)"


def test_what_a_part_cannot_follow_is_refused_in_one_line(tmp_path, capsys):
    path, asked = str(tmp_path / "run.yaml"), ["--shard", "0/2", "--workers", "2", "--num-proc", "3"]
    for command in (["run", path, *asked], ["scaling", path, *asked[:4]]):
        assert cli.main(command) == 2
        given = "--workers, --num-proc" if command[0] == "run" else "--workers"
        told = f"--shard does a part of the work in this process alone. Leave {given} out."
        assert capsys.readouterr().err == f"hf-qads: error: {told}\n"


def test_parts_and_a_whole_run_do_not_work_in_one_folder_at_once(tmp_path, raw_config):
    out = tmp_path / "out"
    quietly(raw_config, out, until="experience")
    with RunFolder(out).locked(), pytest.raises(RunError, match="in use by another run"):
        pipeline.run_part(loading.parse(raw_config), out, Part(0, 1), say=lambda line: None)
