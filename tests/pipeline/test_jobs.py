"""Batch jobs of a run: which, how many tasks, how long, in which order, and scripts that a shell takes."""

import os
import shlex
import subprocess

import pytest
import yaml

from hf_qads.config import loading
from hf_qads.errors import ConfigError
from hf_qads.pipeline.planning.jobs import Job, hf_jobs, jobs, slurm
from hf_qads.pipeline.planning.plan import plan
from hf_qads.pipeline.run import stages


def test_a_stage_of_many_hours_becomes_an_array_between_jobs_of_one_task(raw_config):
    config = loading.parse(raw_config)
    made = jobs(stages(config), config, {"vectors": 7.0, "influence": 1.0, "scores": 512.0})
    assert made == [
        Job("experience", 0, 0.0),
        Job("vectors", 4, 1.75),  # 7 hours in tasks of at most 2
        Job("scorer", 0, 1.0),  # influence is too short for an array
        Job("scores", 256, 2.0),
        Job("report", 0, 0.0),
    ]
    assert made[1].limit == "03:45:00"  # 1.75 h twice, and a quarter for the start


def test_shards_that_depend_on_others_become_an_array_after_the_other(raw_config):
    config = loading.parse({**raw_config, "augment": {"model": raw_config["model"], "rounds": 2}})
    assert jobs(stages(config), config, {"augmenting": 9.0}) == [
        *[Job("augmenting", 2, 1.5)] * 3,  # two rounds of questions, then answers
        Job("report", 0, 0.0),
    ]


@pytest.mark.parametrize("write", [slurm, hf_jobs])
def test_the_scripts_are_shell(write, tmp_path):
    made = [Job("experience", 0, 0.5), Job("vectors", 3, 2.0), Job("report", 0, 0.1)]
    text = write(made, tmp_path / "my run.yaml", tmp_path / "out" if write is slurm else "H100")
    (tmp_path / "jobs.sh").write_text(text)
    subprocess.run(["bash", "-n", tmp_path / "jobs.sh"], check=True)


def test_slurm_is_given_each_job_after_the_one_before(tmp_path):
    log = tmp_path / "log"
    (tmp_path / "sbatch").write_text(f'#!/bin/bash\nprintf "%s|" "$@" >> {log}; echo >> {log}; echo 7\n')
    (tmp_path / "sbatch").chmod(0o755)
    made = [Job("experience", 0, 0.5), Job("vectors", 3, 2.0), Job("report", 0, 0.1)]
    (tmp_path / "jobs.sh").write_text(slurm(made, tmp_path / "my run.yaml", tmp_path / "out"))
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(["bash", tmp_path / "jobs.sh"], check=True, env={**os.environ, "PATH": path})
    first, array, last = log.read_text().splitlines()
    assert "--dependency" not in first
    assert f"hf-qads run '{tmp_path}/my run.yaml' --out {tmp_path}/out --until experience|" in first
    assert "--dependency=afterok:7|--job-name=qads-vectors|--array=0-2|--time=04:15:00|" in array
    assert array.endswith("--shard --until vectors|")  # so that one that is submitted again ends at once
    assert last.endswith("--until report|")


@pytest.mark.parametrize(
    "printed",
    ["✓ Job started\\n  id: job$n\\n  name: n\\n  url: u", "id=job$n name=n url=u"],
    ids=["for people", "for programs"],
)
def test_hugging_face_jobs_are_waited_for_by_their_ids(tmp_path, printed):
    log = tmp_path / "log"
    (tmp_path / "hf").write_text(
        f'#!/bin/bash\necho "$@" >> {log}\nn=$(wc -l < {log})\n[ "$2" = wait ] || printf "{printed}\\n"\n'
    )
    (tmp_path / "hf").chmod(0o755)
    made = [Job("experience", 0, 0.5), Job("vectors", 2, 2.0)]
    (tmp_path / "jobs.sh").write_text(hf_jobs(made, tmp_path / "my run.yaml", "H200"))
    own = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "BUCKET": "me/runs", "IMAGE": "me/hf-qads"}
    subprocess.run(["bash", tmp_path / "jobs.sh"], check=True, env={**os.environ, **own})
    first, waited, *parts, last = log.read_text().splitlines()
    assert "--flavor h200 --timeout 75m " in first
    assert first.endswith("me/hf-qads run /config/my run.yaml --out /runs/out --until experience")
    assert (waited, last) == ("jobs wait job1", "jobs wait job3 job4")
    assert [part.partition("--out /runs/out ")[2] for part in parts] == [
        f"--until vectors --shard {number}/2" for number in (0, 1)
    ]
    (tmp_path / "hf").write_text("#!/bin/bash\nexit 1\n")
    failed = subprocess.run(["bash", tmp_path / "jobs.sh"], env={**os.environ, **own})
    assert failed.returncode


def test_a_plan_writes_the_scripts(tmp_path, raw_config):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({**raw_config, "model": "embedded"}), encoding="utf-8")
    given = {"overrides": ["name=own", "vectors=model"], "out": tmp_path / "shared"}
    told = plan(str(path), slurm=tmp_path / "a.sh", hf_jobs=tmp_path / "b.sh", **given)
    assert f"1 jobs for Slurm: bash {tmp_path}/a.sh" in told
    command = shlex.join(
        ["hf-qads", "run", str(path), "name=own", "vectors=model", "--out", str(tmp_path / "shared")]
    )
    assert f"--wrap {shlex.quote(f'{command} --until report')}" in (tmp_path / "a.sh").read_text()
    assert "hf://buckets/$BUCKET:/runs" in (tmp_path / "b.sh").read_text()
    assert "name=own vectors=model --out /runs/out" in (tmp_path / "b.sh").read_text()
    with pytest.raises(ConfigError, match="Write `preset: openmathmix` into one"):
        plan("openmathmix", slurm=tmp_path / "c.sh")
