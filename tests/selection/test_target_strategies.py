"""Strategies that look at target rows, each against a slow reference and a hand-worked example."""

import hashlib
import math
import re
from collections import Counter
from itertools import cycle, pairwise

import numpy as np
import pytest

from hf_qads.errors import SelectionError
from hf_qads.selection import select
from hf_qads.selection.strategies.dsir import bucket
from tests.selection.loops import plain_loop

RNG = np.random.default_rng(5)
ROWS = RNG.standard_normal((300, 8)).astype(np.float32)
TARGET = RNG.standard_normal((7, 8)).astype(np.float32)
FREE = {"start": [], "coverage": False}


def cosines(rows, targets):
    rows, targets = np.asarray(rows, float), np.asarray(targets, float)
    norms = np.linalg.norm(rows, axis=1)[:, None] * np.linalg.norm(targets, axis=1)
    return rows @ targets.T / norms


def in_turns(values, size):
    """Each column in turn takes its largest row that is left; ties to the lowest."""
    taken = []
    for column in cycle(values.T):
        if len(taken) == size:
            return taken
        left = [row for row in range(len(values)) if row not in taken]
        taken.append(max(left, key=lambda row: (column[row], -row)))


def by_rds(size, rows=ROWS, target=TARGET, **asked):
    given = {"features": {"weighted_vectors": rows}, "target_features": {"weighted_vectors": target}}
    return select(None, size=size, strategy="rds", **{**FREE, **given, **asked})


def test_rds_takes_turns_between_target_rows():
    # Both targets like row 0 best; the second loses no turn, but takes its next one.
    rows = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [-1.0, 0.0]]
    picked = by_rds(3, rows, [[1, 0], [2, 0.1]])
    assert picked.order.tolist() == [0, 1, 2]
    assert picked.gains == pytest.approx([1, cosines([[0.9, 0.1]], [[2, 0.1]])[0, 0], 0])


@pytest.mark.parametrize("size", [5, 60, 300])
def test_rds_equals_the_slow_loop(size):
    assert by_rds(size).order.tolist() == in_turns(cosines(ROWS, TARGET), size)


def test_rds_with_several_targets_lets_each_set_take_turns():
    sets = {"maths": TARGET[:4], "code": TARGET[4:]}
    best = np.stack([cosines(ROWS, rows).max(1) for rows in sets.values()], axis=1)
    picked = by_rds(80, target=sets)
    assert picked.order.tolist() == in_turns(best, 80)
    assert picked.gains == pytest.approx(best[picked.order, np.arange(80) % 2])


def test_rds_asks_for_more_where_all_targets_want_the_same_rows():
    target = np.repeat(TARGET[:1], 9, axis=0)
    assert (
        by_rds(200, target=target).order.tolist() == np.argsort(-cosines(ROWS, TARGET)[:, 0])[:200].tolist()
    )


def test_rds_can_go_by_the_plain_vectors():
    picked = select(
        ROWS,
        size=20,
        strategy="rds",
        target_features={"vectors": TARGET},
        options={"feature": "vectors"},
        **FREE,
    )
    assert picked.order.tolist() == by_rds(20).order.tolist()


GRADIENTS = RNG.standard_normal((120, 3, 10)).astype(np.float32)
WANTED = RNG.standard_normal((6, 3, 10))


def influences(weights, rows=GRADIENTS, targets=WANTED):
    """Weighted sum over checkpoints of the cosine of gradients, (rows, targets)."""
    shares = np.array(weights) / sum(weights)
    return sum(w * cosines(rows[:, c], targets[:, c]) for c, w in enumerate(shares))


def by_less(size, rows=GRADIENTS, targets=WANTED, **options):
    given = {"features": {"gradients": rows}, "target_features": {"gradients": targets}}
    return select(None, size=size, strategy="less", options=options, **given, **FREE)


def test_less_goes_by_direction_and_not_by_length():
    # A short answer's gradient is long: row 0. It points away from the target, row 1 points there.
    rows = np.array([[30.0, 40.0], [0.1, 0.0], [0.1, 0.1]])
    picked = by_less(3, rows, np.array([[2.0, 0.0]]))
    assert picked.order.tolist() == [1, 2, 0]
    assert picked.gains == pytest.approx([1, 0.5**0.5, 0.6])


def test_less_equals_the_slow_loop_over_checkpoints():
    values = influences([3, 2, 1])
    picked = by_less(60, weights=[3.0, 2.0, 1.0])
    assert picked.order.tolist() == in_turns(values, 60)
    assert picked.gains == pytest.approx(values[picked.order, np.arange(60) % 6], abs=1e-6)


