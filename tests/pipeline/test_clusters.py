"""A plan on several GPUs: whole shards, the largest source's selection, and what stays on one machine."""

import pytest
import yaml

from hf_qads import cli
from hf_qads.errors import ConfigError
from hf_qads.pipeline.planning import costs
from hf_qads.pipeline.planning.clusters import on_clusters, table
from hf_qads.pipeline.planning.plan import plan

SIZES = {"large": 30 * 4096, "small": 10 * 4096}


def made():
    return costs.plan(SIZES, {"large": 0.1, "small": 0.1}, parameters=1e9, width=1000)


def test_shards_are_whole_and_each_source_is_selected_on_one_gpu():
    stages = {stage.name: stage for stage in on_clusters(made(), [1, 8, 32, 1000])}
    vectors = stages["vectors"]
    assert vectors.gpu_hours == pytest.approx(2e9 * 40 * 4096 * 300 / (989e12 * 0.5) / 3600)
    # 40 shards: 5 turns on 8, 2 on 32, 1 on any more
    assert [hours / vectors.gpu_hours for hours in vectors.hours] == pytest.approx(
        [1, 5 / 40, 2 / 40, 1 / 40]
    )
    # picks times rows: 9 parts in the large source, 1 in the small one
    selection = stages["selection"]
    assert [h / selection.gpu_hours for h in selection.hours] == pytest.approx([1, 0.9, 0.9, 0.9], rel=1e-3)
    # 40 * 4,096 vectors of 2,000 bytes, at 1 GB a second, read and written
    assert vectors.alone == pytest.approx(2 * 40 * 4096 * 2000 / 1e9 / 3600)
    assert vectors.network == pytest.approx(40 * 4096 * (300 * 2 + 3 * 2000))
    assert stages["pool"].alone == pytest.approx(40 * 4096 / 20_000 / 3600)
    assert stages["experience"].hours == (0, 0, 0, 0)
    assert stages["experience"].alone == stages["experience"].gpu_hours > 0


def test_the_table_adds_up():
    lines = table(made(), [8, 64]).splitlines()
    assert lines[0] == "| stage | GPU hours | hours on 8 | hours on 64 | on one machine | disk | network |"
    assert lines[2].startswith("| pool | ")
    stages = on_clusters(made(), [8])
    assert f" {sum(stage.gpu_hours for stage in stages):.2f} " in next(
        x for x in lines if x.startswith("| all")
    )


def test_a_pool_is_planned_for_as_if_it_had_grown(tmp_path, raw_config, capsys):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({**raw_config, "model": "embedded"}), encoding="utf-8")
    assert cli.main(["plan", str(path), "--rows", "10000", "--gpus", "8", "64"]) == 0
    told = capsys.readouterr().out
    assert "sums                         6,000" in told
    assert "total                       10,000" in told
    assert "| hours on 8 | hours on 64 |" in told
    with pytest.raises(ConfigError, match="--rows 1 is less than a row for each of 2 sources"):
        plan(str(path), rows=1)
