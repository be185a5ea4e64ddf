import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_qads.errors import ScoringError
from hf_qads.scoring.probe import probe as probe_head
from hf_qads.scoring.probe.probe import PENALTIES, fit_probe, ridge
from hf_qads.scoring.probe.training import Probe, train_probe
from hf_qads.statistics.correlation import correlation


def linear(n=200, d=12, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, d)) * np.arange(1, d + 1) + 5
    scores = 1 / (1 + np.exp(-(vectors - 5) @ (1 / np.arange(1, d + 1)) - noise * rng.normal(size=n)))
    rows = [{"question": f"q{i}", "answer": "a" * (i % 7), "source": f"s{i % 2}"} for i in range(n)]
    return vectors.astype(np.float32), scores, rows


def test_the_weights_are_those_of_plain_ridge_regression():
    vectors, scores, _ = linear(40, 6)
    found = ridge(vectors.astype(np.float64), scores)
    x, y = vectors - vectors.mean(0, dtype=np.float64), scores - scores.mean()
    weight = np.linalg.solve(x.T @ x + found.penalty * np.eye(6), x.T @ y)
    np.testing.assert_allclose(found.weight, weight, atol=1e-6)
    np.testing.assert_allclose(vectors @ found.weight + found.bias, x @ weight + scores.mean(), atol=1e-4)


def test_what_is_not_linear_is_fitted_by_the_kernel():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, 5))
    targets = 3 + np.tanh(2 * vectors[:, 0] * vectors[:, 1])
    probe = fit_probe(vectors[:300], targets[:300])
    assert probe.width > 0
    assert correlation(probe.predict(vectors[300:]).astype(np.float64), targets[300:]) > 0.8


def test_what_is_linear_is_fitted_linearly():
    vectors = np.random.default_rng(0).normal(size=(300, 5))
    probe = fit_probe(vectors, 3 + vectors @ np.full(5, 0.1))
    assert probe.width == 0
    assert len(probe.landmarks) == 0


def test_more_rows_than_landmarks_are_fitted_by_a_part_of_them(monkeypatch):
    monkeypatch.setattr(probe_head, "LANDMARKS", 64)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(500, 3))
    targets = 3 + np.tanh(2 * vectors[:, 0] * vectors[:, 1])
    probes = [fit_probe(vectors, targets, seed=seed) for seed in (1, 1, 2)]
    assert probes[0].landmarks.shape == (64, 3)
    assert correlation(probes[0].predict(vectors).astype(np.float64), targets) > 0.8
    np.testing.assert_array_equal(probes[0].weight, probes[1].weight)
    assert not np.array_equal(probes[0].landmarks, probes[2].landmarks)


@pytest.mark.parametrize("shape", [(30, 5), (12, 40)])
def test_the_penalty_is_the_one_of_smallest_leave_one_out_error(shape):
    vectors, scores, _ = linear(*shape)
    errors = []
    for penalty in PENALTIES:
        error = 0.0
        x = vectors.astype(np.float64)
        for out in range(len(x)):
            rest = np.arange(len(x)) != out
            # An unpenalised intercept, refitted without the row.
            a, b = x[rest], scores[rest]
            centre, mean = a.mean(0), b.mean()
            gram = (a - centre).T @ (a - centre) + penalty * np.eye(x.shape[1])
            weight = np.linalg.solve(gram, (a - centre).T @ (b - mean))
            error += (scores[out] - mean - (x[out] - centre) @ weight) ** 2
        errors.append(error)
    chosen = ridge(vectors.astype(np.float64), scores)
    assert chosen.penalty == pytest.approx(PENALTIES[int(np.argmin(errors))])
    assert chosen.error == pytest.approx(min(errors), rel=1e-4)


def test_it_agrees_with_real_scores_on_rows_held_out(tmp_path):
    vectors, scores, rows = linear()
    vectors[3], scores[5] = np.nan, np.nan
    result = train_probe(vectors, scores, rows=rows, folder=tmp_path / "probe", held_out=0.25)
    assert result.evaluation["agreement"]["all"]["pearson"] > 0.9
    assert result.left_out == {"the row has no vector": 1, "no real score": 1}
    assert sorted(path.name for path in result.folder.iterdir()) == [
        "evaluation.json",
        "held_out.parquet",
        "probe.json",
        "probe.safetensors",
    ]
    found = Probe.load(result.folder).predict(vectors)
    assert found.dtype == np.float32
    assert np.isnan(found).tolist() == [place == 3 for place in range(200)]
    assert np.nanmin(found) >= 1
    assert np.nanmax(found) <= 5


def test_it_holds_out_the_rows_that_a_scorer_holds_out():
    from hf_qads.scoring.held_out import split

    _, scores, rows = linear(60)
    first = split(rows, scores, held_out=0.2, seed=4, reasons={})
    again = split(rows, scores, held_out=0.2, seed=4, reasons={})
    assert first.held_out.tolist() == again.held_out.tolist()


def test_equal_scores_give_the_middle(tmp_path):
    vectors, _, rows = linear(20)
    result = train_probe(vectors, np.full(20, 0.4), rows=rows, folder=tmp_path / "probe")
    np.testing.assert_allclose(Probe.load(result.folder).predict(vectors), 3.0, atol=1e-6)


@pytest.mark.parametrize("labels", ["width", "quantile"])
def test_scores_are_spread_over_one_to_five_within_each_group(labels, tmp_path):
    vectors, scores, rows = linear(120, noise=0.0)
    scores[60:] *= 0.1
    groups = ["a"] * 60 + ["b"] * 60
    result = train_probe(
        vectors, scores, rows=rows, folder=tmp_path / "probe", groups=groups, labels=labels, held_out=0
    )
    found = Probe.load(result.folder).predict(vectors)
    assert abs(found[:60].mean() - found[60:].mean()) < 0.5
    assert found.max() > 4
    assert found.min() < 2


def test_vectors_of_another_model_are_refused(tmp_path):
    vectors, scores, rows = linear(20)
    train_probe(vectors, scores, rows=rows, folder=tmp_path / "probe")
    with pytest.raises(ScoringError, match=r"12 dimensions, but got shape \(20, 11\)"):
        Probe.load(tmp_path / "probe").predict(vectors[:, :11])
    with pytest.raises(ScoringError, match="20 rows, but vectors of shape"):
        train_probe(vectors[:5], scores, rows=rows, folder=tmp_path / "probe")


def test_a_folder_without_a_whole_probe_is_refused(tmp_path):
    vectors, scores, rows = linear(20)
    train_probe(vectors, scores, rows=rows, folder=tmp_path / "probe")
    weights = tmp_path / "probe" / "probe.safetensors"
    weights.write_bytes(weights.read_bytes()[:40])
    with pytest.raises(ScoringError, match="no whole probe"):
        Probe.load(tmp_path / "probe")
    with pytest.raises(ScoringError, match="no whole probe"):
        Probe.load(tmp_path)


@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-100, 100))
def test_scale_and_shift_of_the_vectors_do_not_matter(scale, shift):
    vectors, scores, _ = linear(30, 4)
    values = vectors.astype(np.float64)
    plain = fit_probe(values, 1 + 4 * scores).predict(values)
    moved = fit_probe(values * scale + shift, 1 + 4 * scores).predict(values * scale + shift)
    np.testing.assert_allclose(plain, moved, atol=1e-4)
