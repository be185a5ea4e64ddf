import numpy as np
import pytest
import torch

from hf_qads.embedding import embed, gradient_subspace, gradients
from hf_qads.embedding.folders import encode_folder
from hf_qads.embedding.gradients import GradientMaker
from hf_qads.embedding.pooling import weighted_mean
from hf_qads.errors import EmbeddingError
from hf_qads.rows.rendering import Renderer
from hf_qads.selection import select
from tests.models import tiny_model, tiny_rows, tiny_tokenizer

ROWS = tiny_rows(9)


def by_autograd(maker, row):
    """The gradient of one row alone, by torch.autograd, of each adapter weight."""
    block = maker.renderer.block(row)
    ids = torch.tensor([[*maker.renderer.bos, *block.ids]])
    start, stop = (len(maker.renderer.bos) + place for place in block.answer)
    maker.model.eval()
    logits = maker.model(input_ids=ids).logits[0, start - 1 : stop - 1]
    loss = torch.nn.functional.cross_entropy(logits, ids[0, start:stop])
    weights = [layer.weight for layer in maker.layers.values()]
    return torch.autograd.grad(loss, weights)


def projected(maker, gradient):
    """The plain projection: all signs of a layer at once."""
    total = np.zeros(maker.dimensions)
    for number, part in enumerate(gradient):
        flat = part.detach().double().reshape(-1).numpy()
        signs = [maker.signs(number, chunk, min(4096, len(flat) - begin))
                 for chunk, begin in enumerate(range(0, len(flat), 4096))]  # fmt: skip
        total += flat @ np.concatenate(signs)
    return total / np.linalg.norm(total)


def trained(kind="llama", seed=0):
    """A model whose adapters are not as they start."""
    maker = GradientMaker(tiny_model(kind), tiny_tokenizer(bos=kind != "qwen2"), dimensions=96)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in maker.layers.values():
            layer.weight.copy_(0.1 * torch.randn(layer.weight.shape, generator=generator))
    return maker


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
@pytest.mark.parametrize("batch_tokens", [64, 16384])
def test_gradients_are_those_of_autograd_row_by_row_whatever_the_batch(kind, batch_tokens):
    model = trained(kind).model
    tokenizer = tiny_tokenizer(bos=kind != "qwen2")
    maker = GradientMaker(model, tokenizer, dimensions=96, batch_tokens=batch_tokens)
    found = np.empty((len(ROWS), maker.size), dtype=np.float32)
    assert maker.encode(ROWS, found) == {}
    slow = np.stack([projected(maker, by_autograd(maker, row)) for row in ROWS])
    np.testing.assert_allclose(found, slow, atol=2e-4)


def test_adams_step_is_taken_from_the_moments_by_name():
    maker = trained()
    generator = torch.Generator().manual_seed(1)
    moments = {
        name: (torch.randn(layer.weight.shape, generator=generator) * 1e-3,
               torch.rand(layer.weight.shape, generator=generator) * 1e-6)
        for name, layer in maker.layers.items()
    }  # fmt: skip
    found = gradients(maker.model, tiny_tokenizer(), ROWS[:3], dimensions=96, moments=[moments])[:, 0]
    for row, direction in zip(ROWS[:3], found, strict=True):
        steps = []
        for (first, second), g in zip(moments.values(), by_autograd(maker, row), strict=True):
            step = (0.9 * first + 0.1 * g) / (0.999 * second + 0.001 * g**2 + 1e-8).sqrt()
            steps.append(step)
        np.testing.assert_allclose(direction, projected(maker, steps), atol=1e-3)
    with pytest.raises(EmbeddingError, match="2 moments for 1 checkpoints"):
        gradients(maker.model, tiny_tokenizer(), ROWS, moments=[moments, moments])


def test_each_checkpoint_gives_its_own_gradients():
    one, other = trained(seed=1), trained(seed=2)
    weights = [{name: layer.weight.clone() for name, layer in maker.layers.items()} for maker in (one, other)]
    both = gradients(one.model, tiny_tokenizer(), ROWS, dimensions=96, checkpoints=weights)
    assert both.shape == (9, 2, 96)
    for number, maker in enumerate((trained(seed=1), trained(seed=2))):
        alone = gradients(maker.model, tiny_tokenizer(), ROWS, dimensions=96)[:, 0]
        np.testing.assert_allclose(both[:, number], alone, atol=1e-5)
    with pytest.raises(EmbeddingError, match="a checkpoint has no"):
        gradients(one.model, tiny_tokenizer(), ROWS, checkpoints=[{}])


