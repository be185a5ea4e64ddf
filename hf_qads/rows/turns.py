"""Conversations: roles and turns of chat datasets, and which turn is the answer of a row."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from hf_qads.errors import RowError
from hf_qads.schema import Turn

ROLES: Final = {
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "function_call": "assistant",
    "tool_call": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "tool_response": "tool",
    "ipython": "tool",
}
CALLS: Final = ("function_call", "tool_call")  # roles whose turn is a call of a tool
REASONING: Final = ("reasoning_content", "thinking", "reasoning")
WEIGHTS: Final = ("weight", "loss", "train")  # 0 or false: the turn is no answer to learn
TURN_FIELDS: Final = (
    "role", "content", "from", "value", "tool_calls", "function_call", *REASONING, *WEIGHTS
)  # fmt: skip

NO_ANSWER_TURN: Final = "conversation without an answer"
NO_QUESTION_TURN: Final = "conversation whose answer follows no question"
AFTER_TOOL: Final = "conversation whose answer follows the output of a tool"
CALL: Final = "conversation whose only answer is a call of a tool"
NO_WEIGHT: Final = "conversation whose only answer has weight 0"
NOT_TURNS: Final = "conversation is not a list of turns"


class Pair(NamedTuple):
    """What one row says: earlier turns, question, answer and, where known, the final answer."""

    history: list[Turn] | None
    question: str
    answer: str
    final_answer: str | None = None


@dataclass(frozen=True)
class Conversation:
    """The turns of a row.

    Attributes:
        turns: role and text of each.
        no_answers: index of an assistant's turn that is no answer to learn -> why.
        reasoning: index of an assistant's turn -> the reasoning that came beside its text.
    """

    turns: list[Turn]
    no_answers: dict[int, str] = field(default_factory=dict)
    reasoning: dict[int, str] = field(default_factory=dict)

    def __add__(self, other: "Conversation") -> "Conversation":
        n = len(self.turns)
        return Conversation(
            self.turns + other.turns,
            self.no_answers | {n + i: why for i, why in other.no_answers.items()},
            self.reasoning | {n + i: text for i, text in other.reasoning.items()},
        )


def conversation_of(value: object) -> Conversation:
    """The turns of a list of messages, in any of the usual forms, also written as JSON text.

    Raises:
        RowError: it is no list of turns, or holds an unknown role or something that is no text.
    """
    if value is None:
        raise RowError("missing conversation")
    if isinstance(value, str):
        value = _from_json(value)
    if isinstance(value, Mapping):  # a sequence of structs, as older versions of datasets return it
        if not all(isinstance(part, Sequence) for part in value.values()):
            raise RowError(NOT_TURNS)
        value = [dict(zip(value, turn, strict=True)) for turn in zip(*value.values(), strict=False)]
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise RowError(NOT_TURNS)
    found = Conversation([])
    for place, one in enumerate(value):
        turn, no_answer, reasoning = _read(one)
        found.turns.append(turn)
        if no_answer:
            found.no_answers[place] = no_answer
        if reasoning:
            found.reasoning[place] = reasoning
    return found


def pair_of_turns(turns: Conversation | Sequence[Turn], final_answer: str | None = None) -> Pair:
    """The last answered question of a conversation, with what was said before as its history.

    Turns after the last answer say nothing that could be learnt and are left off. Reasoning that came beside
    the answer stands before it, between `<think>` and `</think>`; that of earlier turns is left off, as chat
    templates do.

    Raises:
        RowError: there is no answer, or no question right before it.
    """
    said = turns if isinstance(turns, Conversation) else Conversation(list(turns))
    turns = said.turns
    answers = [i for i, turn in enumerate(turns) if turn["role"] == "assistant"]
    last = max((i for i in answers if i not in said.no_answers), default=-1)
    if last < 0:
        raise RowError(said.no_answers[answers[-1]] if answers else NO_ANSWER_TURN)
    before = turns[last - 1]["role"] if last else ""
    if before != "user":
        raise RowError(AFTER_TOOL if before == "tool" else NO_QUESTION_TURN)
    answer = turns[last]["content"]
    if (reasoning := said.reasoning.get(last)) and answer.strip():
        answer = f"<think>\n{reasoning.strip()}\n</think>\n\n{answer}"
    return Pair(list(turns[: last - 1]) or None, turns[last - 1]["content"], answer, final_answer)


def history_of(value: object) -> list[Turn] | None:
    """Earlier turns: a list of turns, or of (question, answer) pairs.

    Raises:
        RowError: it is neither.
    """
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise RowError("history is not a list of turns")
    turns: list[Turn] = []
    for item in value:
        if isinstance(item, Sequence) and not isinstance(item, str | bytes) and len(item) == 2:
            for role, content in zip(("user", "assistant"), item, strict=True):
                turns.append(Turn(role=role, content=text_in(content, "turn", blank=True)))
        else:
            turns.append(_read(item)[0])
    return turns or None


def text_in(value: object, part: str, *, blank: bool = False) -> str:
    """A text that is not blank.

    Raises:
        RowError: it is none; the reason names `part`.
    """
    if value is None:
        raise RowError(f"missing {part}")
    if not isinstance(value, str):
        raise RowError(f"{part} is not text")
    if not blank and not value.strip():
        raise RowError(f"blank {part}")
    return value


def _from_json(text: str) -> object:
    try:
        return json.loads(text) if text.lstrip()[:1] == "[" else text
    except (ValueError, RecursionError):
        return text


def _read(turn: object) -> tuple[Turn, str | None, str | None]:
    """A turn, why it is no answer where it is none, and the reasoning beside its text."""
    if not isinstance(turn, Mapping):
        raise RowError(NOT_TURNS)
    named = str(_first(turn, "role", "from")).lower()
    role = ROLES.get(named)
    if role is None:
        raise RowError("conversation with an unknown role")
    content = _first(turn, "content", "value")
    if isinstance(content, Sequence) and not isinstance(content, str | bytes):
        content = _joined_parts(content)
    text = text_in("" if content is None else content, "turn", blank=True)
    if role != "assistant":
        return Turn(role=role, content=text), None, None
    calls = _first(turn, "tool_calls", "function_call")
    if calls:
        text = "\n".join(part for part in (text, _called(calls)) if part.strip())
    no_answer = CALL if calls or named in CALLS else None
    if no_answer is None and any(turn.get(name) is not None and not turn[name] for name in WEIGHTS):
        no_answer = NO_WEIGHT
    reasoning = _first(turn, *REASONING)
    if not isinstance(reasoning, str) or not reasoning.strip() or text.lstrip().startswith("<think>"):
        reasoning = None
    return Turn(role=role, content=text), no_answer, reasoning


def _first(turn: Mapping[str, Any], *names: str) -> Any:
    """The first of some fields that is there and not null."""
    return next((turn[name] for name in names if turn.get(name) is not None), None)


def _called(calls: object) -> str:
    """Calls of tools as JSON, a line each, as datasets with a role for them write it."""
    lines = []
    for call in calls if isinstance(calls, list | tuple) else [calls]:
        function = call.get("function", call) if isinstance(call, Mapping) else call
        try:
            lines.append(json.dumps(function, ensure_ascii=False))
        except (TypeError, ValueError):
            raise RowError("conversation with a call of a tool that cannot be written as JSON") from None
    return "\n".join(lines)


def _joined_parts(parts: Sequence[object]) -> str:
    """Text of a message written as a list of typed parts; images and sound cannot be read."""
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise RowError("turn is not text")
    return "\n".join(str(text) for text in texts)
