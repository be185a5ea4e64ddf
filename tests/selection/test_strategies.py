from importlib.metadata import EntryPoint

import numpy as np
import pytest

from hf_qads.errors import SelectionError
from hf_qads.selection import STRATEGIES, Picks, registry, select
from hf_qads.selection.registry import about, checked_options, described, needs_of, sources_of

RNG = np.random.default_rng(0)
N = 400
VECTORS = RNG.standard_normal((N, 6)).astype(np.float32)
SCORES = RNG.uniform(1, 5, N)
NAMES = ["ifd", "perplexity", "answer_tokens", "wici", "deita_complexity", "deita_quality", "mine"]
COLUMNS = {name: RNG.uniform(0.2, 1.4, N) for name in NAMES} | {"source": RNG.choice(["a", "b", "c"], N)}
WORDS = np.array("add bird cat dot eel fox gap hat ice jam key log map net oak pie".split())
FEATURES = {
    "weighted_vectors": RNG.standard_normal((N, 5)).astype(np.float16),
    "gradients": RNG.standard_normal((N, 2, 7)).astype(np.float32),
    "text": [" ".join(RNG.choice(WORDS, 6)) for _ in range(N)],
    "tags": [RNG.choice(WORDS, RNG.integers(0, 4), replace=False).tolist() for _ in range(N)],
}
TARGETS = {
    "vectors": VECTORS[:9] + 0.1,
    "weighted_vectors": RNG.standard_normal((9, 5)),
    "gradients": RNG.standard_normal((9, 2, 7)),
    "text": ["cat fox", "net net oak", "hat"],
}
NO_PREFIX = {"gist"}  # the best set of one size is no part of the best set of another
ALL = sorted(STRATEGIES)


def choose(strategy, size, **asked):
    given = {"columns": COLUMNS, "features": FEATURES, "target_features": TARGETS, **asked}
    return select(VECTORS, SCORES, size=size, strategy=strategy, **given)


@pytest.mark.parametrize("strategy", ALL)
def test_every_strategy_picks_distinct_rows_outside_the_start_pool(strategy):
    picked = choose(strategy, 200)
    assert len(set(picked.order)) == 200
    assert not set(picked.order) & set(picked.start)
    assert len(picked.gains) == len(picked.radius) == 200
    assert np.isfinite(picked.gains).all()


@pytest.mark.parametrize("strategy", [name for name in ALL if name not in NO_PREFIX])
def test_every_smaller_selection_is_a_prefix(strategy):
    assert choose(strategy, 50).order.tolist() == choose(strategy, 360).order[:50].tolist()


@pytest.mark.parametrize("strategy", ALL)
def test_every_strategy_gives_the_same_twice(strategy):
    once, twice = choose(strategy, 60), choose(strategy, 60)
    assert once.order.tobytes() == twice.order.tobytes()
    assert once.gains.tobytes() == twice.gains.tobytes()


@pytest.mark.parametrize("strategy", ALL)
@pytest.mark.parametrize("size", [0, 1, 360])
def test_every_strategy_takes_the_extreme_sizes(strategy, size):
    assert len(choose(strategy, size)) == size


@pytest.mark.parametrize("strategy", ALL)
def test_rows_that_do_not_take_part_are_never_picked(strategy):
    odd = np.arange(N) % 2 == 1
    vectors, scores = VECTORS.copy(), SCORES.copy()
    vectors[odd], scores[odd] = np.nan, np.nan
    columns = {name: np.where(odd, np.nan, COLUMNS[name]) for name in NAMES} | {"source": COLUMNS["source"]}
    features = dict(FEATURES)
    for name in ("weighted_vectors", "gradients"):
        features[name] = FEATURES[name].copy()
        features[name][odd] = np.nan
    given = {"columns": columns, "features": features, "target_features": TARGETS}
    picked = select(vectors, scores, size=100, strategy=strategy, candidates=~odd, **given)
    assert not set(picked.order) & set(np.flatnonzero(odd))
    assert np.isfinite(picked.radius).all()


@pytest.mark.parametrize("strategy", ALL)
def test_every_strategy_declares_all_that_it_reads(strategy):
    needs = needs_of(strategy)
    columns = {name: values for name, values in COLUMNS.items() if name in needs.columns}
    features = {name: values for name, values in FEATURES.items() if name in needs.features}
    targets = {name: values for name, values in TARGETS.items() if name in needs.targets}
    vectors = VECTORS if needs.vectors else None
    scores = SCORES if needs.scores else None
    columns["there are so many"] = np.arange(N)
    given = {"columns": columns, "features": features, "target_features": targets}
    picked = select(vectors, scores, size=30, strategy=strategy, **given)
    assert len(picked) == 30
    for left_out in ("columns", "features", "target_features"):
        for name in given[left_out]:
            if name == "there are so many":
                continue
            less = {**given, left_out: {key: value for key, value in given[left_out].items() if key != name}}
            with pytest.raises(SelectionError, match=f"needs a (column|feature) '{name}'"):
                select(vectors, scores, size=30, strategy=strategy, **less)
    assert str(needs)


@pytest.mark.parametrize("strategy", ALL)
def test_nan_in_what_a_strategy_reads_is_refused(strategy):
    needs = needs_of(strategy)
    for name in {*needs.columns} & {*NAMES}:
        broken = {**COLUMNS, name: np.where(np.arange(N) == 7, np.nan, COLUMNS[name])}
        with pytest.raises(SelectionError, match=f"{name} has 1 values that are NaN"):
            choose(strategy, 30, columns=broken)
    for name in {*needs.features} & {"weighted_vectors", "gradients"}:
        broken = {**FEATURES, name: FEATURES[name].copy()}
        broken[name][7] = np.nan
        with pytest.raises(SelectionError, match="NaN"):
            choose(strategy, 30, features=broken)


