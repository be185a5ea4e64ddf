"""Questions, checked before a model is asked, and the prompts made of them."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hf_qads.errors import EvaluationError
from hf_qads.evaluation.items import Item, items_of, read_rows
from hf_qads.evaluation.prompts import messages, prompt
from tests.models import tiny_tokenizer

CHOICES = "If 3x = 15, what is x?\nAnswer Choices: (A) 3 (B) 4 (C) 5"


def test_items_have_stable_ids_and_known_options():
    rows = [{"question": CHOICES, "answer": "x = 5.\nThe answer is C", "final_answer": "C"}] * 2
    first, second = items_of(rows, "aqua_rat")
    assert first.options == {"A": "3", "B": "4", "C": "5"}
    assert second.id == f"{first.id}-2"
    assert (first.gold, first.solution) == ("C", "x = 5.\nThe answer is C")
    assert items_of(rows, "aqua_rat")[0].id == first.id


def test_gold_is_found_in_a_worked_solution():
    assert items_of([{"question": "q", "answer": "9 * 2 = 18\n#### 18"}], "gsm8k")[0].gold == "18"


def test_missing_gold_answers_are_one_line_with_their_count():
    rows = [
        {"question": "a", "final_answer": "1"},
        {"question": "b", "final_answer": None},
        {"question": "c"},
    ]
    with pytest.raises(EvaluationError, match=r"2 rows of svamp lack .* first is row 1: no gold answer"):
        items_of(rows, "svamp")
    with pytest.raises(EvaluationError, match="svamp has no rows"):
        items_of([], "svamp")


def test_files_of_three_kinds_are_read_and_others_refused(tmp_path):
    table = pa.table({"question": ["a"], "final_answer": ["1"]})
    pq.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text('{"question": "a", "final_answer": "1"}\n')
    (tmp_path / "a.csv").write_text("question,final_answer\na,x1\n")
    for name in ("a.parquet", "a.jsonl", "a.csv"):
        assert read_rows(tmp_path / name)[0]["question"] == "a"
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:50])
    for name in ("b.parquet", "c.jsonl", "a.txt"):
        with pytest.raises(EvaluationError):
            read_rows(tmp_path / name)


def test_plain_prompt_ends_where_the_answer_begins():
    shot = Item("1", "How many?", "3", "Count: 3.")
    assert prompt("And now?") == "Question: And now?\nAnswer:"
    assert prompt("And now?", shots=[shot]) == (
        "Question: How many?\nAnswer: Count: 3.\n\nQuestion: And now?\nAnswer:"
    )
    assert prompt("Now?", template="Q: {question}\nA:\n{answer}\n\n") == "Q: Now?\nA:\n"
    assert prompt("Now?", instruction="Think.") == "Question: Think.\n\nNow?\nAnswer:"


def test_chat_prompt_uses_the_template_without_a_second_bos():
    tokenizer = tiny_tokenizer(chat=True)
    tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
    text = prompt("Now?", template="chat", tokenizer=tokenizer)
    assert text == "<|im_start|>user\nNow?<|im_end|>\n"
    assert messages("Now?", instruction="Think.")[0] == {"role": "system", "content": "Think."}
    with pytest.raises(EvaluationError, match="no chat template"):
        prompt("Now?", template="chat", tokenizer=tiny_tokenizer())


def test_shot_without_a_solution_is_an_error():
    with pytest.raises(EvaluationError, match="no worked solution"):
        prompt("Now?", shots=[Item("1", "q", "3")])
