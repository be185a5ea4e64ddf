"""Questions and answers out of the columns that datasets use.

- `question`, `answer`, with earlier turns in `history` where there is such a column
- `instruction`, `output`; an `input` follows the instruction after a blank line
- `problem`, `solution`
- `prompt`, `completion`, each text or a list of messages
- `query`, `response`
- `messages` or `conversations`: the last assistant turn is the answer, the user turn right before it the
  question, and everything before that the history

The first line that fits holds. Text is taken as it is, without trimming. A mapping from `question`, `answer`,
`input`, `messages`, `history` or `final_answer` to a dataset's own column names wins over recognition.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple

from hf_qads.errors import SourceError
from hf_qads.schema import Turn

INPUT_SEPARATOR: Final = "\n\n"
PAIRS: Final = (
    ("question", "answer"),
    ("instruction", "output"),
    ("problem", "solution"),
    ("prompt", "completion"),
    ("query", "response"),
)
CONVERSATIONS: Final = ("messages", "conversations", "conversation")
ROLES: Final = {
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}

NO_ANSWER_TURN: Final = "conversation without an answer"
NO_QUESTION_TURN: Final = "conversation whose answer follows no question"
NUL: Final = "text with NUL characters"
NOT_UNICODE: Final = "text that is not valid Unicode"


class Pair(NamedTuple):
    """What one row says: earlier turns, question, answer and, where known, the final answer."""

    history: list[Turn] | None
    question: str
    answer: str
    final_answer: str | None = None


@dataclass(frozen=True)
class Convention:
    """Which column holds what. Either `messages`, or `question` and `answer`, are set."""

    question: str | None = None
    answer: str | None = None
    input: str | None = None
    messages: str | None = None
    history: str | None = None
    final_answer: str | None = None

    @property
    def name(self) -> str:
        """The columns in words, for example `instruction+input/output`."""
        if self.messages:
            return self.messages
        return f"{self.question}{f'+{self.input}' if self.input else ''}/{self.answer}"


class RowError(SourceError):
    """One row has no usable question and answer; the message is a short reason that can be counted."""


def recognise(column_names: Iterable[str], columns: Mapping[str, str] | None = None) -> Convention:
    """Find which columns hold the question and the answer.

    Args:
        column_names: the columns of the dataset.
        columns: explicit mapping from `question`, `answer`, `input`, `messages`, `history` or `final_answer`
            to column names; what it names wins, what it leaves out is recognised by its own name.

    Raises:
        SourceError: no known pair is there, or `columns` names a column that is not.
    """
    names = list(column_names)
    mapped = dict(columns or {})
    _check_mapping(mapped, names)
    found = {part: part for part in ("history", "final_answer") if part in names} | mapped
    if "messages" in mapped:
        return Convention(messages=mapped["messages"], final_answer=found.get("final_answer"))
    if "question" in mapped or "answer" in mapped:
        return _by_mapping(found, names)
    for question, answer in PAIRS:
        if question in names and answer in names:
            if question == "instruction" and "input" in names:
                found.setdefault("input", "input")
            return Convention(**{**found, "question": question, "answer": answer})
    for messages in CONVERSATIONS:
        if messages in names:
            return Convention(messages=messages, final_answer=found.get("final_answer"))
    known = ", ".join("/".join(pair) for pair in PAIRS)
    raise SourceError(
        f"no question and answer among the columns {names}. Known are {known}, messages, conversations; "
        "map others with columns: {question: ..., answer: ...}."
    )


def to_pair(raw: Mapping[str, Any], columns: Mapping[str, str] | None = None) -> Pair:
    """Read one row.

    Raises:
        SourceError: no known columns are there.
        RowError: this row has no usable question and answer.
    """
    result = pair_or_reason(raw, recognise(raw, columns))
    if isinstance(result, str):
        raise RowError(result)
    return result


def pair_or_reason(raw: Mapping[str, Any], convention: Convention) -> Pair | str:
    """Read one row by `convention`; a row without a usable question and answer gives the reason instead.

    Reasons are few and hold no text of the row, so that they can be counted.
    """
    try:
        final = final_text(raw.get(convention.final_answer)) if convention.final_answer else None
        if convention.messages:
            return _checked(pair_of_turns(_turns(raw.get(convention.messages)), final))
        answer = raw.get(convention.answer or "")
        question = question_of(raw, convention)
        if isinstance(question, Sequence) and not isinstance(question, str):
            return _checked(pair_of_turns(_prompt_turns(question, answer), final))
        question, answer = _text(question, "question"), _text(answer, "answer")
        earlier = _history(raw.get(convention.history)) if convention.history else None
        return _checked(Pair(earlier, question, answer, final))
    except RowError as reason:
        return str(reason)


def question_of(raw: Mapping[str, Any], convention: Convention) -> object:
    """What stands for the question in a row, with its input where there is one; a blank part is left off.

    Raises:
        RowError: an input, or an instruction with an input, is no text.
    """
    question = raw.get(convention.question or "")
    more = raw.get(convention.input) if convention.input else None
    if more is None or not _text(more, "input", blank=True).strip():
        return question
    if question is None or not _text(question, "question", blank=True).strip():
        return more
    return f"{question}{INPUT_SEPARATOR}{more}"


def check(pair: Pair) -> str | None:
    """The reason why `pair` is unusable (blank, NULs, not Unicode), or None."""
    try:
        _checked(pair)
    except RowError as reason:
        return str(reason)
    return None


def pair_of_turns(turns: Sequence[Turn], final_answer: str | None = None) -> Pair:
    """The last answered question of a conversation, with what was said before as its history.

    Turns after the last answer say nothing that could be learnt and are left off.

    Raises:
        RowError: there is no answer, or no question right before it.
    """
    last = max((i for i, turn in enumerate(turns) if turn["role"] == "assistant"), default=-1)
    if last < 0:
        raise RowError(NO_ANSWER_TURN)
    if last == 0 or turns[last - 1]["role"] != "user":
        raise RowError(NO_QUESTION_TURN)
    earlier = list(turns[: last - 1]) or None
    return Pair(earlier, turns[last - 1]["content"], turns[last]["content"], final_answer)


def final_text(value: object) -> str | None:
    """A final answer as text, numbers without a needless `.0`; None where it is blank or neither."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, str | int):
        return str(value).strip() or None
    return None