def test_less_by_the_papers_rule_takes_the_largest_mean_of_the_sets():
    values = influences([1, 1, 1])
    best = np.maximum(values[:, :2].mean(1), values[:, 2:].mean(1))
    picked = by_less(40, targets={"one": WANTED[:2], "two": WANTED[2:]}, aggregate="max_mean")
    assert picked.order.tolist() == np.argsort(-best)[:40].tolist()
    assert picked.gains == pytest.approx(best[picked.order], abs=1e-6)
    single = by_less(40, GRADIENTS[:, 0], WANTED[:, 0], aggregate="max_mean")
    means = cosines(GRADIENTS[:, 0], WANTED[:, 0]).mean(1)
    assert single.order.tolist() == np.argsort(-means)[:40].tolist()


def test_less_in_the_subspace_of_the_targets_gradients():
    unit = WANTED / np.linalg.norm(WANTED, axis=2, keepdims=True)
    bases = [np.linalg.svd(unit[:, c], full_matrices=False)[2][:2].T for c in range(3)]
    rows, targets = (
        np.stack([values[:, c] @ bases[c] for c in range(3)], axis=1) for values in (GRADIENTS, WANTED)
    )
    assert by_less(50, rank=2).order.tolist() == in_turns(influences([1, 1, 1], rows, targets), 50)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"aggregate": "sum"}, "aggregate must be one of round_robin, max_mean"),
        ({"weights": [1.0]}, "weights must be 3 positive numbers"),
        ({"rank": -1}, "rank=-1 is negative"),
    ],
)
def test_less_refuses_what_it_cannot_do(options, message):
    with pytest.raises(SelectionError, match=message):
        by_less(3, **options)


TEXTS = [
    "the cat sat",
    "a dog and a cat",
    "prime numbers are odd",
    "sum of prime numbers",
    "the cat the cat",
    "",
]


def by_text(strategy, size, texts, targets, **options):
    given = {"features": {"text": texts}, "target_features": {"text": targets}}
    return select(None, size=size, strategy=strategy, options=options, **given, **FREE)


def lucene(query, texts, k1=1.5, b=0.75):
    """BM25 with Lucene's idf; words of two characters or more."""
    words = [re.findall(r"\b\w\w+\b", text.lower()) for text in texts]
    mean = sum(map(len, words)) / len(words)
    scores = []
    for own in words:
        counts, score = Counter(own), 0.0
        for word in re.findall(r"\b\w\w+\b", query.lower()):
            holding = sum(word in other for other in words)
            idf = math.log(1 + (len(words) - holding + 0.5) / (holding + 0.5))
            score += idf * counts[word] / (counts[word] + k1 * (1 - b + b * len(own) / mean))
        scores.append(score)
    return scores


def test_bm25_takes_turns_and_equals_the_formula():
    queries = ["prime numbers", "the cat"]
    values = np.array([lucene(query, TEXTS) for query in queries]).T
    picked = by_text("bm25", 6, TEXTS, queries)
    assert picked.order.tolist() == in_turns(values.round(5), 6)
    assert picked.gains == pytest.approx(values[picked.order, np.arange(6) % 2], abs=1e-5)
    assert picked.order.tolist()[:3] == [2, 4, 3]


def test_bm25_of_several_targets_and_of_words_nobody_has():
    values = np.array([np.max([lucene(q, TEXTS) for q in own], axis=0) for own in (["dog", "odd"], ["sat"])])
    picked = by_text("bm25", 4, TEXTS, {"one": ["dog", "odd"], "two": ["sat"]})
    assert picked.order.tolist() == in_turns(values.T.round(5), 4)
    assert by_text("bm25", 6, TEXTS, ["zebra"]).order.tolist() == [0, 1, 2, 3, 4, 5]


def log_weights(texts, targets):
    """DSIR by its definition, with dictionaries."""

    def grams(text):
        words = re.findall(r"\w+|[^\w\s]+", text.lower())
        every = words + [f"{one} {two}" for one, two in pairwise(words)]
        return [int(hashlib.sha256(gram.encode()).hexdigest(), 16) % 10_000 for gram in every]

    pool, wanted = (Counter(g for text in own for g in grams(text)) for own in (texts, targets))
    shares = [Counter({g: c / own.total() for g, c in own.items()}) for own in (wanted, pool)]
    return [
        sum(math.log(shares[0][g] + 1e-8) - math.log(shares[1][g] + 1e-8) for g in grams(text))
        for text in texts
    ]


