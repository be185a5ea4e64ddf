"""Strategies without a target, each against a slow reference and a hand-worked example."""

import numpy as np
import pytest

from hf_qads.errors import SelectionError
from hf_qads.neighbours import kmeans
from hf_qads.selection import select

RNG = np.random.default_rng(6)
ROWS = (RNG.standard_normal((12, 8))[RNG.integers(0, 12, 300)] + 0.3 * RNG.standard_normal((300, 8))).astype(
    np.float32
)
UNIT = ROWS.astype(float) / np.linalg.norm(ROWS.astype(float), axis=1, keepdims=True)
FREE = {"start": [], "coverage": False}


def chosen(strategy, size, columns=None, *, vectors=None, scores=None, features=None, **options):
    return select(
        vectors,
        scores,
        size=size,
        strategy=strategy,
        columns=columns,
        features=features,
        options=options,
        **FREE,
    )


def test_balanced_random_shares_what_a_small_source_lacks():
    sources = np.array(["big"] * 50 + ["small"] * 2 + ["mid"] * 10)
    counts = {
        size: dict(zip(*np.unique(sources[picked.order], return_counts=True), strict=True))
        for size in (3, 6, 20, 30)
        for picked in [chosen("balanced_random", size, {"source": sources})]
    }
    assert counts[3] == {"big": 1, "mid": 1, "small": 1}
    assert counts[6] == {"big": 2, "mid": 2, "small": 2}
    assert counts[20] == {"big": 9, "mid": 9, "small": 2}
    assert counts[30] == {"big": 18, "mid": 10, "small": 2}


def test_balanced_random_takes_every_row_of_a_source_about_as_often():
    counts = np.zeros(12)
    sources = [0] * 8 + [1] * 4
    for seed in range(400):
        counts[
            select(
                None, size=2, strategy="balanced_random", seed=seed, columns={"source": sources}, **FREE
            ).order
        ] += 1
    assert abs(counts[:8] - 50).max() < 28  # four standard deviations
    assert abs(counts[8:] - 100).max() < 36


def test_longest_takes_the_longest_that_is_not_cut():
    tokens = {"answer_tokens": [5, 900, 30, 12, 30]}
    assert chosen("longest", 5, tokens).order.tolist() == [1, 2, 4, 3, 0]
    assert chosen("longest", 5, tokens, limit=512).order.tolist() == [2, 4, 3, 0, 1]


def test_perplexity_top_and_mid_by_hand():
    values = {"perplexity": [1.0, 9.0, 5.0, 7.0, 3.0, 8.0]}
    assert chosen("perplexity_top", 3, values).order.tolist() == [1, 5, 3]
    # Falling: 1 5 3 2 4 0. A third of six is passed over (floor of 0.33 * 6 is 1), then comes what follows,
    # then, upwards, what was passed over.
    assert chosen("perplexity_mid", 6, values).order.tolist() == [5, 3, 2, 4, 0, 1]
    assert chosen("perplexity_mid", 6, values, skip=0.5).order.tolist() == [2, 4, 0, 3, 5, 1]
    with pytest.raises(SelectionError, match=r"skip must be a share in \[0, 1\)"):
        chosen("perplexity_mid", 1, values, skip=1.0)


def test_wici_goes_down_passes_over_what_is_near_and_leaves_hard_rows_for_the_end():
    vectors = np.array([[1, 0], [10, 1], [0, 1], [1, 1], [-1, 0]], dtype=float)
    columns = {"wici": [5.0, 4, 3, 2, 6], "ifd": [0.5, 0.5, 0.5, 0.5, 1.2]}
    picked = chosen("wici", 5, columns, vectors=vectors)
    assert picked.order.tolist() == [0, 2, 3, 1, 4]  # row 1 is like row 0, row 4 is harder with its question
    assert picked.gains.tolist() == [5, 3, 2, 0, 0]
    assert chosen("wici", 2, columns, vectors=vectors, difficulty="").order.tolist() == [4, 0]