def _check_mapping(columns: Mapping[str, str], names: list[str]) -> None:
    known = [field.name for field in fields(Convention)]
    for part, column in columns.items():
        if part not in known:
            raise SourceError(f"columns maps {part!r}, which is not one of {known}.")
        if column not in names:
            raise SourceError(f"columns maps {part} to {column!r}, which is not among the columns {names}.")
    if "messages" in columns and ("question" in columns or "answer" in columns):
        raise SourceError(
            f"columns maps both messages and a question or an answer: {dict(columns)}. Keep one."
        )


def _by_mapping(found: dict[str, str], names: list[str]) -> Convention:
    for part in ("question", "answer"):
        if found.setdefault(part, part) not in names:
            raise SourceError(
                f"no column for the {part} among {names}. Map it too: columns: {{{part}: ...}}."
            )
    return Convention(**found)


def _text(value: object, part: str, *, blank: bool = False) -> str:
    if value is None:
        raise RowError(f"missing {part}")
    if not isinstance(value, str):
        raise RowError(f"{part} is not text")
    if not blank and not value.strip():
        raise RowError(f"blank {part}")
    return value


def _checked(pair: Pair) -> Pair:
    _text(pair.question, "question")
    _text(pair.answer, "answer")
    texts = [pair.question, pair.answer, *(turn["content"] for turn in pair.history or ())]
    if any("\0" in text for text in texts):
        raise RowError(NUL)
    for text in [*texts, pair.final_answer or ""]:
        if not text.isascii():
            try:
                text.encode("utf-8")
            except UnicodeEncodeError:
                raise RowError(NOT_UNICODE) from None
    return pair


def _turns(value: object) -> list[Turn]:
    if value is None:
        raise RowError("missing conversation")
    if isinstance(value, Mapping):  # a sequence of structs, as older versions of datasets return it
        if not all(isinstance(part, Sequence) for part in value.values()):
            raise RowError("conversation is not a list of turns")
        value = [dict(zip(value, turn, strict=True)) for turn in zip(*value.values(), strict=False)]
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise RowError("conversation is not a list of turns")
    return [_turn(turn) for turn in value]


def _turn(turn: object) -> Turn:
    if not isinstance(turn, Mapping):
        raise RowError("conversation is not a list of turns")
    role = ROLES.get(str(turn.get("role", turn.get("from"))).lower())
    if role is None:
        raise RowError("conversation with an unknown role")
    content = turn.get("content", turn.get("value"))
    if isinstance(content, Sequence) and not isinstance(content, str):
        content = _joined_parts(content)
    return Turn(role=role, content=_text("" if content is None else content, "turn", blank=True))


def _joined_parts(parts: Sequence[object]) -> str:
    """Text of a message written as a list of typed parts; images and sound cannot be read."""
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise RowError("turn is not text")
    return "\n".join(str(text) for text in texts)


def _prompt_turns(prompt: Sequence[object], completion: object) -> list[Turn]:
    before = _turns(prompt)
    if isinstance(completion, str):
        return [*before, Turn(role="assistant", content=completion)]
    return [*before, *_turns(completion)]


def _history(value: object) -> list[Turn] | None:
    """Earlier turns: a list of turns, or of (question, answer) pairs."""
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise RowError("history is not a list of turns")
    turns: list[Turn] = []
    for item in value:
        if isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 2:
            for role, content in zip(("user", "assistant"), item, strict=True):
                turns.append(Turn(role=role, content=_text(content, "turn", blank=True)))
        else:
            turns.append(_turn(item))
    return turns or None
