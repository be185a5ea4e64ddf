import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from hf_qads.errors import ScoringError
from hf_qads.scoring.scorer.prediction import Predictor, expected_class, pad_token_id
from tests.models import CLASSES, tiny_model, tiny_rows, tiny_tokenizer
from tests.scoring.scorers import write_scorer

CPU = torch.device("cpu")


def plain_scores(folder, rows):
    """The scores as a user would write them: one row at a time, no padding."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = []
    for row in rows:
        text = f"Question: {row['question']}\nAnswer: {row['answer']}\n\n"
        ids = [1, *tokenizer(text, add_special_tokens=False)["input_ids"]]
        with torch.inference_mode():
            p = torch.softmax(model(torch.tensor([ids])).logits[0], -1)
        found.append(sum((place + 1) * float(p[place]) for place in range(5)))
    return np.asarray(found)


def test_the_score_is_the_expected_class():
    logits = torch.log(torch.tensor([[0.1, 0.2, 0.3, 0.4, 1e-9], [1e-9, 1e-9, 1e-9, 1e-9, 1.0]]))
    # 0.1 + 0.4 + 0.9 + 1.6 = 3
    assert expected_class(logits).tolist() == pytest.approx([3.0, 5.0], abs=1e-5)


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_scores_equal_those_of_one_row_at_a_time(kind, tmp_path):
    folder = write_scorer(tmp_path / "scorer", kind)
    rows = tiny_rows(24)
    for batch_tokens in (64, 700, 16384):
        scores, reasons = Predictor(folder, device=CPU, batch_tokens=batch_tokens).predict(rows)
        assert reasons == {}
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores, plain_scores(folder, rows), atol=1e-5)
    assert scores.std() > 0.01


def test_what_cannot_be_scored_is_nan_with_its_reason(tmp_path):
    rows = tiny_rows(2)
    rows += [{"question": "long", "answer": "word " * 400}, {"question": "none", "answer": None}]
    predictor = Predictor(write_scorer(tmp_path / "scorer", context=128), device=CPU, batch_tokens=512)
    scores, reasons = predictor.predict(rows)
    assert np.isnan(scores).tolist() == [False, False, True, True]
    assert reasons == {2: "longer than the context of 128 tokens", 3: "missing answer"}


def test_weights_that_are_not_numbers_give_no_score(tmp_path):
    predictor = Predictor(write_scorer(tmp_path / "scorer"), device=CPU, batch_tokens=512)
    with torch.no_grad():
        predictor._model.score.weight.fill_(float("nan"))
    scores, reasons = predictor.predict(tiny_rows(2))
    assert np.isnan(scores).all()
    assert set(reasons.values()) == {"the scorer's output is not finite"}


def test_running_out_of_memory_changes_no_score(tmp_path):
    folder, rows = write_scorer(tmp_path / "scorer"), tiny_rows(12)
    predictor = Predictor(folder, device=CPU, batch_tokens=500)
    forward, calls = predictor._forward, []

    def short_of_memory(ids):
        calls.append(sum(map(len, ids)))
        if calls[-1] > 300:
            raise torch.OutOfMemoryError("out of memory")
        return forward(ids)

    predictor._forward = short_of_memory
    scores, _ = predictor.predict(rows)
    assert max(calls) > 300 >= calls[-1]
    np.testing.assert_allclose(scores, plain_scores(folder, rows), atol=1e-5)


def test_transformers_opens_the_folder_as_a_text_classifier(tmp_path):
    folder = write_scorer(tmp_path / "scorer")
    row = tiny_rows(1)[0]
    classify = pipeline("text-classification", model=str(folder), top_k=None)
    classes = classify([f"<s>Question: {row['question']}\nAnswer: {row['answer']}\n\n"])[0]
    expected = sum(int(each["label"]) * each["score"] for each in classes)
    scores, _ = Predictor(folder, device=CPU, batch_tokens=512).predict([row])
    assert expected == pytest.approx(float(scores[0]), abs=1e-5)


def test_a_language_model_is_not_taken_for_a_scorer(tmp_path):
    tiny_model().save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ScoringError, match="never trained to score"):
        Predictor(tmp_path, device=CPU, batch_tokens=512)


def test_a_classifier_of_other_classes_is_refused(tmp_path):
    folder = write_scorer(tmp_path / "scorer")
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=3, ignore_mismatched_sizes=True
    )
    model.save_pretrained(folder)
    with pytest.raises(ScoringError, match="3 classes"):
        Predictor(folder, device=CPU, batch_tokens=512)


@pytest.mark.parametrize("missing", ["tokenizer.json", "model.safetensors", "config.json"])
def test_a_folder_that_is_not_whole_is_refused(missing, tmp_path):
    folder = write_scorer(tmp_path / "scorer")
    (folder / missing).unlink()
    if missing == "tokenizer.json":
        (folder / "tokenizer_config.json").unlink()
    with pytest.raises(ScoringError, match="cannot be loaded"):
        Predictor(folder, device=CPU, batch_tokens=512)


def test_remote_code_is_not_run(tmp_path):
    folder = write_scorer(tmp_path / "scorer")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForSequenceClassification": "evil.Model", "AutoConfig": "evil.Config"}
    config["model_type"] = "evil"
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    with pytest.raises(ScoringError):
        Predictor(folder, device=CPU, batch_tokens=512)


def test_padding_falls_back_to_eos():
    assert pad_token_id(tiny_tokenizer(pad=False)) == tiny_tokenizer(pad=False).eos_token_id
    bare = tiny_tokenizer(pad=False)
    bare.eos_token = None
    with pytest.raises(ScoringError, match="no pad, EOS or unknown token"):
        pad_token_id(bare)