def test_the_projection_keeps_cosines_about_as_they_are():
    maker = trained()
    whole = np.stack([torch.cat([g.reshape(-1) for g in by_autograd(maker, row)]).numpy() for row in ROWS])
    whole /= np.linalg.norm(whole, axis=1, keepdims=True)
    found = gradients(maker.model, tiny_tokenizer(), ROWS, dimensions=8192)[:, 0]
    assert abs(found @ found.T - whole @ whole.T).max() < 0.06  # five standard deviations of 1 / sqrt(8192)


def test_a_model_without_adapters_gets_fresh_ones_from_the_seed():
    one, again, other = (
        gradients(tiny_model("llama"), tiny_tokenizer(), ROWS, seed=seed) for seed in (0, 0, 1)
    )
    assert one.tobytes() == again.tobytes()
    assert abs(one - other).max() > 1e-3


def test_the_low_cost_form_keeps_the_coordinates_in_the_targets_subspace():
    model, tokenizer = trained().model, tiny_tokenizer()
    target = gradients(model, tokenizer, ROWS[:4], dimensions=96)
    basis = gradient_subspace(target, 3)
    assert basis.shape == (1, 96, 3)
    low = gradients(model, tokenizer, ROWS, dimensions=96, subspace=basis)
    high = gradients(model, tokenizer, ROWS, dimensions=96)
    assert low.shape == (9, 1, 3)
    wanted = gradients(model, tokenizer, ROWS[:4], dimensions=96, subspace=basis)
    given = {"size": 6, "strategy": "less", "start": [], "coverage": False}
    by_low = select(None, features={"gradients": low}, target_features={"gradients": wanted}, **given)
    by_high = select(
        None,
        features={"gradients": high},
        target_features={"gradients": target},
        options={"rank": 3},
        **given,
    )
    assert by_low.order.tolist() == by_high.order.tolist()


def test_a_row_that_does_not_fit_has_a_reason():
    rows = [ROWS[0], {"question": "?", "answer": "long " * 3000}, {"question": "?", "answer": " "}]
    maker = GradientMaker(tiny_model("llama"), tiny_tokenizer())
    found = np.empty((3, maker.size), dtype=np.float32)
    reasons = maker.encode(rows, found)
    assert sorted(reasons) == [1, 2]
    assert "longer than the context" in reasons[1]
    assert np.isfinite(found).all(axis=1).tolist() == [True, False, False]


def test_gradients_of_a_folder_resume_and_have_the_same_bytes(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {"row_id": [f"a-{i}" for i in range(9)], "question": [r["question"] for r in ROWS]}
    (tmp_path / "rows").mkdir()
    pq.write_table(
        pa.table({**table, "answer": [r["answer"] for r in ROWS]}), tmp_path / "rows/part-0.parquet"
    )
    maker = GradientMaker(tiny_model("llama"), tiny_tokenizer(), dimensions=64)
    encode = maker.encode
    calls = iter(range(9))

    def stopped(rows, out):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return encode(rows, out)

    maker.encode = stopped
    with pytest.raises(KeyboardInterrupt):
        encode_folder(maker, tmp_path / "rows", tmp_path / "one", shard_rows=2, what="gradients")
    maker.encode = encode
    one = encode_folder(maker, tmp_path / "rows", tmp_path / "one", shard_rows=2, what="gradients").array
    other = encode_folder(maker, tmp_path / "rows", tmp_path / "two", shard_rows=2, what="gradients").array
    assert one.tobytes() == other.tobytes()
    assert one.shape == (9, 64)


def test_weighted_pooling_is_by_position_and_blind_to_padding():
    hidden = torch.tensor([[[1.0, 4.0], [2.0, 1.0], [3.0, 0.0], [torch.nan, 9.0]]])
    pooled = weighted_mean(hidden, torch.tensor([[1, 1, 1, 0]]))
    assert pooled[0].tolist() == pytest.approx([(1 + 4 + 9) / 6, (4 + 2) / 6])


def test_weighted_vectors_equal_those_of_one_row_at_a_time():
    model, tokenizer = tiny_model("llama"), tiny_tokenizer()
    renderer, slow = Renderer(tokenizer, "plain"), []
    for row in ROWS:
        ids = torch.tensor([[*renderer.bos, *renderer.block(row).ids]])
        with torch.inference_mode():
            states = model(input_ids=ids, output_hidden_states=True).hidden_states[-1][0].double()
        weights = torch.arange(1, len(states) + 1) / sum(range(len(states) + 1))
        slow.append((weights[:, None] * states).sum(0).numpy())
    for batch_tokens in (64, 16384):
        found = embed(model, tokenizer, ROWS, pooling="weighted", batch_tokens=batch_tokens)
        np.testing.assert_allclose(found, np.stack(slow), atol=2e-5)
    with pytest.raises(EmbeddingError, match="pooling='max' is none of mean, weighted"):
        embed(model, tokenizer, ROWS, pooling="max")