def test_dsir_without_noise_takes_the_largest_weights():
    expected = log_weights(TEXTS, ["prime numbers", "odd sum"])
    picked = by_text("dsir", 6, TEXTS, ["prime numbers", "odd sum"], noise=False)
    assert picked.order.tolist() == np.argsort(-np.array(expected), kind="stable").tolist()
    assert picked.gains == pytest.approx(np.array(expected)[picked.order])


def test_dsir_weighs_a_bucket_by_hand():
    # The pool's words: a, b (one each, no pair in one-word rows); the target's: a, a, a, b and no pairs.
    picked = by_text("dsir", 2, ["a", "b"], ["a", "a", "a", "b"], noise=False)
    assert picked.order.tolist() == [0, 1]
    assert picked.gains == pytest.approx([math.log(0.75 / 0.5), math.log(0.25 / 0.5)], abs=1e-6)
    assert bucket("a") == int(hashlib.sha256(b"a").hexdigest(), 16) % 10_000


def test_dsir_draws_in_proportion_to_the_weights():
    first = Counter(
        int(select(None, size=1, strategy="dsir", seed=seed, features={"text": ["a", "b"]},
                   target_features={"text": ["a", "a", "a", "b"]}, **FREE).order[0])
        for seed in range(400)
    )  # fmt: skip
    assert 260 < first[0] < 340  # 300 expected, four standard deviations


def test_dsir_per_token_takes_the_mean():
    texts, target = ["prime numbers prime numbers prime", "prime"], ["prime"]
    sums = np.array(log_weights(texts, target))
    picked = by_text("dsir", 2, texts, target, noise=False, per_token=True)
    assert picked.gains == pytest.approx((sums / [9, 1])[picked.order])


SCORES = RNG.uniform(1, 5, 300)


def by_qads(**options):
    targets = {"vectors": {"one": TARGET[:3], "two": TARGET[3:]}}
    return select(ROWS, SCORES, size=60, options=options, target_features=targets, start=[4, 9])


def test_qads_with_a_power_on_the_score():
    slow = plain_loop(ROWS, SCORES**3, 60, [4, 9])
    assert by_qads(power=3.0).order.tolist() == slow.order.tolist()
    assert by_qads(power=0.0).order.tolist() == plain_loop(ROWS, None, 60, [4, 9]).order.tolist()


def test_qads_with_similarity_to_the_target_in_the_score():
    weights = SCORES * (1 + cosines(ROWS, TARGET).max(1)) / 2
    picked = by_qads(target="vectors")
    assert picked.order.tolist() == plain_loop(ROWS, weights, 60, [4, 9]).order.tolist()


def test_qads_with_distances_along_the_directions_of_the_target():
    unit = TARGET.astype(float) / np.linalg.norm(TARGET, axis=1, keepdims=True)
    basis = np.linalg.svd(unit)[2][:2].T
    along = (ROWS @ basis).astype(np.float32)
    picked = by_qads(target="vectors", target_in="distance", rank=2)
    assert picked.order.tolist() == plain_loop(along, SCORES, 60, [4, 9]).order.tolist()


def test_qads_on_whitened_vectors_does_not_see_how_directions_are_scaled():
    scaled = ROWS * np.array([1, 50, 1, 1, 0.1, 1, 1, 9], dtype=np.float32)
    one = select(ROWS, SCORES, size=60, options={"whiten": True})
    other = select(scaled, SCORES, size=60, options={"whiten": True})
    assert one.order.tolist() == other.order.tolist()
    values, directions = np.linalg.eigh(np.cov(ROWS.astype(float).T))
    white = (ROWS @ (directions / np.sqrt(values))).astype(np.float32)
    assert one.order.tolist() == plain_loop(white, SCORES, 60, one.start).order.tolist()


def test_qads_by_a_column_of_ones_own():
    picked = select(ROWS, SCORES, size=30, columns={"mine": SCORES[::-1]}, options={"score": "mine"})
    assert picked.order.tolist() == select(ROWS, SCORES[::-1].copy(), size=30).order.tolist()


def test_qads_refuses_options_out_of_range():
    for options in ({"power": -1.0}, {"target_in": "both"}, {"rank": 0}):
        with pytest.raises(SelectionError, match="takes power >= 0, rank >= 1"):
            by_qads(**options)
    with pytest.raises(SelectionError, match="needs a feature 'text' of the rows, got none"):
        by_qads(target="text")
