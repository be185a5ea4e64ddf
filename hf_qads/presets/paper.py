"""The paper's counts, as printed, and what they imply.

Source: Table 1 (sizes), Table 2 (sub-settings), Tables 7 and 8 (compositions), Figure 3 (subset sizes).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from hf_qads.mixing import ratios

BASE: Final[Mapping[str, int]] = {
    "aqua_rat": 69_000,
    "camel_math": 48_000,
    "college_math": 1_800,
    "gsm8k": 7_400,
    "gsm8k_rft": 16_000,
    "math": 7_400,
    "number_comparison": 300,
    "theoremqa": 577,
    "cot": 132_000,
    "evol_instruct_v2": 142_000,
}
LARGE: Final[Mapping[str, int]] = {
    "dmath": 7_900,
    "gsm8k_screl": 7_400,
    "lila_ood": 19_000,
    "mathinstruct": 262_000,
    "metamath": 395_000,
    "mmiqc": 2_200_000,
    "kpmath_plus": 1_000_000,
    "openmathinstruct_1": 255_000,
    "open_platypus": 24_000,
    "tal_scq5k_cn": 3_000,
    "tal_scq5k_en": 3_000,
    "alpaca": 52_000,
    "baize": 210_000,
    "cot": 149_000,
    "evol_instruct_v2": 143_000,
    "flan_v2": 50_000,
    "open_assistant_1": 10_000,
    "self_instruct": 82_000,
}
GENERAL: Final = ("cot", "evol_instruct_v2", *list(LARGE)[11:13], *list(LARGE)[15:])
SELECTED: Final[Mapping[str, int]] = {
    "dmath": 2_100,
    "gsm8k_screl": 6_000,
    "lila_ood": 4_000,
    "mathinstruct": 107_000,
    "metamath": 259_000,
    "mmiqc": 1_000_000,
    "kpmath_plus": 896_000,
    "openmathinstruct_1": 232_000,
    "open_platypus": 9_800,
    "tal_scq5k_cn": 1_500,
    "tal_scq5k_en": 1_600,
    "alpaca": 38_000,
    "baize": 70_000,
    "cot": 132_000,
    "evol_instruct_v2": 70_000,
    "flan_v2": 31_000,
    "open_assistant_1": 6_600,
    "self_instruct": 46_000,
}
_CUT: Final[Mapping[str, Mapping[str, int]]] = {
    "s_base_69k": {"aqua_rat": 8_300, "camel_math": 9_600, "cot": 7_900, "evol_instruct_v2": 8_500},
    "s_base_130k": {"aqua_rat": 16_000, "cot": 15_000, "evol_instruct_v2": 15_000},
    "s_base_203k": {"cot": 25_000, "evol_instruct_v2": 25_000},
}
UPP: Final = {"s_base_69k": 30_000, "s_base_130k": 60_000, "s_base_203k": 100_000}
LARGE_RULES: Final[Mapping[str, Mapping[str, str]]] = {  # Table 2
    "s_large_4_3m": {"reasoning": "all"},
    "s_large_5_0m": {"reasoning": "all", "general": "all"},
    "s_large_2_6m": {"reasoning": "score"},
    "s_large_3_0m": {"reasoning": "score", "general": "score"},
    "s_large_4_7m": {"reasoning": "all", "general": "score"},
}
TOTALS: Final = {
    "s_base_69k": 69_000,
    "s_base_130k": 130_000,
    "s_base_203k": 203_000,
    "s_large_4_3m": 4_300_000,
    "s_large_5_0m": 5_000_000,
    "s_large_2_6m": 2_600_000,
    "s_large_3_0m": 3_000_000,
    "s_large_4_7m": 4_700_000,
}
SUBSET_TOTALS: Final = {0.1: 500_000, 0.4: 1_800_000, 0.7: 3_300_000}


class Deviation(NamedTuple):
    """A number that the paper states and what its other numbers give."""

    where: str
    stated: int
    gives: int
    by: str


def kind(source: str) -> str:
    """`general` or `reasoning`, as in Table 1."""
    return "general" if source in GENERAL else "reasoning"


def sizes(setting: str) -> dict[str, int]:
    """Rows of each source that a setting may take from, as Table 1 prints them."""
    if setting in UPP:
        return dict(BASE)
    return {source: size for source, size in LARGE.items() if kind(source) in LARGE_RULES[setting]}


def printed(setting: str) -> dict[str, int]:
    """Rows of each source in a setting, as Tables 7 and 8 print them."""
    if setting in UPP:
        return {**BASE, **_CUT[setting]}
    rules = LARGE_RULES[setting]
    return {s: LARGE[s] if rules[kind(s)] == "all" else SELECTED[s] for s in sizes(setting)}


def implied_shares(setting: str) -> dict[str, float]:
    """Printed rows over available rows: the shares behind the paper's counts, within its rounding."""
    available = sizes(setting)
    return {source: rows / available[source] for source, rows in printed(setting).items()}


