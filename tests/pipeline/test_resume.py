"""A run that is killed and started again ends with the same bytes as one that was not."""

import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hf_qads.config import loading
from hf_qads.embedding import folders as embedding
from hf_qads.pipeline import run as pipeline
from hf_qads.runfolder import RunFolder
from hf_qads.runtime import files, models
from hf_qads.scoring.influence.shards import ShardFolder
from hf_qads.scoring.scorer import folders as scoring

ROOT = Path(__file__).parents[2]


def digest(folder: Path) -> dict[str, str]:
    """Hash of every file of `selection/` and `mixture/`."""
    paths = [path for part in ("selection", "mixture") for path in sorted((folder / part).rglob("*"))]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if path.is_file() and path.name != ".key"
    }


def run_and_kill(config_file: Path, out: Path, moments: list[float]) -> int:
    """Run to the end with kills on the way; how many attempts were killed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipeline.killing", config_file, out, *map(str, moments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stderr.rsplit("killed ", 1)[1])


def quietly(raw, out, **more):
    told: list[str] = []
    pipeline.run(loading.parse(raw), out, say=told.append, **more)
    return told


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_kills_at_random_moments_change_no_byte(tmp_path, config_file, kills):
    assert run_and_kill(config_file, tmp_path / "whole", []) == 0
    seconds = sum(line["seconds"] for line in RunFolder(tmp_path / "whole").ledger())
    draw = random.Random(kills)
    moments = [draw.uniform(0.0, 2 * seconds / (1 + kills // 3)) for _ in range(kills)]
    assert run_and_kill(config_file, tmp_path / "killed", moments) >= 1
    assert digest(tmp_path / "killed") == digest(tmp_path / "whole")


def test_a_second_run_does_nothing_again_and_a_change_redoes_what_depends_on_it(tmp_path, raw_config):
    out = tmp_path / "out"
    quietly(raw_config, out)
    before = digest(out)
    told = quietly(raw_config, out)
    assert len(told) == len(pipeline.stages(loading.parse(raw_config)))
    assert all(line.endswith("done before") for line in told)

    told = quietly({**raw_config, "select": {"start": 4, "metric": "cosine"}}, out)
    again = [line for line in told if "again" in line]
    assert again[0].endswith("selection: again, because select.metric was 'euclidean' and is 'cosine'")
    names = [line.split("] ")[1].split(":")[0] for line in again]
    assert names == ["selection", "worth", "mixture", "report"]
    assert again[1].endswith("because selection changed")

    quietly(raw_config, out)
    assert digest(out) == before


def test_a_changed_input_file_is_read_again(tmp_path, raw_config):
    out = tmp_path / "out"
    quietly(raw_config, out, until="pool")
    path = Path(raw_config["sources"][0]["path"])
    path.write_text(path.read_text() + '{"question": "new?", "answer": "yes"}\n')
    told = quietly(raw_config, out, until="pool")
    assert "again, because files." in told[0]


def test_a_damaged_file_redoes_its_stage_to_the_same_bytes(tmp_path, raw_config):
    out = tmp_path / "out"
    quietly(raw_config, out)
    before = digest(out)
    for victim in (out / "selection" / "sums.parquet", out / "mixture" / "qads.yaml"):
        victim.write_bytes(victim.read_bytes()[:-7])
        told = quietly(raw_config, out)
        assert any("files are missing or damaged" in line and victim.name in line for line in told)
        assert digest(out) == before


def test_what_a_kill_left_of_training_goes_with_the_next_run(tmp_path, raw_config, monkeypatch):
    out = tmp_path / "out"
    left = out / "scorer" / ".reasoning.training"
    remove = files.remove

    def killed(path):
        if path == left:
            raise KeyboardInterrupt
        remove(path)

    with monkeypatch.context() as patch:
        patch.setattr(files, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            quietly(raw_config, out, until="scorer")
    made = out / "scorer" / "reasoning" / "model.safetensors"
    stamp = made.stat().st_mtime_ns
    shutil.copytree(left, tmp_path / "left")
    quietly(raw_config, out, until="scorer")
    assert not left.exists()
    assert made.stat().st_mtime_ns == stamp
    assert sorted(path.name for path in RunFolder(out).scorers()) == ["general", "reasoning"]

    # The stage is complete, and its line in the ledger even counts what was left among its files.
    shutil.copytree(tmp_path / "left", left)
    ledger = out / "ledger.jsonl"
    *before, line = map(json.loads, ledger.read_text().splitlines())
    line["files"] |= {str(path.relative_to(out)): "1:" for path in left.rglob("*") if path.is_file()}
    ledger.write_text("".join(json.dumps(one) + "\n" for one in [*before, line]))
    told = quietly(raw_config, out, until="scorer")
    assert all(one.endswith("done before") for one in told)
    assert not left.exists()


def test_the_same_config_gives_the_same_bytes_in_another_folder(tmp_path, raw_config):
    for name in ("one", "two"):
        quietly(raw_config, tmp_path / name, until="mixture")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_status_tells_what_is_done_and_what_is_left(tmp_path, raw_config, capsys):
    from hf_qads.cli import main

    out = tmp_path / "out"
    quietly(raw_config, out, until="vectors")
    assert main(["status", str(out)]) == 0
    told = capsys.readouterr().out
    assert "vectors     done" in told
    assert "7 of 10 stages are left." in told


def test_until_takes_yaml_written_by_the_run_itself(tmp_path, raw_config):
    out = tmp_path / "out"
    quietly(raw_config, out, until="pool")
    again = yaml.safe_load((out / "config.yaml").read_text())
    assert quietly(again, out, until="pool")[0].endswith("done before")


def stopped_at(monkeypatch, place, name, number):
    """Have a function of a class or module stop the run at its `number`th call."""
    original, calls = getattr(place, name), []

    def stops(*arguments, **more):
        calls.append(name)
        if len(calls) == number:
            raise KeyboardInterrupt
        return original(*arguments, **more)

    monkeypatch.setattr(place, name, stops)


@pytest.mark.parametrize(
    ("place", "name", "number", "stage", "says"),
    [
        (ShardFolder, "write", 5, "influence", "      influence: 3 of 5 shards were done before."),
        (embedding, "merge", 2, "vectors", "      embedding of sums: done before."),
        (embedding, "merge", 1, "vectors", "      embedding of sums: 1 of 1 shards were done before."),
        (scoring, "merge", 2, "scores", "      scoring of sums: done before."),
        (scoring, "merge", 1, "scores", "      scoring of sums: 1 of 1 shards were done before."),
    ],
)
def test_a_run_that_goes_on_says_what_was_done_before(
    tmp_path, raw_config, monkeypatch, place, name, number, stage, says
):
    with monkeypatch.context() as patch:
        stopped_at(patch, place, name, number)
        with pytest.raises(KeyboardInterrupt):
            quietly(raw_config, tmp_path / "out", until=stage)
    told = quietly(raw_config, tmp_path / "out", until=stage)
    assert told.count(says) == 1, told


def test_what_the_library_logs_is_indented_like_its_stage(tmp_path, raw_config):
    raw_config["anchors"]["sources"] = [raw_config["sources"][0]["path"]]
    told = quietly(raw_config, tmp_path / "out", until="influence")
    place = next(index for index, line in enumerate(told) if "influence" in line)
    assert told[place + 1] == "      sums: anchors are chosen among 60 of its rows"
    pairs = r" {6}\d of 240 pairs were not scored: the anchor asks the prompt row's own question\."
    assert re.fullmatch(pairs, told[place + 2])


def test_a_smaller_batch_after_running_out_of_memory_keeps_every_finished_vector_and_score(
    tmp_path, raw_config
):
    out = tmp_path / "out"
    quietly({**raw_config, "batch_tokens": 4096}, out)
    told = quietly({**raw_config, "batch_tokens": 512}, out)
    assert all(line.endswith("done before") for line in told)


def test_the_dtype_is_decided_once_and_kept(tmp_path, raw_config, monkeypatch):
    monkeypatch.setattr(models, "pick_dtype", lambda name, **_: "bfloat16")
    told = quietly(raw_config, tmp_path / "run", until="vectors")
    assert "The model computes in bfloat16, in this run and whenever it is resumed." in told
    settings = RunFolder(tmp_path / "run").line("vectors")["settings"]
    assert settings["model"]["dtype"] == "bfloat16"
    monkeypatch.setattr(models, "pick_dtype", lambda name, **_: "float32")
    again = quietly(raw_config, tmp_path / "run", until="vectors")
    assert any("vectors: done before" in line for line in again)
