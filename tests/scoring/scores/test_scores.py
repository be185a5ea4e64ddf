"""Further scores against plain forward passes, one row at a time."""

import math
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import torch
from datasets import Dataset, IterableDataset
from tokenizers import normalizers
from transformers import LlamaConfig, LlamaForSequenceClassification

from hf_qads.embedding.encoder import embed
from hf_qads.errors import ModelError, ScoringError
from hf_qads.rows.losses import ONE_TOKEN, losses
from hf_qads.rows.rendering import Renderer
from hf_qads.scoring.scores import registry
from hf_qads.scoring.scores.given import Neighbourhood, Scored
from hf_qads.scoring.scores.registry import SCORES, about, compute
from hf_qads.scoring.scores.row_scores import RowScores
from tests.models import VOCABULARY, tiny_model, tiny_rows, tiny_tokenizer

ROWS = tiny_rows(7, seed=4)
MODEL = tiny_model()
TOKENIZER = tiny_tokenizer()


def log_probs(model, ids):
    """Log-probability of each token after the ones before it; the first has none."""
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return [math.nan, *(float(logits[place - 1, token]) for place, token in enumerate(ids) if place)]


def slow(model, tokenizer, row):
    """Mean losses of one row: answer, its tokens that `alone` has too, alone, whole."""
    renderer = Renderer(tokenizer)
    block, bos = renderer.block(row), renderer.bos
    start, stop = block.answer
    full = log_probs(model, [*bos, *block.ids])
    answer = full[len(bos) + start : len(bos) + stop]
    alone = log_probs(model, [*bos, *block.ids[start:stop]])[1:]
    first = 0 if bos else 1
    return [-float(np.mean(part)) for part in (answer, answer[first:], alone, full[max(1, len(bos)) :])]


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2"])
@pytest.mark.parametrize("bos", [True, False])
def test_losses_are_those_of_a_plain_pass_over_each_row_whatever_the_batch(kind, bos):
    model, tokenizer = tiny_model(kind), tiny_tokenizer(bos=bos)
    for batch_tokens in (64, 4096):
        found = losses(model, tokenizer, ROWS, parts=("answer", "alone", "whole"), batch_tokens=batch_tokens)
        for place, row in enumerate(ROWS):
            expected = slow(model, tokenizer, row)
            got = (found.answer[place], found.paired[place], found.alone[place], found.whole[place])
            assert got == pytest.approx(expected, abs=1e-5)
    assert found.tokens.tolist() == [np.diff(Renderer(tokenizer).block(row).answer)[0] for row in ROWS]


def test_ifd_is_the_ratio_of_losses_or_of_perplexities():
    answer, _, alone, whole = np.asarray([slow(MODEL, TOKENIZER, row) for row in ROWS]).T
    found = compute(ROWS, ["ifd", "perplexity", "answer_tokens"], model=MODEL, tokenizer=TOKENIZER)
    np.testing.assert_allclose(found["ifd"], answer / alone, rtol=1e-5)
    np.testing.assert_allclose(found["perplexity"], np.exp(answer), rtol=1e-4)
    assert found["ifd"].dtype == np.float32
    options = {"ifd": {"ratio": "perplexity"}, "perplexity": {"tokens": "all"}}
    found = compute(ROWS, options, model=MODEL, tokenizer=TOKENIZER)
    np.testing.assert_allclose(found["ifd"], np.exp(answer - alone), rtol=1e-4)
    np.testing.assert_allclose(found["perplexity"], np.exp(whole), rtol=1e-4)


def test_two_scores_share_their_forward_pass():
    tokens = []
    hook = MODEL.model.register_forward_hook(lambda *_, output=None: tokens.append(1))
    try:
        compute(ROWS, ["perplexity"], model=MODEL, tokenizer=TOKENIZER)
        one = len(tokens)
        compute(ROWS, ["perplexity", "ifd"], model=MODEL, tokenizer=TOKENIZER)
    finally:
        hook.remove()
    assert len(tokens) == one + 2  # the pass over question and answer once, and that over the answers


