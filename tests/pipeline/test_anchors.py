"""Anchors are chosen among a bounded number of candidates, which is told and planned."""

import yaml

from hf_qads.config import loading
from hf_qads.pipeline import run as pipeline
from hf_qads.pipeline.planning.plan import plan
from hf_qads.pipeline.stages.anchors import anchors


def test_no_more_rows_are_embedded_for_anchors_than_asked(tmp_path, raw_config):
    raw = {**raw_config, "experience": None, "anchors": {**raw_config["anchors"], "pool": 8}}
    run = pipeline.run(loading.parse(raw), tmp_path / "out", until="vectors", say=lambda line: None)
    said = []
    context = pipeline.Context(loading.parse(raw), run, said.append)
    assert len(anchors(context, run.folder("influence"))) == 6
    assert said == ["      target: anchors are chosen among 8 of its rows"]
    again = pipeline.Context(loading.parse(raw), run, said.append)
    assert anchors(again, run.folder("other")).equals(anchors(context, run.folder("influence")))


def test_the_plan_counts_them(tmp_path, raw_config):
    for pool, counted in ((8, 8), (1000, 12)):
        raw = {**raw_config, "model": "embedded", "anchors": {**raw_config["anchors"], "pool": pool}}
        path = tmp_path / f"{pool}.yaml"
        path.write_text(yaml.safe_dump(raw), encoding="utf-8")
        assert f"{counted} rows embedded to choose anchors" in plan(str(path))
