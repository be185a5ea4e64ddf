"""Column mapping: questions and answers out of the columns that datasets use.

- `question`, `answer`, with earlier turns in `history` where there is such a column
- `instruction`, `output`; an `input` follows the instruction after a blank line
- `problem`, `solution`
- `prompt`, `completion`, each text or a list of messages
- `query`, `response`
- `messages` or `conversations`: the last assistant turn is the answer, the user turn right before it the
  question, and everything before that the history

The first line that fits holds; a row in which its columns are null is read by the next one that fits. A
`system` (or `system_prompt`) column becomes the first turn of the history. Text is taken as it is, without
trimming. A mapping from `question`, `answer`, `input`, `messages`, `history`, `system` or `final_answer` to a
dataset's own column name wins over recognition.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from hf_qads.errors import RowError, SourceError
from hf_qads.rows.turns import (
    Conversation,
    Pair,
    conversation_of,
    history_of,
    pair_of_turns,
    text_in,
)
from hf_qads.schema import Turn

__all__ = [
    "ColumnMapping",
    "Pair",
    "RowError",
    "check",
    "pair_of_turns",
    "pair_or_reason",
    "recognise",
    "to_pair",
]

INPUT_SEPARATOR: Final = "\n\n"
PAIRS: Final = (
    ("question", "answer"),
    ("instruction", "output"),
    ("problem", "solution"),
    ("prompt", "completion"),
    ("query", "response"),
)
CONVERSATIONS: Final = ("messages", "conversations", "conversation")
SYSTEM: Final = ("system", "system_prompt")
KNOWN: Final = (
    *(name for pair in PAIRS for name in pair),
    *CONVERSATIONS,
    *SYSTEM,
    "input",
    "history",
    "final_answer",
)

NUL: Final = "text with NUL characters"
NOT_UNICODE: Final = "text that is not valid Unicode"


@dataclass(frozen=True)
class ColumnMapping:
    """Which column holds what. Either `messages`, or `question` and `answer`, are set.

    Attributes:
        otherwise: how a row reads in which these columns are null or absent.
    """

    question: str | None = None
    answer: str | None = None
    input: str | None = None
    messages: str | None = None
    history: str | None = None
    final_answer: str | None = None
    system: str | None = None
    otherwise: "ColumnMapping | None" = None

    @property
    def columns(self) -> list[str]:
        """All columns that rows are read from."""
        mine = [getattr(self, part) for part in PARTS if getattr(self, part)]
        return list(dict.fromkeys([*mine, *(self.otherwise.columns if self.otherwise else ())]))

    @property
    def texts(self) -> list[str]:
        """The columns that hold the texts of a row which is no conversation."""
        return [column for column in (self.question, self.answer, self.input) if column]

    @property
    def name(self) -> str:
        """The columns in words, for example `instruction+input/output`."""
        if self.messages:
            return self.messages
        return f"{self.question}{f'+{self.input}' if self.input else ''}/{self.answer}"


PARTS: Final = tuple(field.name for field in fields(ColumnMapping) if field.name != "otherwise")


def recognise(column_names: Iterable[str], columns: Mapping[str, str] | None = None) -> ColumnMapping:
    """Find which columns hold the question and the answer.

    Args:
        column_names: the columns of the dataset.
        columns: explicit mapping from `question`, `answer`, `input`, `messages`, `history`, `system` or
            `final_answer` to column names; what it names wins, what it leaves out is recognised by its own
            name.

    Raises:
        SourceError: no known pair is there, or `columns` names a column that is not.
    """
    names = list(column_names)
    mapped = dict(columns or {})
    _check_mapping(mapped, names)
    found: dict[str, Any] = {part: part for part in ("history", "final_answer") if part in names}
    found["system"] = next((name for name in SYSTEM if name in names), None)
    found |= mapped
    beside = {part: found.get(part) for part in ("final_answer", "system")}
    if "messages" in mapped:
        return ColumnMapping(messages=mapped["messages"], **beside)
    if "question" in mapped or "answer" in mapped:
        return _by_mapping(found, names)
    fitting = []
    for question, answer in PAIRS:
        if question in names and answer in names:
            more = {"input": "input"} if question == "instruction" and "input" in names else {}
            fitting.append(ColumnMapping(**{**more, **found, "question": question, "answer": answer}))
    fitting += [ColumnMapping(messages=name, **beside) for name in CONVERSATIONS if name in names]
    if not fitting:
        known = ", ".join("/".join(pair) for pair in PAIRS)
        raise SourceError(
            f"no question and answer among the columns {names}. Known are {known}, messages, conversations; "
            "map others with columns: {question: ..., answer: ...}."
        )
    first = fitting.pop()
    while fitting:
        first = replace(fitting.pop(), otherwise=first)
    return first


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


def pair_or_reason(raw: Mapping[str, Any], mapping: ColumnMapping) -> Pair | str:
    """Read one row by `mapping`; a row without a usable question and answer gives the reason instead.

    Reasons are few and hold no text of the row, so that they can be counted.
    """
    mapping = fitting(raw, mapping)
    try:
        return _checked(_with_system(_pair(raw, mapping), raw, mapping))
    except RowError as reason:
        return str(reason)


def _pair(raw: Mapping[str, Any], mapping: ColumnMapping) -> Pair:
    final = final_text(raw.get(mapping.final_answer)) if mapping.final_answer else None
    if mapping.messages:
        return pair_of_turns(conversation_of(raw.get(mapping.messages)), final)
    answer = raw.get(mapping.answer or "")
    question = question_of(raw, mapping)
    if isinstance(question, Sequence) and not isinstance(question, str | bytes):
        return pair_of_turns(_prompt_turns(question, answer), final)
    question, answer = text_in(question, "question"), text_in(answer, "answer")
    earlier = history_of(raw.get(mapping.history)) if mapping.history else None
    return Pair(earlier, question, answer, final)


def fitting(raw: Mapping[str, Any], mapping: ColumnMapping) -> ColumnMapping:
    """The first mapping whose columns the row has; the first of all where it has none."""
    one: ColumnMapping | None = mapping
    while one is not None:
        names = (one.messages,) if one.messages else (one.question, one.answer)
        if any(raw.get(name or "") is not None for name in names):
            return one
        one = one.otherwise
    return mapping


def _with_system(pair: Pair, raw: Mapping[str, Any], mapping: ColumnMapping) -> Pair:
    text = raw.get(mapping.system) if mapping.system else None
    if text is None or not text_in(text, "system", blank=True).strip():
        return pair
    turn = Turn(role="system", content=str(text))
    earlier = pair.history or []
    return pair if earlier[:1] == [turn] else pair._replace(history=[turn, *earlier])


def question_of(raw: Mapping[str, Any], mapping: ColumnMapping) -> object:
    """What stands for the question in a row, with its input where there is one; a blank part is left off.

    Raises:
        RowError: an input, or an instruction with an input, is no text.
    """
    question = raw.get(mapping.question or "")
    more = raw.get(mapping.input) if mapping.input else None
    if more is None or not text_in(more, "input", blank=True).strip():
        return question
    if question is None or not text_in(question, "question", blank=True).strip():
        return more
    return f"{question}{INPUT_SEPARATOR}{more}"


def check(pair: Pair) -> str | None:
    """The reason why `pair` is unusable (blank, NULs, not Unicode), or None."""
    try:
        _checked(pair)
    except RowError as reason:
        return str(reason)
    return None


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
    for part, column in columns.items():
        if part not in PARTS:
            raise SourceError(f"columns maps {part!r}, which is not one of {list(PARTS)}.")
        if column not in names:
            raise SourceError(f"columns maps {part} to {column!r}, which is not among the columns {names}.")
    clash = [part for part in ("question", "answer", "input", "history") if part in columns]
    if "messages" in columns and clash:
        what = "a question or an answer" if set(clash) & {"question", "answer"} else clash[0]
        raise SourceError(f"columns maps both messages and {what}: {dict(columns)}. Keep one.")


def _by_mapping(found: dict[str, Any], names: list[str]) -> ColumnMapping:
    for part in ("question", "answer"):
        if found.setdefault(part, part) not in names:
            raise SourceError(
                f"no column for the {part} among {names}. Map it too: columns: {{{part}: ...}}."
            )
    return ColumnMapping(**found)


def _checked(pair: Pair) -> Pair:
    text_in(pair.question, "question")
    text_in(pair.answer, "answer")
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


def _prompt_turns(prompt: Sequence[object], completion: object) -> Conversation:
    before = conversation_of(prompt)
    if isinstance(completion, str):
        return before + Conversation([Turn(role="assistant", content=completion)])
    return before + conversation_of(completion)