def test_rows_without_a_score_are_nan_with_a_reason():
    long = {"question": "What?", "answer": "word " * 400}
    blank = {"question": "What?", "answer": "  "}
    found = compute(
        [ROWS[0], long, blank], ["ifd", "answer_tokens"], model=tiny_model(context=128), tokenizer=TOKENIZER
    )
    assert np.isfinite(found["ifd"]).tolist() == [True, False, False]
    assert found["ifd_reason"][0] is None
    assert found["ifd_reason"][1] == "longer than the context of 128 tokens"
    assert found["answer_tokens_reason"][1:] == found["ifd_reason"][1:]
    assert found["ifd_reason"][2]
    digit = {"question": "1 + 1?", "answer": "2"}
    alone = compute([digit], ["ifd", "perplexity"], model=MODEL, tokenizer=tiny_tokenizer(bos=False))
    assert alone["ifd_reason"] == [ONE_TOKEN]
    assert np.isfinite(alone["perplexity"]).all()


def test_wici_is_the_mean_help_for_the_nearest_rows_that_are_helped():
    vectors = embed(MODEL, TOKENIZER, ROWS)
    around = Neighbourhood(vectors, lambda places: [ROWS[place] for place in places], np.arange(len(ROWS)))
    found = compute(ROWS, {"wici": {"probes": 3}}, model=MODEL, tokenizer=TOKENIZER, neighbourhood=around)
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True)
    renderer = Renderer(TOKENIZER)
    for a, row in enumerate(ROWS):
        similarity = unit @ unit[a]
        near = [b for b in np.argsort(-similarity, kind="stable") if b != a][:3]
        helped = []
        for b in near:
            block, example = renderer.block(ROWS[b]), renderer.block(row)
            start = len(renderer.bos) + len(example.ids)
            logs = log_probs(MODEL, [*renderer.bos, *example.ids, *block.ids])
            after = -np.mean(logs[start + block.answer[0] : start + block.answer[1]])
            answer, _, alone, _ = slow(MODEL, TOKENIZER, ROWS[b])
            gain = math.exp(answer - alone) - math.exp(after - alone)
            helped += [gain * (1 - similarity[b])] if gain > 0 else []
        assert found["wici"][a] == pytest.approx(np.mean(helped) if helped else 0.0, abs=1e-5)


def test_wici_without_a_vector_has_a_reason_and_is_nobodys_neighbour():
    vectors = embed(MODEL, TOKENIZER, ROWS)
    vectors[2] = np.nan
    around = Neighbourhood(vectors, lambda places: [ROWS[place] for place in places], np.arange(len(ROWS)))
    found = compute(ROWS, ["wici"], model=MODEL, tokenizer=TOKENIZER, neighbourhood=around)
    assert found["wici_reason"][2] == "the row has no vector"
    assert np.isfinite(np.delete(found["wici"], 2)).all()
    with pytest.raises(ScoringError, match="needs vectors"):
        compute(ROWS, ["wici"], model=MODEL, tokenizer=TOKENIZER)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grader")
    MODEL.save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return str(folder)


def test_deita_is_the_expected_grade_summed_over_turns(saved):
    turns = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]
    rows = [{**ROWS[0], "history": None}, {**ROWS[1], "history": turns}]
    prompts = {"complexity_prompt": "Grade {question}: ", "quality_prompt": "Q {question} A {answer}: "}
    found = compute(rows, {"deita": {"complexity": saved, "quality": saved, **prompts}})

    def grade(text):
        with torch.inference_mode():
            logits = MODEL(torch.tensor([TOKENIZER(text)["input_ids"]])).logits[0, -1]
        digits = [TOKENIZER.encode(str(k), add_special_tokens=False)[0] for k in range(1, 7)]
        return float(logits[digits].double().softmax(-1) @ torch.arange(1.0, 7.0, dtype=torch.float64))

    pairs = [
        [(rows[0]["question"], rows[0]["answer"])],
        [("2 + 2?", "4"), (rows[1]["question"], rows[1]["answer"])],
    ]
    for place, row in enumerate(pairs):
        complexity = [grade(f"Grade {q}: ") for q, _ in row]
        quality = [grade(f"Q {q} A {a}: ") for q, a in row]
        assert found["deita_complexity"][place] == pytest.approx(np.mean(complexity), rel=1e-5)
        assert found["deita_quality"][place] == pytest.approx(np.mean(quality), rel=1e-5)
        assert found["deita"][place] == pytest.approx(np.dot(complexity, quality), rel=1e-5)