def implied_means() -> dict[str, float]:
    """Mean quality scores behind Table 8, 5 times kept over available rows. The paper does not print them."""
    return {source: 5 * SELECTED[source] / size for source, size in LARGE.items()}


def computed(setting: str) -> dict[str, int]:
    """Rows of each source by this library's rules, from the sizes of Table 1 and the implied mean scores."""
    available = sizes(setting)
    if setting in UPP:
        return ratios.kept(available, ratios.by_size(available, low=1_000, upp=UPP[setting]))
    rule = {name: {"rule": how} for name, how in LARGE_RULES[setting].items()}
    kinds = {source: kind(source) for source in available}
    return ratios.kept(available, ratios.from_rule(rule, sizes=available, means=implied_means(), kinds=kinds))


def deviations() -> list[Deviation]:
    """Every number of the paper that its other numbers do not give."""
    base, large = sum(BASE.values()), sum(LARGE.values())
    base_general = BASE["cot"] + BASE["evol_instruct_v2"]
    large_general = sum(size for source, size in LARGE.items() if kind(source) == "general")
    rows = "sum of its rows"
    found = [
        Deviation("Table 1, S_base, total", 428_000, base, rows),
        Deviation("section 4, S_base, reasoning", 153_000, base - base_general, "sum of Table 1's rows"),
        Deviation("section 4, S_base, general", 275_000, base_general, "sum of Table 1's rows"),
        Deviation("Table 1, S_large, openmathinstruct_1", 2_500_000, LARGE["openmathinstruct_1"], "Table 8"),
        Deviation("Table 1, S_large, total", 5_000_000, large, "sum of its rows, with Table 8's 255K"),
        Deviation("section 4, S_large, reasoning", 4_300_000, large - large_general, "sum of Table 8's rows"),
        Deviation("section 4, S_large, general", 697_000, large_general, "sum of Table 8's rows"),
    ]
    for setting, total in TOTALS.items():
        table = "Table 7" if setting in UPP else "Table 8"
        given, own = printed(setting), computed(setting)
        found.append(Deviation(f"{table}, {setting}, total", total, sum(given.values()), rows))
        if setting in UPP:
            by = "Eq. 5 on Table 1's sizes"
            found.append(Deviation(f"{table}, {setting}, total", total, sum(own.values()), by))
        found += [
            Deviation(f"{table}, {setting}, {source}", given[source], own[source], "Eq. 5 on Table 1's sizes")
            for source in given
            if setting in UPP
        ]
    mixture = sum(printed("s_large_4_7m").values())
    for fraction, total in SUBSET_TOTALS.items():
        by = f"{fraction:.0%} of Table 8's rows"
        found.append(
            Deviation(f"Figure 3, OpenMathMix at {fraction:.0%}", total, round(fraction * mixture), by)
        )
    return [deviation for deviation in found if deviation.stated != deviation.gives]
