"""Rows to token ids and labels."""

import pytest
from datasets import Dataset

from hf_qads.errors import SourceError, TrainingError
from hf_qads.rows.rendering import Renderer
from hf_qads.training.rows import IGNORED, NO_ROOM, training_rows
from tests.models import tiny_tokenizer

ROWS = [
    {"question": "What is 3 + 4?", "answer": "3 + 4 = 7. The answer is 7."},
    {"question": "How many apples?", "answer": "5"},
]


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer(chat=True)


def test_loss_is_on_the_answer_and_on_its_end(tokenizer):
    made = training_rows(ROWS, tokenizer, max_length=256)
    block = Renderer(tokenizer).block(ROWS[0])
    first = made.data[0]
    assert first["input_ids"] == [tokenizer.bos_token_id, *block.ids, tokenizer.eos_token_id]
    start = 1 + block.answer[0]
    assert first["labels"] == [IGNORED] * start + first["input_ids"][start:]
    learnt = tokenizer.decode([label for label in first["labels"] if label != IGNORED])
    assert learnt == " 3 + 4 = 7. The answer is 7.\n\n</s>"


def test_chat_template_ends_its_turns_itself(tokenizer):
    made = training_rows(ROWS[1:], tokenizer, template="chat", max_length=256)
    learnt = tokenizer.decode([label for label in made.data[0]["labels"] if label != IGNORED])
    assert learnt == "5<|im_end|>\n"


def test_rows_that_truncation_would_empty_are_counted(tokenizer):
    long = {"question": "long " * 200, "answer": "7"}
    made = training_rows([*ROWS, long], tokenizer, max_length=64)
    assert len(made.data) == 2
    assert made.left_out == {NO_ROOM: 1}
    assert "left out: 1 (the question fills the maximum length)" in str(made)


def test_answers_that_lose_their_end_are_counted(tokenizer):
    made = training_rows([{"question": "Why?", "answer": "because " * 40}], tokenizer, max_length=32)
    assert made.cut == 1
    assert len(made.data[0]["input_ids"]) == 32
    assert made.tokens == 32


@pytest.mark.parametrize(
    "columns",
    [("instruction", "output"), ("problem", "solution"), ("prompt", "completion"), ("query", "response")],
)
def test_usual_column_pairs_give_the_same_tokens(tokenizer, columns):
    renamed = Dataset.from_list([dict(zip(columns, row.values(), strict=True)) for row in ROWS])
    made = training_rows(renamed, tokenizer, max_length=256)
    assert made.fingerprint() == training_rows(ROWS, tokenizer, max_length=256).fingerprint()


def test_fingerprint_follows_the_tokens(tokenizer):
    first = training_rows(ROWS, tokenizer, max_length=256).fingerprint()
    assert first == training_rows(ROWS, tokenizer, max_length=256).fingerprint()
    assert first != training_rows(ROWS[::-1], tokenizer, max_length=256).fingerprint()


def test_unusable_rows_have_reasons(tokenizer):
    made = training_rows([*ROWS, {"question": "Empty?", "answer": "  "}], tokenizer, max_length=256)
    assert made.left_out == {"blank answer": 1}


def test_nothing_to_train_on_is_an_error(tokenizer):
    with pytest.raises(TrainingError, match="no rows to train on"):
        training_rows([], tokenizer, max_length=64)
    with pytest.raises(TrainingError, match="No row is left"):
        training_rows([{"question": "long " * 99, "answer": "7"}], tokenizer, max_length=32)
    with pytest.raises(SourceError, match="no question and answer among the columns"):
        training_rows([{"text": "hello"}], tokenizer, max_length=32)


def test_chat_without_a_chat_template_is_an_error():
    with pytest.raises(TrainingError, match="no chat template"):
        training_rows(ROWS, tiny_tokenizer(), template="chat", max_length=64)
