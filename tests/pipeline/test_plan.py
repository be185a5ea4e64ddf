"""A plan counts what a run will read, and names what is not available: here nothing of the Hub can."""

import re

import pytest
import yaml

from hf_qads.cli import main
from hf_qads.config import loading
from hf_qads.errors import SourceMissing
from hf_qads.pipeline.planning import measuring
from hf_qads.pipeline.reading import find_missing
from hf_qads.sources import BENCHMARKS
from tests.models import tiny_rows
from tests.pipeline.conftest import write_rows


@pytest.fixture
def planned(tmp_path, capsys):
    """What `hf-qads plan` says of a config."""

    def of(raw):
        path = tmp_path / "planned.yaml"
        path.write_text(yaml.safe_dump(raw), encoding="utf-8")
        assert main(["plan", str(path)]) == 0
        return capsys.readouterr().out

    return of


def with_catalogue(raw, *names):
    """The config with further sources and anchor sets, of the catalogue."""
    anchors = {**raw["anchors"], "sources": [*raw["anchors"]["sources"], *names]}
    return {**raw, "sources": [*raw["sources"], *names], "anchors": anchors}


def rows_of(text, name):
    """The number beside a name in the table of sources."""
    found = re.search(rf"^{name} +([\d,]+) ", text, re.MULTILINE)
    return found and int(found[1].replace(",", ""))


def test_what_a_run_leaves_out_is_named_with_the_reason_and_not_counted(planned, raw_config):
    raw = {**with_catalogue(raw_config, "dmath", "aqua_rat"), "on_missing": "skip"}
    told = planned(raw)
    assert "Not available now, and not counted" in told
    assert "- source dmath (7,900 rows): dmath has no copy on the Hub." in told
    assert "- source aqua_rat (69,000 rows): the Hub cannot be reached" in told
    assert "- anchors aqua_rat: the Hub cannot be reached" in told
    assert "would stop" not in told
    assert (rows_of(told, "total"), rows_of(told, "dmath")) == (100, None)  # 60 + 40
    assert "40 rows as example before each of 6 anchors" in told  # 20 of each source, one set of 6


def test_where_a_run_would_stop_the_plan_says_so_and_counts_with_the_papers_sizes(planned, raw_config):
    told = planned(with_catalogue(raw_config, "dmath"))
    assert told.startswith("A run would stop now: not available: dmath. Give files")
    assert "or go on without them (on_missing: skip)." in told
    assert "Not available now, and counted with the paper's sizes:\n- source dmath (7,900 rows):" in told
    assert (rows_of(told, "dmath"), rows_of(told, "total")) == (7_900, 8_000)
    assert "before each of 12 anchors" in told  # two sets of 6
    assert "- not read, so the paper's sizes and 300 tokens a row are taken: dmath" in told


def test_a_plan_of_what_is_at_hand_names_nothing(planned, raw_config):
    told = planned({**raw_config, "decontaminate": None})
    assert told.startswith("source ")
    assert "not available" not in told.lower()


@pytest.mark.parametrize(
    "change",
    [
        {"sources": ["dmath", "aqua_rat"]},
        {"anchors": {"sources": ["math"], "size": 6}},
        {"sources": ["org/own", "dmath"]},
        {"decontaminate": {"against": ["gsm8k_test"]}},
        {"decontaminate": {"against": ["numglue"]}},
        {"decontaminate": {"against": ["gsm8k_test"], "drop": False}},
        {"decontaminate": {"against": "benchmarks"}},
        {"decontaminate": {"drop": True}, "local_files": "all"},
        {"decontaminate": {"drop": False}},
    ],
    ids=str,
)
@pytest.mark.parametrize("on_missing", ["error", "skip"])
@pytest.mark.parametrize("alone", [True, False])
def test_a_plan_says_that_a_run_would_stop_where_it_does(
    planned, raw_config, change, on_missing, alone, tmp_path
):
    raw = {**raw_config, **change, "on_missing": on_missing}
    if raw.get("local_files") == "all":  # all test sets that have a public copy
        names = [name for name, entry in BENCHMARKS.items() if entry.hub is not None]
        raw["local_files"] = {name: str(tmp_path / "target.jsonl") for name in names}
    if not alone:
        raw["sources"] = [*raw_config["sources"], *(s for s in raw["sources"] if isinstance(s, str))]
    try:
        find_missing(loading.parse(raw))
        stops = False
    except SourceMissing:
        stops = True
    told = planned(raw)
    assert ("A run would stop now: " in told) == stops
    assert "How this was estimated" in told


def test_a_test_set_that_is_not_there_is_named_with_the_reason(planned, raw_config):
    told = planned({**raw_config, "decontaminate": {"drop": False}})
    assert "would stop" not in told
    assert "Test sets that are not available now:\n" in told
    assert "- benchmark numglue: numglue has no copy on the Hub." in told


def test_prompts_that_only_missing_sources_would_give_stop_a_run(planned, raw_config):
    raw = {**with_catalogue(raw_config, "dmath"), "on_missing": "skip", "prompts": {"dmath": 20}}
    assert "A run would stop now: none of the sources that prompts names is available: dmath." in planned(raw)


