"""Scripts of batch jobs for a run: a Slurm array or Hugging Face Jobs for each costly stage, in order.

A stage that is cut into shards becomes an array whose tasks do a part each; the stages before and after it,
and putting its shards together, are a job of one task. Each waits for the one before.
"""

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from hf_qads.config.schema import Config
from hf_qads.pipeline.stage import Stage

TASK_HOURS: Final = 2.0  # of one task, so that a lost one costs little
MOST_TASKS: Final = 256
MARGIN: Final = 2.0  # time limits, against what is planned
START_HOURS: Final = 0.25  # loading a model, waiting for files
FLAVOUR: Final = {"A100": "a100-large", "H200": "h200"}


class Job(NamedTuple):
    """One job: the stage up to which it goes, how many tasks it has (0: it is no array), and hours a task."""

    stage: str
    tasks: int
    hours: float

    @property
    def limit(self) -> str:
        """Time limit with its margin, as Slurm writes it."""
        minutes = math.ceil(60 * (self.hours * MARGIN + START_HOURS))
        return f"{minutes // 60:02d}:{minutes % 60:02d}:00"


def jobs(stages: Sequence[Stage], config: Config, hours: Mapping[str, float]) -> list[Job]:
    """The jobs of a run, in order.

    Args:
        stages: of the run.
        config: of the run.
        hours: GPU hours planned for each; those that are not named take next to nothing.
    """
    made: list[Job] = []
    single = 0.0
    for number, stage in enumerate(stages):
        own = hours.get(stage.name, 0.0)
        passes = stage.passes(config)
        if not passes or own <= TASK_HOURS:
            single += own
            continue
        if number:
            made.append(Job(stages[number - 1].name, 0, single))
        tasks = min(MOST_TASKS, math.ceil(own / passes / TASK_HOURS))
        made += [Job(stage.name, tasks, own / passes / tasks)] * passes
        single = 0.0
    return [*made, Job(stages[-1].name, 0, single)]


def slurm(made: Sequence[Job], config: Path, out: Path, overrides: Sequence[str] = ()) -> str:
    """A script that submits the jobs to Slurm; `overrides` are the config's, `KEY=VALUE`."""
    run = shlex.join(["hf-qads", "run", str(config), *overrides, "--out", str(out)])
    lines = [
        "#!/bin/bash",
        "# Submits a run to Slurm: bash FILE. Written by `hf-qads plan`; edit what your cluster calls by",
        "# other names. The run folder must lie on a file system that all nodes share. Submit it again after",
        "# a failure: what is finished is not done again, and `hf-qads status` names what is missing.",
        "set -eu",
        'ONE="${ONE:---gres=gpu:1 --cpus-per-task=8 --mem=64G}"   # what each task asks for',
        'after=""',
        "submit() {",
        "  after=$(sbatch --parsable --kill-on-invalid-dep=yes $ONE \\",
        '    ${after:+--dependency=afterok:$after} "$@")',
        '  after=${after%%;*}; echo "$after $*"',
        "}",
        "",
    ]
    for job in made:
        array, part = (f" --array=0-{job.tasks - 1}", " --shard") if job.tasks else ("", "")
        command = shlex.quote(f"{run}{part} --until {job.stage}")
        lines.append(f"submit --job-name=qads-{job.stage}{array} --time={job.limit} --wrap {command}")
    return "\n".join(lines) + "\n"


def hf_jobs(made: Sequence[Job], config: Path, gpu: str, overrides: Sequence[str] = ()) -> str:
    """A script that runs the jobs on Hugging Face Jobs, with the run folder in a bucket."""
    given = shlex.join([*overrides, "--out", "/runs/out"])
    lines = [
        "#!/bin/bash",
        "# Runs on Hugging Face Jobs: BUCKET=me/runs IMAGE=... bash FILE. Written by `hf-qads plan`. The",
        "# bucket holds the run folder and is mounted by every job; IMAGE has this package (see Dockerfile).",
        "set -euo pipefail",
        ': "${BUCKET:?a bucket of yours, such as me/runs}" "${IMAGE:?an image with hf_qads}"',
        f'FLAVOR="${{FLAVOR:-{FLAVOUR.get(gpu, "a100-large")}}}"',
        f"CONFIG={shlex.quote(str(config))}",
        'start() {  # of what is printed only the id is kept: "id: ID" for people, "id=ID ..." for programs',
        '  id=$(hf jobs run --detach --flavor "$FLAVOR" --timeout "$1" --secrets HF_TOKEN \\',
        '    --volume "hf://buckets/$BUCKET:/runs" --volume "$(dirname "$CONFIG"):/config:ro" "$IMAGE" \\',
        f'    run "/config/$(basename "$CONFIG")" {given} "${{@:2}}" \\',
        "    | sed -nE 's/^ *id[:=] *([^ ]+).*/\\1/p')",
        '  ids+=("${id:?hf jobs run printed no id}")',
        "}",
        "",
    ]
    for job in made:
        minutes = math.ceil(60 * (job.hours * MARGIN + START_HOURS))
        start = f"start {minutes}m --until {job.stage}"
        if job.tasks:
            start = f'for i in $(seq 0 {job.tasks - 1}); do {start} --shard "$i/{job.tasks}"; done'
        lines += ["ids=()", start, 'hf jobs wait "${ids[@]}"']
    return "\n".join(lines) + "\n"
