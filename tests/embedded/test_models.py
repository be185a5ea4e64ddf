import json
from pathlib import Path

import pytest
import yaml

from hf_qads.embedded import language_model_path, pool, scorer_path

FOLDERS = {"language_model": language_model_path(), "scorer": scorer_path()}


def pick(quality, count, sources=("embedded_word_problems", "embedded_number_lessons")):
    rows = [row for source in sources for row in pool.rows(source) if row["planted"] == quality]
    return rows[:count]


@pytest.fixture(scope="module")
def language_model():
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = language_model_path()
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, local_files_only=True)
    return model.eval(), AutoTokenizer.from_pretrained(path, local_files_only=True)


def test_both_models_together_are_smaller_than_8_mib():
    files = [file for folder in FOLDERS.values() for file in folder.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 8 * 2**20


@pytest.mark.parametrize("name", FOLDERS)
def test_weights_are_safetensors_and_nothing_is_pickled(name):
    suffixes = {file.suffix for file in FOLDERS[name].iterdir()}
    assert ".safetensors" in suffixes
    assert not suffixes & {".bin", ".pt", ".pkl", ".py"}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_names_no_path_of_the_machine_that_made_it(name):
    for file in FOLDERS[name].glob("*.json"):
        text = file.read_text(encoding="utf-8")
        assert "/home/" not in text
        assert "/tmp/" not in text
        assert str(Path.cwd()) not in text


def test_numbers_are_single_digits_and_a_newline_is_a_token_of_its_own(language_model):
    _, tokenizer = language_model
    pieces = [tokenizer.decode([token]) for token in tokenizer("12 + 345\n\n1. x\n")["input_ids"]]
    assert all(sum(letter.isdigit() for letter in piece) <= 1 for piece in pieces)
    assert [piece for piece in pieces if "\n" in piece] == ["\n", "\n", "\n"]


def test_any_text_survives_the_tokenizer(language_model):
    _, tokenizer = language_model
    text = "Größe: 3 ÷ 4 ≈ 12 😀\n\tx² \\boxed{7}  two  spaces"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_good_rows_have_higher_real_scores_than_poor_ones(language_model):
    from hf_qads import influence

    model, tokenizer = language_model
    anchors = pool.rows("embedded_target")[:16]
    good = influence(model, tokenizer, pick("good", 8), anchors).win_rate.mean()
    for quality in ("wrong", "cut"):
        assert influence(model, tokenizer, pick(quality, 8), anchors).win_rate.mean() < good - 0.2


def test_the_scorer_loads_as_an_ordinary_classifier_of_five_classes():
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(scorer_path(), local_files_only=True)
    assert model.config.num_labels == 5
    assert AutoTokenizer.from_pretrained(scorer_path(), local_files_only=True).pad_token_id is not None


def test_the_scorer_puts_good_rows_above_poor_ones():
    from hf_qads import QaDSScorer

    scorer = QaDSScorer.from_pretrained(str(scorer_path()), device="cpu")

    def mean(rows):
        batch = {column: [row[column] for row in rows] for column in ("question", "answer")}
        return float(scorer(batch)["qads_score"].mean())

    good = mean(pick("good", 16))
    assert all(mean(pick(quality, 16)) < good - 0.5 for quality in ("wrong", "cut"))


@pytest.mark.parametrize("name", FOLDERS)
def test_a_card_has_front_matter_and_a_licence(name):
    _, head, _ = (FOLDERS[name] / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert yaml.safe_load(head)["license"] == "apache-2.0"


def test_the_language_models_card_carries_the_measured_figures():
    figures = json.loads((language_model_path() / "figures.json").read_text())
    card = (language_model_path() / "README.md").read_text()
    for name, found in figures["classes"].items():
        assert f"| {name} | {found['rows']} | {found['mean']:.3f} |" in card
    assert f"**{figures['auc']:.3f}**" in card
    assert f"**{figures['auc_length_matched']:.3f}**" in card
    assert f"{figures['auc_length_alone']:.3f}" in card


def test_the_scorers_card_carries_the_measured_figures():
    figures = json.loads((scorer_path() / "figures.json").read_text())
    card = (scorer_path() / "README.md").read_text()
    for name, found in figures["agreement"].items():
        assert f"| {name} | {found['n']} | {found['pearson']:.3f} (" in card
        assert f"| {found['spearman']:.3f} (" in card
