"""The paper's settings as configs: plain mappings in the keys of a run's YAML file."""

from collections.abc import Mapping
from typing import Any, Final

from hf_qads.errors import ConfigError
from hf_qads.presets import paper

BASE_MODEL: Final = "meta-llama/Llama-2-7b-hf"
LARGE_MODEL: Final = "deepseek-ai/deepseek-math-7b-base"
PROMPTS: Final = 2_000
PROMPT_SOURCES: Final = ("aqua_rat", "camel_math", "cot", "evol_instruct_v2")  # of S_base, by appendix A
SUBSETS: Final = [0.1, 0.4, 0.7]
OPENMATHMIX: Final = "s_large_4_7m"


def names() -> list[str]:
    """All presets, in the paper's order; `openmathmix` is `s_large_4_7m` under its own name."""
    return [*paper.UPP, *paper.LARGE_RULES, "openmathmix", *_subset_presets()]


def preset(name: str) -> dict[str, Any]:
    """The config of one of the paper's settings.

    Counts match the paper as far as the datasets of today allow: nothing is dropped for standing in two
    sources or in a test set (`deduplicate: {across_sources: keep}`, `decontaminate: {drop: false}`), it is
    only reported.

    `openmathmix_10`, `_40` and `_70` keep that fraction of each source of OpenMathMix by the shares that
    Table 8's counts imply, where `openmathmix` takes its shares from a run's own scores and has the three
    as subsets.

    Raises:
        ConfigError: there is no such preset.
    """
    if name not in names():
        raise ConfigError(f"there is no preset {name!r}. There are: {', '.join(names())}.")
    if name in paper.UPP:
        return _base(name)
    if name in paper.LARGE_RULES:
        return _large(name, name)
    if name == "openmathmix":
        return _large(name, OPENMATHMIX)
    fraction = _subset_presets()[name]
    shares = {source: fraction * share for source, share in paper.implied_shares(OPENMATHMIX).items()}
    return {**_large(name, OPENMATHMIX), "ratio": {"rule": "explicit", "shares": shares}, "subsets": []}


def implied_ratio(name: str) -> dict[str, Any]:
    """A `ratio` that gives a preset the paper's own counts, whatever a run's scores: `{rule: explicit, ...}`.

    Raises:
        ConfigError: there is no such preset.
    """
    preset(name)
    setting = name if name in paper.TOTALS else OPENMATHMIX
    fraction = _subset_presets().get(name, 1.0)
    return {"rule": "explicit", "shares": {s: fraction * r for s, r in paper.implied_shares(setting).items()}}


def _subset_presets() -> dict[str, float]:
    return {f"openmathmix_{fraction * 100:.0f}": fraction for fraction in SUBSETS}


def _base(name: str) -> dict[str, Any]:
    anchors = [source for source in paper.BASE if paper.kind(source) == "reasoning"]
    ratio = {"rule": "size", "low": 1_000, "upp": paper.UPP[name]}
    return {
        **_common(name, BASE_MODEL, paper.BASE, anchors),
        "prompts": dict.fromkeys(PROMPT_SOURCES, PROMPTS),
        "scorer": {"epochs": 2, "per": "all"},
        "ratio": ratio,
        "subsets": [],
    }


def _large(name: str, setting: str) -> dict[str, Any]:
    rules = paper.LARGE_RULES[setting]
    kinds = {kind: {"rule": rule} for kind, rule in rules.items()}
    ratio = kinds if len(set(rules.values())) > 1 else next(iter(kinds.values()))
    return {
        **_common(name, LARGE_MODEL, paper.sizes(setting), ["math"]),
        "scorer": {"epochs": 2, "per": "kind"},
        "ratio": ratio,
        "subsets": list(SUBSETS) if setting == OPENMATHMIX else [],
    }


def _common(name: str, model: str, sizes: Mapping[str, int], anchors: list[str]) -> dict[str, Any]:
    # CoT and Evol-Instruct-v2 have a size of their own in either setting; today's files are larger.
    both = set(paper.BASE) & set(paper.LARGE)
    sources = [{"path": name, "rows": size} if name in both else name for name, size in sizes.items()]
    return {
        "name": name.replace("_", "-"),
        "model": model,
        "sources": sources,
        "anchors": {"sources": anchors, "size": 100},
        "prompts": PROMPTS,
        "select": {"strategy": "qads", "start": 100, "metric": "euclidean"},
        "deduplicate": {"across_sources": "keep"},
        "decontaminate": {"against": "benchmarks", "drop": False},
    }