def test_deita_without_single_digit_tokens_scores_nothing(saved, tmp_path):
    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = None
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("3", "33")
    MODEL.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    found = compute(ROWS[:2], {"deita": {"complexity": str(tmp_path), "quality": saved}})
    assert np.isnan(found["deita"]).all()
    assert "no single token" in found["deita_reason"][0]


def test_reward_is_the_models_output_for_the_row(tmp_path):
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_labels=1, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    model = LlamaForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path)
    tokenizer = tiny_tokenizer(chat=True)
    tokenizer.save_pretrained(tmp_path)
    found = compute(ROWS, {"reward": {"model": str(tmp_path)}})
    for place, row in enumerate(ROWS):
        renderer = Renderer(tokenizer, "chat")
        with torch.inference_mode():
            expected = model(torch.tensor([[*renderer.bos, *renderer.block(row).ids]])).logits[0, 0]
        assert found["reward"][place] == pytest.approx(float(expected), abs=1e-5)
    with pytest.raises(ModelError, match="cannot be loaded"):
        compute(ROWS, {"reward": {"model": str(tmp_path / "nothing")}})


def test_map_gives_the_same_as_a_call_streaming_too(saved):
    function = RowScores(["ifd", "answer_tokens"], model=saved)
    direct = compute(ROWS, ["ifd", "answer_tokens"], model=MODEL, tokenizer=TOKENIZER)
    columns = {key: [row[key] for row in ROWS] for key in ("question", "answer")}
    mapped = Dataset.from_dict(columns).map(function, batched=True, batch_size=3)
    assert mapped.features["ifd"].dtype == "float32"
    np.testing.assert_allclose(mapped["ifd"][:], direct["ifd"], rtol=1e-5)
    assert mapped["ifd_reason"][:] == [None] * len(ROWS)
    one = next(iter(IterableDataset.from_generator(lambda: iter(ROWS)).map(function)))
    assert one["ifd"] == pytest.approx(float(direct["ifd"][0]), rel=1e-5)


@pytest.mark.parametrize("name", sorted(SCORES))
def test_every_score_says_what_it_is(name):
    needed = {"deita": {"complexity": "a", "quality": "b"}, "reward": {"model": "a"}}
    one = about(name, needed.get(name))
    assert one.phrase
    assert one.columns[0].startswith(name.split("_")[0])
    assert set(one.parts) <= {"answer", "alone", "whole"}


def test_unknown_scores_and_options_are_errors_that_name_what_there_is():
    with pytest.raises(ScoringError, match=r"'ifdd' is not known\. There are: answer_tokens, deita"):
        compute(ROWS, ["ifdd"])
    with pytest.raises(ScoringError, match=r"ifd has no option 'rate'\. Its options: ratio"):
        compute(ROWS, {"ifd": {"rate": 1}})
    with pytest.raises(ScoringError, match="deita needs the options complexity, quality"):
        compute(ROWS, ["deita"])
    with pytest.raises(ScoringError, match="none of loss, perplexity"):
        compute(ROWS, {"ifd": {"ratio": "sum"}}, model=MODEL, tokenizer=TOKENIZER)
    with pytest.raises(ScoringError, match="a language model is needed"):
        compute(ROWS, ["ifd"])


def question_length(given):
    return Scored({"question_length": np.asarray([len(row["question"]) for row in given.rows])}, {})


def test_another_package_can_add_a_score(monkeypatch):
    point = EntryPoint("question_length", f"{__name__}:question_length", "hf_qads.scores")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == point.group else [])
    registry.scores.cache_clear()
    try:
        found = compute(ROWS, ["question_length"])
        assert found["question_length"].tolist() == [len(row["question"]) for row in ROWS]
    finally:
        registry.scores.cache_clear()