def test_a_source_of_unknown_size_that_cannot_be_had_is_not_counted(planned, raw_config):
    told = planned(with_catalogue(raw_config, "org/own"))
    assert told.startswith("A run would stop now: not available: org/own.")
    assert "Not counted, as their sizes are not known before they are fetched: org/own." in told
    assert rows_of(told, "total") == 100


def test_a_ratio_that_needs_what_is_missing_does_not_stop_the_plan(planned, tmp_path, raw_config):
    big = write_rows(tmp_path / "big.jsonl", tiny_rows(60, seed=1))
    raw = {**raw_config, "on_missing": "skip", "prompts": 20}
    raw["sources"] = [str(big), {"path": "theoremqa", "rows": 40}]  # the only one between the bounds
    raw["ratio"] = {"rule": "size", "low": 10, "upp": 50}
    told = planned(raw)
    assert "A run would stop: ratio by size has no source with more than low=10" in told
    assert (rows_of(told, "theoremqa"), rows_of(told, "total")) == (40, 100)


@pytest.mark.parametrize(("size", "counted"), [(100, 12), (6, 6)])
def test_anchors_at_hand_are_counted(planned, raw_config, size, counted):
    raw_config["anchors"]["size"] = size  # the file has 12 rows
    assert f"before each of {counted} anchors" in planned(raw_config)


def test_anchors_that_the_pool_holds_are_read_once(planned, raw_config, monkeypatch):
    from hf_qads import sources

    read, real = [], sources.read_source
    monkeypatch.setattr(
        sources, "read_source", lambda spec, **keys: read.append(spec.path_or_name) or real(spec, **keys)
    )
    raw_config["anchors"] = {"sources": raw_config["sources"][:1], "size": 100}
    assert "before each of 60 anchors" in planned(raw_config)
    assert len(read) == 2


def test_the_plan_of_a_preset_names_sources_without_a_public_copy_with_their_rows(capsys):
    assert main(["plan", "openmathmix"]) == 0
    told = capsys.readouterr().out
    assert (
        "- 4 sources, 1,225,300 of the rows, have no public copy" in told
    )  # 7,900 + 7,400 + 1,000,000 + 210,000
    assert "- kpmath_plus, 1,000,000 rows: Never released" in told
    for name, rows in (("dmath", "7,900"), ("gsm8k_screl", "7,400"), ("baize", "210,000")):
        assert f"- {name}, {rows} rows: In its repository only" in told
    assert main(["plan", "s_base_69k"]) == 0
    assert "no public copy" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "kept"),
    [("s_base_69k", "66,077"), ("openmathmix", "4,569,900"), ("openmathmix_10", "456,990")],
)
def test_a_preset_has_one_plan_by_its_name_and_from_a_file(planned, capsys, name, kept):
    assert main(["plan", name]) == 0
    table = capsys.readouterr().out.split("How this was estimated")[0]
    assert re.search(rf"^total +[\d,]+ +[\d.]+ +{kept}$", table, re.MULTILINE)
    assert table in planned({"preset": name})


def test_ratios_by_score_are_planned_with_the_means_that_the_paper_implies(planned, raw_config):
    told = planned({**raw_config, "sources": [*raw_config["sources"], "alpaca"], "ratio": {"rule": "score"}})
    assert re.search(r"^alpaca +52,000 +0\.731 +38,000$", told, re.MULTILINE)
    assert re.search(r"^sums +60 +0\.600 +36$", told, re.MULTILINE)
    assert "that the paper's Table 8 implies, 60% of the highest for other sources" in told


def test_a_folder_called_like_a_preset_does_not_hide_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s_base_69k").mkdir()
    assert main(["plan", "s_base_69k"]) == 0
    assert "66,077" in capsys.readouterr().out


def test_a_small_job_is_told_in_seconds(planned, raw_config):
    told = planned(raw_config)
    assert "GPU time" in told
    assert re.search(r"^vectors .* <0\.1 s ", told, re.MULTILINE)
    assert " 0.0 " not in told


def test_further_scores_and_features_are_planned(planned, raw_config):
    told = planned(
        {**raw_config, "scores": ["ifd", "answer_tokens"], "select": {"strategy": "less", "start": 4}}
    )
    line = next(line.split() for line in told.splitlines() if line.startswith("row_scores"))
    assert line[1:3] == ["100", "200"]  # a pass over question and answer, and one over the answer
    line = next(line.split() for line in told.splitlines() if line.startswith("features"))
    assert line[1:3] == ["106", "106"]  # the gradients of all rows and of 6 anchors


def test_the_models_speed_here_is_measured_when_asked(raw_config, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(measuring, "SECONDS", 0.01)
    path = tmp_path / "planned.yaml"
    path.write_text(yaml.safe_dump(raw_config), encoding="utf-8")
    assert main(["plan", str(path), "--measure"]) == 0
    text = capsys.readouterr().out.split("On this machine, as measured now:")[1]
    found = dict(re.findall(r"^(\w+) +[\d,]+ +([\d,]+) ", text, re.MULTILINE))
    assert {"experience", "vectors", "influence"} <= set(found)
    assert all(int(speed.replace(",", "")) > 0 for speed in found.values())
