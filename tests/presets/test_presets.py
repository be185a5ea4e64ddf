import importlib
import re
from pathlib import Path

import pytest
import yaml

from hf_qads.config import loading
from hf_qads.errors import ConfigError
from hf_qads.mixing import ratios
from hf_qads.presets import paper
from hf_qads.presets.presets import implied_ratio, names, preset

PAPER_MAP = Path(__file__).parents[2] / "docs" / "paper_map.md"


@pytest.mark.parametrize("name", names())
def test_every_preset_is_a_config_in_plain_yaml(name):
    written = yaml.safe_load(yaml.safe_dump(preset(name)))
    assert written == preset(name)
    parsed = loading.parse({"preset": name, "seed": 3})
    assert (parsed.seed, parsed.deduplicate.across_sources) == (3, "keep")
    assert parsed.decontaminate is not None
    assert not parsed.decontaminate.drop  # reported only


@pytest.mark.parametrize(
    ("name", "rows"), [("s_base_69k", (132_000, 142_000)), ("openmathmix_10", (149_000, 143_000))]
)
def test_the_two_sources_of_two_sizes_are_drawn_to_that_of_the_setting(name, rows):
    drawn = {source.path: source.rows for source in loading.parse({"preset": name}).sources if source.rows}
    assert drawn == dict(zip(("cot", "evol_instruct_v2"), rows, strict=True))


def test_a_preset_takes_the_shares_of_the_papers_counts_where_asked():
    asked = loading.parse({"preset": "s_large_3_0m", "ratio": {"rule": "implied"}})
    assert asked.ratio.model_dump(exclude_none=True) == implied_ratio("s_large_3_0m")
    with pytest.raises(ConfigError, match="rule implied is for a preset of the paper"):
        loading.parse({"name": "mine", "ratio": {"rule": "implied"}})


def test_an_unknown_preset_is_an_error_that_names_the_others():
    with pytest.raises(ConfigError, match="openmathmix"):
        preset("s_small")


@pytest.mark.parametrize("name", [None, 3, ["s_base_69k"]])
def test_a_preset_that_is_no_name_is_an_error(name):
    with pytest.raises(ConfigError, match="there is no preset"):
        loading.parse({"preset": name})


@pytest.mark.parametrize(
    ("name", "low", "upp", "cut", "rows"),
    [
        ("s_base_69k", 16_000, 48_000, ["aqua_rat", "camel_math", "cot", "evol_instruct_v2"], 8_150),
        ("s_base_130k", 48_000, 69_000, ["aqua_rat", "cot", "evol_instruct_v2"], 16_120),
        ("s_base_203k", 69_000, 132_000, ["cot", "evol_instruct_v2"], 24_933),
    ],
)
def test_equation_5_cuts_the_sources_that_table_7_cuts(name, low, upp, cut, rows):
    # e.g. (1.8K + 7.4K + 16K + 7.4K) / 4 = 8.15K; every upp in (low, upp] gives the same
    for bound in (low + 1, paper.UPP[name], upp):
        kept = ratios.kept(paper.BASE, ratios.by_size(paper.BASE, upp=bound))
        assert kept == {source: rows if source in cut else size for source, size in paper.BASE.items()}
    assert kept == paper.computed(name)
    assert [source for source, count in paper.printed(name).items() if count < paper.BASE[source]] == cut


@pytest.mark.parametrize("name", paper.LARGE_RULES)
def test_the_score_rule_with_implied_means_gives_table_8(name):
    assert paper.computed(name) == paper.printed(name)


def test_implied_means_lie_between_the_lowest_and_the_highest_score():
    means = paper.implied_means()
    assert all(1 <= mean <= 5 for mean in means.values())
    assert {
        s: round(means[s], 2) for s in ("kpmath_plus", "openmathinstruct_1", "cot", "dmath", "lila_ood")
    } == {
        "kpmath_plus": 4.48,
        "openmathinstruct_1": 4.55,
        "cot": 4.43,
        "dmath": 1.33,
        "lila_ood": 1.05,
    }


def test_implied_ratios_give_the_papers_counts():
    kept = ratios.kept(paper.sizes("s_large_4_7m"), implied_ratio("openmathmix")["shares"])
    assert kept == paper.printed("s_large_4_7m")
    tenth = loading.parse({"preset": "openmathmix_10"}).ratio.shares
    assert ratios.kept(paper.sizes("s_large_4_7m"), tenth)["mmiqc"] == 220_000
    assert tenth == implied_ratio("openmathmix_10")["shares"]


def test_kinds_and_counts_of_sources_are_those_of_table_1():
    kinds = [paper.kind(source) for source in paper.BASE], [paper.kind(source) for source in paper.LARGE]
    assert [part.count("reasoning") for part in kinds] == [8, 11]
    assert [part.count("general") for part in kinds] == [2, 7]
    assert len({*paper.BASE, *paper.LARGE}) == 26


def test_every_deviation_stands_in_the_paper_map():
    text = PAPER_MAP.read_text(encoding="utf-8")
    found = paper.deviations()
    assert len(found) > 20
    for where, stated, gives, by in found:
        assert f"| {where} | {stated:,} | {gives:,} | {gives / stated - 1:+.1%} | {by} |" in text


def test_what_the_paper_map_names_is_there():
    table = PAPER_MAP.read_text(encoding="utf-8").split("## Equations")[1].split("##")[0]
    for name in re.findall(r"`(hf_qads\.[\w.]+)`", table):
        module, _, attribute = name.rpartition(".")
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(module), attribute), name
    for path in re.findall(r"`(tests/[\w./]+)`", table):
        assert (PAPER_MAP.parents[1] / path).exists(), path


def test_every_implied_mean_stands_in_the_paper_map():
    text = PAPER_MAP.read_text(encoding="utf-8")
    for source, mean in paper.implied_means().items():
        assert f"| {source} | {paper.kind(source)} |" in text
        assert f"| {mean / 5:.3f} | {mean:.2f} |" in text