def test_wici_equals_the_slow_walk():
    columns = {"wici": RNG.standard_normal(300), "ifd": RNG.uniform(0, 1.3, 300)}
    taken = []
    for row in np.argsort(-columns["wici"]):
        if columns["ifd"][row] <= 1 and all(UNIT[row] @ UNIT[other] < 0.7 for other in taken):
            taken.append(int(row))
    picked = chosen("wici", 100, columns, vectors=ROWS, threshold=0.7)
    assert picked.order.tolist()[: len(taken)] == taken[:100]


def slow_novelty(centroids):
    """1 minus the largest cosine to a row that is farther from the centroid of the same cluster."""
    likeness = UNIT @ (centroids.astype(float) / np.linalg.norm(centroids, axis=1, keepdims=True)).T
    label, distance = likeness.argmax(1), 1 - likeness.max(1)
    found = np.full(300, 2.0)
    for row in range(300):
        before = [
            other
            for other in np.flatnonzero(label == label[row])
            if (-distance[other], other) < (-distance[row], row)
        ]
        if before:
            found[row] = 1 - max(UNIT[before] @ UNIT[row])
    return found


def test_semdedup_equals_the_slow_rule(monkeypatch):
    monkeypatch.setattr("hf_qads.selection.strategies.semdedup.BLOCK", 7)
    expected = slow_novelty(kmeans(ROWS, 17, metric="cosine", seed=[0, 2]))
    picked = chosen("semdedup", 300, vectors=ROWS)
    np.testing.assert_allclose(picked.gains, expected[picked.order], atol=1e-6)
    assert (np.diff(picked.gains) <= 0).all()


def test_semdedup_drops_copies_first():
    picked = chosen("semdedup", 6, vectors=np.concatenate([UNIT[:3], 2 * UNIT[:3]]), clusters=1)
    assert picked.gains[:3].min() > 1e-4
    assert picked.gains[3:] == pytest.approx([0, 0, 0], abs=1e-6)
    assert sorted(picked.order[:3] % 3) == [0, 1, 2]


def test_d4_drops_duplicates_and_then_takes_what_is_far_from_its_new_centroid():
    new = slow_novelty(kmeans(ROWS, 10, metric="cosine", seed=[0, 2]))
    kept = np.sort(np.lexsort((np.arange(300), -new))[:225])
    centroids = kmeans(ROWS, 10, metric="cosine", rows=kept, seed=[0, 2]).astype(float)
    distance = 1 - (UNIT @ (centroids / np.linalg.norm(centroids, axis=1, keepdims=True)).T).max(1)
    picked = chosen("d4", 300, vectors=ROWS, clusters=10)
    assert set(picked.order[:225]) == set(kept)
    np.testing.assert_allclose(picked.gains[:225], np.sort(distance[kept])[::-1], atol=1e-6)
    np.testing.assert_allclose(new[picked.order[225:]], np.sort(np.delete(new, kept))[::-1], atol=1e-6)
    with pytest.raises(SelectionError, match="keep must be a share"):
        chosen("d4", 3, vectors=ROWS, keep=0.0)


def slow_gist(x, scores, size, diversity, epsilon):
    """The best of the greedy sets over all distances from epsilon / 2 to 2 times the (walked) diameter."""
    apart = np.sqrt(((x[:, None] - x[None]) ** 2).sum(2))
    queue = np.lexsort((np.arange(len(x)), -scores))
    diameter = apart[apart[queue[0]].argmax()].max()

    def worth(rows):
        inside = apart[np.ix_(rows, rows)][~np.eye(len(rows), dtype=bool)]
        return scores[rows].sum() + diversity * (inside.min() if len(rows) > 1 else 0)

    best, distance = list(queue[:size]), epsilon * diameter / 2
    while distance <= 2 * diameter:
        taken = []
        for row in queue:
            if len(taken) < size and all(apart[row, other] >= distance for other in taken):
                taken.append(row)
        best = max(best, taken, key=worth)
        distance *= 1 + epsilon
    return best + [row for row in queue if row not in best][: size - len(best)]


