"""Costs in a plan on several GPUs: hours of each stage, disk, network, and what stays on one machine.

GPU hours are those of `costs`; speeds of the rest are stated below. Shards are whole: a stage of 1,220 shards
takes 3 turns on 512 GPUs.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from hf_qads.mixing.ratios import nearest
from hf_qads.pipeline.planning.costs import Plan, StagePlan
from hf_qads.runtime import tables
from hf_qads.runtime.sharding import SHARD_ROWS
from hf_qads.scoring.influence.shards import MOST_ROWS

READ_ROWS: Final = 20_000.0  # a second on one core: read, normalised, without exact duplicates
MIXED_ROWS: Final = 15_000.0  # a second on one core, from the pool into the mixture
STORAGE: Final = 1e9  # bytes a second of the shared file system, to one machine
SHARED: Final = ("vectors", "influence", "scores", "row_scores", "features", "augmenting")
MERGED: Final = ("vectors", "scores", "row_scores", "features")  # shards become one file
ALONE: Final = ("experience", "scorer", "training")  # trainings: on one GPU, or on those of a launch's ranks


class StageOnCluster(NamedTuple):
    """One stage.

    Attributes:
        name: of the stage.
        gpu_hours: of all GPUs together.
        hours: by number of GPUs, what they share.
        alone: hours on one machine, whatever the number of GPUs.
        disk: bytes that stay.
        network: bytes that go through the shared file system, without the model that each worker loads.
    """

    name: str
    gpu_hours: float
    hours: tuple[float, ...]
    alone: float
    disk: float
    network: float


def on_clusters(plan: Plan, gpus: Sequence[int]) -> list[StageOnCluster]:
    """Each stage of a plan on several numbers of GPUs.

    Args:
        plan: what `costs.plan` made.
        gpus: numbers of GPUs.
    """
    pool = next(stage for stage in plan.stages if stage.name == "pool")
    vectors = sum(stage.disk for stage in plan.stages if stage.name == "vectors")
    found = []
    for stage in plan.stages:
        text = pool.disk * min(1.0, stage.rows / max(1, pool.rows))  # of the rows that it reads
        alone, network = 0.0, text + stage.disk
        if stage.name == "pool":
            alone = pool.rows / READ_ROWS / 3600
        elif stage.name == "mixture":
            alone = stage.rows / MIXED_ROWS / 3600
        elif stage.name in ALONE:
            alone = stage.gpu_hours
        elif stage.name == "selection":
            network = vectors + stage.disk
        if stage.name in MERGED:
            alone += 2 * stage.disk / STORAGE / 3600
            network += 2 * stage.disk
        hours = tuple(_shared(plan, stage, count) for count in gpus)
        found.append(StageOnCluster(stage.name, stage.gpu_hours, hours, alone, stage.disk, network))
    return found


def table(plan: Plan, gpus: Sequence[int]) -> str:
    """The stages on several numbers of GPUs, for reading, as a table in Markdown; with what was assumed."""
    stages = on_clusters(plan, gpus)
    head = [
        "stage",
        "GPU hours",
        *(f"hours on {count}" for count in gpus),
        "on one machine",
        "disk",
        "network",
    ]
    rows = []
    total = StageOnCluster(
        "all",
        sum(stage.gpu_hours for stage in stages),
        tuple(sum(stage.hours[place] for stage in stages) for place in range(len(gpus))),
        sum(stage.alone for stage in stages),
        sum(stage.disk for stage in stages),
        sum(stage.network for stage in stages),
    )
    for stage in (*stages, total):
        hours = [_hours(value) for value in (stage.gpu_hours, *stage.hours, stage.alone)]
        rows.append([stage.name, *hours, _bytes(stage.disk), _bytes(stage.network)])
    notes = [
        f"{plan.gpu}; operations and uses as in the plan; shards of {SHARD_ROWS:,} rows, in influence of "
        f"{MOST_ROWS}",
        f"on one machine: reading at {READ_ROWS:,.0f} rows a second on one core (no near duplicates), mixing "
        f"at {MIXED_ROWS:,.0f}; shards put together at {STORAGE / 1e9:g} GB a second of shared storage, read "
        "and written once; trainings on one GPU (ranks of a launch share them)",
        "selection: at most, one pass over the source's vectors for each pick, at the speed of memory; each "
        "source on one GPU",
        "network: text and results through shared storage, without the model that each worker loads once",
    ]
    return "\n".join([tables.table(head, rows), *(f"- {note}" for note in notes)])


def _shared(plan: Plan, stage: StagePlan, count: int) -> float:
    """Hours that `count` GPUs need for what they share of a stage."""
    if stage.name == "selection":
        work = {name: plan.kept[name] * size for name, size in plan.sizes.items()}
        largest = max(work.values(), default=0) / max(1, sum(work.values()))
        return stage.gpu_hours * max(largest, 1 / count)
    if stage.name not in SHARED:
        return 0.0
    rows = MOST_ROWS if stage.name == "influence" else SHARD_ROWS
    shards = max(1, nearest(stage.rows / rows))
    return stage.gpu_hours * math.ceil(shards / count) / shards


def _hours(value: float) -> str:
    if not value:
        return ""
    return "<0.01" if value < 0.005 else f"{value:,.2f}" if value < 10 else f"{value:,.0f}"


def _bytes(value: float) -> str:
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 1000:
            return f"{value:,.3g} {unit}"
    return f"{value / 1000:,.3g} TB"
