import json

import pytest

from hf_qads.rows.columns import Pair, pair_or_reason, recognise, to_pair

USER = {"role": "user", "content": "1 + 1?"}
TWO = {"role": "assistant", "content": "2"}
CALL = {"id": "1", "type": "function", "function": {"name": "w", "arguments": "{}"}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "3"}
WRITTEN = '{"name": "w", "arguments": "{}"}'


def said(*turns):
    return {"messages": list(turns)}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            said({"role": "developer", "content": "d"}, USER, TWO),
            Pair([{"role": "system", "content": "d"}], "1 + 1?", "2"),
        ),
        (said({"from": "human", "value": "q"}, {"from": "ai", "value": "a"}), Pair(None, "q", "a")),
        (said({"role": None, "from": "human", "content": None, "value": "q"}, TWO), Pair(None, "q", "2")),
        (
            said(USER, {**TWO, "reasoning_content": " 1 and 1 "}),
            Pair(None, "1 + 1?", "<think>\n1 and 1\n</think>\n\n2"),
        ),
        (
            said(USER, {**TWO, "reasoning_content": None, "thinking": "t"}),
            Pair(None, "1 + 1?", "<think>\nt\n</think>\n\n2"),
        ),
        (
            said(USER, {"role": "assistant", "content": "<think>own</think>2", "thinking": "t"}),
            Pair(None, "1 + 1?", "<think>own</think>2"),
        ),
        (
            said(USER, {**TWO, "weight": 1}, USER, {**TWO, "content": "wrong", "weight": 0}),
            Pair(None, "1 + 1?", "2"),
        ),
        (said(USER, {**TWO, "thinking": "t"}, USER, TWO), Pair([USER, TWO], "1 + 1?", "2")),
        ({"messages": json.dumps([USER, TWO])}, Pair(None, "1 + 1?", "2")),
        (
            {"prompt": [USER], "completion": [{**TWO, "thinking": "t"}]},
            Pair(None, "1 + 1?", "<think>\nt\n</think>\n\n2"),
        ),
        (
            {"question": "q", "answer": "a", "system_prompt": "s"},
            Pair([{"role": "system", "content": "s"}], "q", "a"),
        ),
        (
            {"system": "s", "messages": [{"role": "system", "content": "s"}, USER, TWO]},
            Pair([{"role": "system", "content": "s"}], "1 + 1?", "2"),
        ),
        (
            said(USER, CALLED, RESULT, TWO, USER, TWO),
            Pair(
                [USER, {"role": "assistant", "content": WRITTEN}, {"role": "tool", "content": "3"}, TWO],
                "1 + 1?",
                "2",
            ),
        ),
        (
            said(
                USER,
                {"from": "function_call", "value": "{}"},
                {"role": "ipython", "content": "3"},
                TWO,
                USER,
                TWO,
            ),
            Pair(
                [USER, {"role": "assistant", "content": "{}"}, {"role": "tool", "content": "3"}, TWO],
                "1 + 1?",
                "2",
            ),
        ),
    ],
)
def test_turns_of_many_forms_become_a_pair(raw, expected):
    assert to_pair(raw) == expected


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (said(USER, CALLED), "conversation whose only answer is a call of a tool"),
        (
            said(USER, {"from": "function_call", "value": "{}"}),
            "conversation whose only answer is a call of a tool",
        ),
        (said(USER, CALLED, RESULT, TWO), "conversation whose answer follows the output of a tool"),
        (said(USER, {**TWO, "weight": 0}), "conversation whose only answer has weight 0"),
        (said(USER, {**TWO, "train": False}), "conversation whose only answer has weight 0"),
        (said(USER, {"role": "assistant", "content": "", "thinking": "t"}), "blank answer"),
        ({"messages": "[not JSON"}, "conversation is not a list of turns"),
        ({"messages": b"[]"}, "conversation is not a list of turns"),
        ({"question": "q", "answer": "a", "system": 3}, "system is not text"),
        ({"question": b"q", "answer": "a"}, "question is not text"),
    ],
)
def test_turns_that_hold_no_answer_give_a_reason(raw, reason):
    assert pair_or_reason(raw, recognise(raw)) == reason


def test_a_row_whose_first_columns_are_null_is_read_by_the_next():
    mapping = recognise(["question", "answer", "instruction", "output", "messages"])
    empty = dict.fromkeys(["question", "answer", "instruction", "output", "messages"])
    assert pair_or_reason({**empty, "instruction": "i", "output": "o"}, mapping) == Pair(None, "i", "o")
    assert pair_or_reason({**empty, "messages": [USER, TWO]}, mapping) == Pair(None, "1 + 1?", "2")
    assert pair_or_reason({**empty, "question": "q", "messages": [USER, TWO]}, mapping) == "missing answer"
    assert pair_or_reason(empty, mapping) == "missing question"