@pytest.mark.parametrize("diversity", [0.0, 1.0, 300.0])
def test_gist_equals_the_slow_search(diversity):
    scores = RNG.uniform(1, 5, 90)
    picked = chosen("gist", 12, vectors=ROWS[:90], scores=scores, diversity=diversity, epsilon=0.2)
    assert picked.order.tolist() == slow_gist(ROWS[:90].astype(float), scores, 12, diversity, 0.2)


@pytest.mark.parametrize("diversity", [0.5, 20.0, 300.0])
@pytest.mark.parametrize("size", [1, 2, 40, 90])
def test_gist_equals_the_slow_search_among_repeated_rows_and_equal_scores(diversity, size):
    rows = np.concatenate([ROWS[:60], ROWS[20:50]])
    scores = RNG.integers(1, 4, 90).astype(float)
    picked = chosen("gist", size, vectors=rows, scores=scores, diversity=diversity, epsilon=0.2)
    assert picked.order.tolist() == slow_gist(rows.astype(float), scores, size, diversity, 0.2)


def test_gist_weighs_quality_against_the_smallest_distance_by_hand():
    # Scores alone: rows 0 and 1, 0.1 apart, worth 10 + 9 + 0.1. Rows 0 and 2 are 5 apart: 10 + 6 + 5.
    vectors = np.array([[0, 0], [0.1, 0], [5, 0]])
    assert chosen("gist", 2, vectors=vectors, scores=[10.0, 9.0, 6.0]).order.tolist() == [0, 2]
    less = chosen("gist", 2, vectors=vectors, scores=[10.0, 9.0, 6.0], diversity=0.1)
    assert less.order.tolist() == [0, 1]
    with pytest.raises(SelectionError, match="none may be negative"):
        chosen("gist", 2, vectors=vectors, scores=[1.0, -1.0, 0.0])


def test_instag_takes_rounds_by_hand():
    tags = [["a"], ["a", "b"], ["b", "c"], [], ["d", "a", "b"], ["c"], None]
    # Round one: 4 (d a b), then 2 (c). Round two: 1 (a b), 5 (c). Round three: 0. Then rows without tags.
    picked = chosen("instag", 7, features={"tags": tags})
    assert picked.order.tolist() == [4, 2, 1, 5, 0, 3, 6]
    assert picked.gains.tolist() == [3, 1, 2, 1, 1, 0, 0]
    with pytest.raises(SelectionError, match="row 0 has the text 'a b' for tags"):
        chosen("instag", 1, features={"tags": ["a b"]})


def test_instag_equals_the_slow_rounds():
    tags = [set(RNG.choice(list("abcdefgh"), RNG.integers(1, 5)).tolist()) for _ in range(60)]
    left, order = list(range(60)), []
    while left:
        seen = set()
        for row in sorted(left, key=lambda row: (-len(tags[row]), row)):
            if len(seen | tags[row]) > len(seen):
                seen |= tags[row]
                order.append(row)
        left = [row for row in left if row not in order]
    assert chosen("instag", 60, features={"tags": [sorted(own) for own in tags]}).order.tolist() == order


def test_deita_multiplies_its_two_columns():
    columns = {"deita_complexity": [1.0, 5.0, 3.0], "deita_quality": [6.0, 2.0, 3.0]}
    picked = chosen("deita", 3, columns, vectors=np.eye(3), scores=[9.0, 1.0, 1.0])
    assert picked.order.tolist() == [1, 2, 0]
    assert picked.gains.tolist() == [10, 9, 6]
    only = chosen("deita", 3, columns, vectors=np.eye(3), complexity="", quality="deita_quality")
    assert only.order.tolist() == [0, 2, 1]


def test_quality_by_a_column_of_ones_own():
    picked = chosen("quality", 3, {"reward": [0.1, -3.0, 7.0]}, score="reward")
    assert picked.order.tolist() == [2, 0, 1]
