import pytest

from hf_qads.errors import SourceError
from hf_qads.rows.columns import ColumnMapping, Pair, RowError, final_text, pair_or_reason, recognise, to_pair

USER = {"role": "user", "content": "1 + 1?"}
TWO = {"role": "assistant", "content": "2"}
MORE = {"role": "user", "content": "And 2 + 2?"}
FOUR = {"role": "assistant", "content": "4"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"question": "q", "answer": "a"}, Pair(None, "q", "a")),
        ({"instruction": "i", "output": "o"}, Pair(None, "i", "o")),
        ({"instruction": "i", "input": "x", "output": "o"}, Pair(None, "i\n\nx", "o")),
        ({"instruction": "i", "input": " ", "output": "o"}, Pair(None, "i", "o")),
        ({"instruction": "i", "input": None, "output": "o"}, Pair(None, "i", "o")),
        ({"problem": "p", "solution": "s"}, Pair(None, "p", "s")),
        ({"prompt": "p", "completion": "c"}, Pair(None, "p", "c")),
        ({"prompt": [USER], "completion": [TWO]}, Pair(None, "1 + 1?", "2")),
        ({"prompt": [USER], "completion": "2"}, Pair(None, "1 + 1?", "2")),
        ({"query": "q", "response": "r", "type": "MATH"}, Pair(None, "q", "r")),
        ({"messages": [USER, TWO]}, Pair(None, "1 + 1?", "2")),
        ({"messages": [USER, TWO, MORE, FOUR]}, Pair([USER, TWO], "And 2 + 2?", "4")),
        ({"messages": [USER, TWO, MORE]}, Pair(None, "1 + 1?", "2")),
        ({"messages": {"role": ["user", "assistant"], "content": ["q", "a"]}}, Pair(None, "q", "a")),
        (
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
            Pair(None, "q", "a"),
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, TWO]},
            Pair(None, "q", "2"),
        ),
        ({"question": "q", "answer": "a", "final_answer": 4.0}, Pair(None, "q", "a", "4")),
        ({"question": "q", "answer": "a", "history": [["1 + 1?", "2"]]}, Pair([USER, TWO], "q", "a")),
        ({"question": "q", "answer": "a", "history": [USER, TWO]}, Pair([USER, TWO], "q", "a")),
        ({"question": "q", "answer": "a", "history": []}, Pair(None, "q", "a")),
        ({"problem": "p", "solution": "s", "messages": [USER, TWO]}, Pair(None, "p", "s")),
    ],
)
def test_known_columns_become_a_pair(raw, expected):
    assert to_pair(raw) == expected


def test_a_system_turn_stays_in_the_history():
    system = {"role": "system", "content": "Be brief."}
    assert to_pair({"messages": [system, USER, TWO]}).history == [system]


def test_an_explicit_mapping_wins_over_recognition():
    raw = {"question": "wrong", "answer": "wrong", "instruction": "q", "output": "a", "gold": 7}
    columns = {"question": "instruction", "answer": "output", "final_answer": "gold"}
    assert to_pair(raw, columns) == Pair(None, "q", "a", "7")


def test_a_mapping_may_name_one_column_and_leave_the_rest_to_their_own_names():
    assert to_pair({"title": "q", "answer": "a"}, {"question": "title"}) == Pair(None, "q", "a")
    columns = {"question": "instruction", "input": "context", "answer": "response"}
    raw = {"instruction": "i", "context": "c", "response": "r"}
    assert to_pair(raw, columns) == Pair(None, "i\n\nc", "r")
    assert to_pair({"chat": [USER, TWO]}, {"messages": "chat"}) == Pair(None, "1 + 1?", "2")


@pytest.mark.parametrize(
    ("names", "columns", "message"),
    [
        (["text"], None, r"no question and answer among the columns \['text'\].*instruction/output"),
        (["text", "answer"], {"question": "body"}, "maps question to 'body', which is not among"),
        (["text", "answer"], {"qestion": "text"}, "maps 'qestion', which is not one of"),
        (["text"], {"question": "text"}, r"no column for the answer among \['text'\]"),
        (["chat", "q"], {"messages": "chat", "question": "q"}, "both messages and a question"),
        (["chat", "q"], {"messages": "chat", "history": "q"}, "both messages and history"),
    ],
)
def test_unknown_columns_say_what_was_found_and_what_is_known(names, columns, message):
    with pytest.raises(SourceError, match=message):
        recognise(names, columns)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"question": None, "answer": "a"}, "missing question"),
        ({"question": "q", "answer": None}, "missing answer"),
        ({"question": " \n", "answer": "a"}, "blank question"),
        ({"question": "q", "answer": ""}, "blank answer"),
        ({"question": 3, "answer": "a"}, "question is not text"),
        ({"question": "q", "answer": ["a"]}, "answer is not text"),
        ({"question": "q\0", "answer": "a"}, "text with NUL characters"),
        ({"question": "q", "answer": "\ud800"}, "text that is not valid Unicode"),
        ({"question": "q", "answer": "a", "history": "earlier"}, "history is not a list of turns"),
        ({"instruction": "i", "input": 3, "output": "o"}, "input is not text"),
        ({"messages": None}, "missing conversation"),
        ({"messages": "hello"}, "conversation is not a list of turns"),
        ({"messages": ["hello"]}, "conversation is not a list of turns"),
        ({"messages": {"role": 1}}, "conversation is not a list of turns"),
        ({"messages": []}, "conversation without an answer"),
        ({"messages": [USER]}, "conversation without an answer"),
        ({"messages": [TWO]}, "conversation whose answer follows no question"),
        ({"messages": [USER, TWO, FOUR]}, "conversation whose answer follows no question"),
        ({"messages": [USER, {"role": "assistant", "content": " "}]}, "blank answer"),
        ({"messages": [USER, {"role": "wizard", "content": "a"}]}, "conversation with an unknown role"),
        ({"messages": [USER, {"role": "assistant", "content": 5}]}, "turn is not text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}, TWO]}, "turn is not text"),
    ],
)
def test_wrong_shapes_give_a_reason(raw, reason):
    assert pair_or_reason(raw, recognise(raw)) == reason
    with pytest.raises(RowError, match=reason):
        to_pair(raw)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4, "4"),
        (4.0, "4"),
        (0.5, "0.5"),
        (" x ", "x"),
        ("", None),
        (None, None),
        (float("nan"), None),
        (True, None),
    ],
)
def test_final_answers_are_text_or_none(value, text):
    assert final_text(value) == text


def test_a_convention_names_its_columns():
    assert ColumnMapping("instruction", "output", input="input").name == "instruction+input/output"
    assert ColumnMapping(messages="messages").name == "messages"