def test_kcenter_does_not_look_at_scores():
    plain = select(VECTORS, None, size=50, strategy="qads")
    assert choose("kcenter", 50).order.tolist() == plain.order.tolist()


def test_quality_is_by_falling_score_and_needs_no_vectors():
    picked = select(None, [1, 5, 3, 5, 4], size=4, strategy="quality", start=[4])
    assert picked.order.tolist() == [1, 3, 2, 0]
    assert picked.gains.tolist() == [5, 5, 3, 1]
    assert np.isnan(picked.radius).all()


def test_random_takes_every_row_about_as_often():
    counts = np.zeros(10)
    for seed in range(400):
        counts[select(None, np.ones(10), size=3, strategy="random", start=[0], seed=seed).order] += 1
    assert counts[0] == 0
    assert abs(counts[1:] - 400 * 3 / 9).max() < 40  # four standard deviations


def test_ifd_takes_the_hardest_below_one_first():
    columns = {"ifd": [0.5, 1.2, 0.9, 1.1, 1.0]}
    picked = select(None, None, size=5, strategy="ifd", start=[], columns=columns)
    assert picked.order.tolist() == [4, 2, 0, 1, 3]


def test_deita_skips_what_is_like_a_row_taken_before_and_fills_up_with_it():
    # Rows 0 and 1 point the same way, 2 is at right angles, 3 is between (cosine 0.71 to both).
    vectors = np.array([[1, 0], [5, 0], [0, 1], [1, 1]], dtype=float)
    scores = [4.0, 3.0, 2.0, 1.0]
    picked = select(vectors, scores, size=4, strategy="deita", start=[])
    assert picked.order.tolist() == [0, 2, 3, 1]
    assert picked.gains.tolist() == [4, 2, 1, 0]
    strict = select(vectors, scores, size=4, strategy="deita", start=[], options={"threshold": 0.5})
    assert strict.order.tolist() == [0, 2, 1, 3]


def test_deita_equals_the_slow_filter(monkeypatch):
    monkeypatch.setattr("hf_qads.selection.techniques.spacing.BLOCK", 16)
    monkeypatch.setattr("hf_qads.selection.techniques.spacing.CHUNK", 32)
    unit = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    picked = choose("deita", 60, options={"threshold": 0.6}, start=[], columns={})
    taken: list[int] = []
    for row in np.argsort(-SCORES):
        if all(unit[row] @ unit[other] <= 0.6 for other in taken):
            taken.append(int(row))
    assert picked.order.tolist()[: len(taken)] == taken[:60]


def test_ssl_prototype_drops_what_is_near_a_centroid():
    rng = np.random.default_rng(1)
    centers = np.array([[0, 0], [100, 0], [0, 100]], dtype=float)
    shells = rng.standard_normal((60, 2))
    shells /= np.linalg.norm(shells, axis=1, keepdims=True)
    near, far = centers.repeat(20, 0) + shells, centers.repeat(20, 0) + 5 * shells
    picked = select(
        np.concatenate([near, far]), size=60, strategy="ssl_prototype", start=[], options={"clusters": 3}
    )
    assert set(picked.order) == set(range(60, 120))
    assert picked.gains.min() > 3


def test_more_clusters_than_rows_is_not_an_error():
    assert len(select(VECTORS[:20], size=5, strategy="ssl_prototype", options={"clusters": 1000})) == 5


def farthest_first(pool, size, *, power: float = 1.0):
    order = pool.free()[:size]
    return Picks(order, np.full(len(order), power))


def test_another_package_can_add_a_strategy(monkeypatch):
    point = EntryPoint("first", f"{__name__}:farthest_first", "hf_qads.strategies")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == point.group else [])
    registry.strategies.cache_clear()
    try:
        picked = select(VECTORS, size=3, strategy="first", start=[0], options={"power": 2})
        assert picked.order.tolist() == [1, 2, 3]
        assert picked.gains.tolist() == [2, 2, 2]
        assert set(registry.strategies()) == {*STRATEGIES, "first"}
    finally:
        registry.strategies.cache_clear()


def test_options_are_the_keyword_only_parameters():
    assert checked_options("first", farthest_first, {"power": 3}) == {"power": 3}
    with pytest.raises(SelectionError, match=r"takes no option 'size'\. Its options: power"):
        checked_options("first", farthest_first, {"size": 3})
    with pytest.raises(SelectionError, match="must be float, got True"):
        checked_options("first", farthest_first, {"power": True})


PHRASE = "the order they stand in"
CITATION = "@misc{order,\n  year = {2026}\n}"


def in_order(pool, size):
    """A strategy of another package."""
    raise AssertionError("only described")


def test_a_strategy_of_another_package_brings_its_phrase_and_citation():
    found = about(in_order)
    assert found == (f"{__name__}.in_order", PHRASE, CITATION)


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_strategy_says_how_it_picks_and_what_to_cite(name):
    found = about(name)
    assert found.name == name
    assert found.phrase
    assert not found.phrase.startswith("the strategy `")
    assert bool(found.citation) == (name not in {"quality", "random"})
    assert found.citation.count("{") == found.citation.count("}")


def test_a_strategy_without_a_word_is_called_by_its_name():
    assert about(sorted).phrase == "the strategy `builtins.sorted`"


def test_the_list_of_strategies_says_what_each_needs_and_where_it_is_from():
    text = "\n".join(described())
    for name in ALL:
        assert f"\n{name:16} " in f"\n{text}"
    assert "needs feature weighted_vectors, target weighted_vectors" in text
    assert 'Xia 2024 "LESS: Selecting Influential Data for Targeted Instruction Tuning"' in text
    assert sources_of(about("qads").citation)[1].startswith('Sener 2018 "Active Learning')
