"""Chat templates: the exact text that a tokenizer's template writes for a row, and where its answer stands.

A template may trim an answer, write its reasoning in a form of its own, or leave parts of it out. So a row is
written twice, with its answer and with stand-ins in the place of the answer's texts: what stands between the
parts that do not depend on the answer is the answer. A row whose whole answer is not there gets a reason.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from hf_qads.errors import ScoringError
from hf_qads.runtime import files

DATE: Final = "HF_QADS_DATE"  # environment variable: the date (YYYY-MM-DD) that templates write for today
THINK: Final = re.compile(r"(</?think>)")
TODAY: Final = re.compile(r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""")
STAND_IN: Final = "QaDSAnswer"
PROBE: Final = "QaDSProbe"

REFUSED: Final = "the chat template refuses the row"
REWRITTEN: Final = "the chat template does not write the answer as it is"
UNASKED: Final = "the chat template does not write the question"
CUT: Final = "the chat template leaves the answer's reasoning out"


class Rendered(NamedTuple):
    """A row's text, and the characters `[start, stop)` of its answer within it."""

    text: str
    answer: tuple[int, int]


class ChatTemplate:
    """A tokenizer's chat template.

    Attributes:
        opens: whether every conversation begins with the BOS token. A tokenizer whose BOS token begins every
            turn (`<|im_start|>`) writes it as a part of the turn, and it stays there.
    """

    def __init__(self, tokenizer: Any) -> None:
        """Find out how the template writes turns.

        Raises:
            ScoringError: the tokenizer has no template, or its template writes no plain question and answer:
                it needs tools, images, or roles of its own.
        """
        if not tokenizer.chat_template:
            raise ScoringError(
                "template='chat', but the tokenizer has no chat template. Use template='plain', or a format "
                "string with {question} and {answer}."
            )
        self._tokenizer = tokenizer
        self._template = TODAY.sub(
            lambda found: repr(_today().strftime(found[2])), tokenizer.get_chat_template()
        )
        self._parts = False
        probe = [{"role": "user", "content": PROBE}, {"role": "assistant", "content": STAND_IN}]
        written = self._write(probe)
        if not isinstance(written, str) or PROBE not in written:
            self._parts = True  # templates of models that see images may take typed parts only
            typed = self._write(probe)
            self._parts = isinstance(typed, str) and PROBE in typed
            written = typed if self._parts else written
        if not isinstance(written, str) or STAND_IN not in written:
            why = f" ({written.why})" if isinstance(written, _Refusal) else ""
            raise ScoringError(
                f"The chat template does not write a plain question and its answer{why}. Use "
                "template='plain', or a format string with {question} and {answer}."
            )
        self._asks = PROBE in written
        bos = tokenizer.bos_token
        turns = self._write(probe + probe)
        again = turns.count(bos) if bos and isinstance(turns, str) else 1
        self.opens = bool(bos) and written.startswith(bos) and written.count(bos) == 1 and again == 1

    def render(self, history: Sequence[Mapping[str, Any]], question: str, answer: str) -> Rendered | str:
        """What the template writes for a row, without a BOS token that opens it; or why it cannot be used."""
        before = [*history, {"role": "user", "content": question}]
        text = self._write([*before, {"role": "assistant", "content": answer}])
        if isinstance(text, _Refusal):
            return f"{REFUSED} ({text.why})"
        parts = THINK.split(answer)
        taken = "\n".join([answer, *(str(turn["content"]) for turn in before)])
        stand_in = STAND_IN
        while stand_in in taken:
            stand_in += "0"
        found: tuple[int, int] | str | None = self._plain(text, before, answer, stand_in)
        if found is None and len(parts) > 1:
            found = self._reasoned(text, before, parts, stand_in)
        if found is None:
            return REWRITTEN
        if isinstance(found, str) or not self._asks:
            return found if isinstance(found, str) else UNASKED
        cut = len(self._tokenizer.bos_token) if self.opens else 0
        return Rendered(text[cut:], (found[0] - cut, found[1] - cut))

    def _plain(
        self, text: str, before: list[Mapping[str, Any]], answer: str, stand_in: str
    ) -> tuple[int, int] | None:
        """The place of an answer that is written as it is, perhaps without white space around it."""
        known = self._write([*before, {"role": "assistant", "content": stand_in}])
        if isinstance(known, _Refusal):
            return None
        head, there, tail = known.rpartition(stand_in)
        if not there or not text.startswith(head) or not text.endswith(tail):
            return None
        start, stop = len(head), len(text) - len(tail)
        return (start, stop) if text[start:stop].strip() == answer.strip() else None

    def _reasoned(
        self, text: str, before: list[Mapping[str, Any]], parts: list[str], stand_in: str
    ) -> tuple[int, int] | str | None:
        """The place of an answer with `<think>` and `</think>`, whose white space the template may set.

        The parts between the marks keep their white space around a stand-in each, so that the template treats
        them as it treats the answer's own.
        """
        texts: dict[str, str] = {}
        shaped = list(parts)
        for place in range(0, len(parts), 2):  # the marks stand between
            if text_here := parts[place].strip():
                name = f"{stand_in}{place}X"
                texts[name] = text_here
                shaped[place] = parts[place].replace(text_here, name, 1)
        known = self._write([*before, {"role": "assistant", "content": "".join(shaped).rstrip()}])
        if isinstance(known, _Refusal):
            return None
        if any(known.count(name) != 1 for name in texts):
            return CUT
        tail = known.rpartition(next(reversed(texts), stand_in))[2]
        built = known
        for name, part in texts.items():
            built = built.replace(name, part, 1)
        left = built[: len(built) - len(tail)]
        if not text.startswith(left) or not text.endswith(tail):
            return None
        stop = len(text) - len(tail)
        start = _start(left, parts)
        return None if start is None or text[len(left) : stop].strip() else (start, stop)

    def _write(self, messages: Sequence[Mapping[str, Any]]) -> "str | _Refusal":
        from jinja2 import TemplateError

        turns = [
            {**turn, "content": [{"type": "text", "text": turn["content"]}]} if self._parts else dict(turn)
            for turn in messages
        ]
        try:
            return str(
                self._tokenizer.apply_chat_template(turns, chat_template=self._template, tokenize=False)
            )
        except TemplateError as error:
            return _Refusal(str(error))
        except (TypeError, ValueError, AttributeError, LookupError) as error:
            return _Refusal(f"{type(error).__name__}: {error}")


class _Refusal(NamedTuple):
    """Why a template wrote nothing."""

    why: str


def _start(text: str, parts: Sequence[str]) -> int | None:
    """Where an answer of these parts begins, which ends `text`; None where a part of it is not there."""
    at = len(text)
    for part in reversed([part.strip() for part in parts]):
        if part:
            at = len(text[:at].rstrip())
            if not text[:at].endswith(part):
                return None
            at -= len(part)
    return at


@contextmanager
def kept_date(file: Path) -> Iterator[None]:
    """Write the date in `file` for today's, here and in processes that are started here.

    Where there is no such file, it is made with today's date: what is done on a later day then fits what was
    done before. A date in `HF_QADS_DATE` holds over it.
    """
    if os.environ.get(DATE):
        yield
        return
    if not file.exists():
        files.write_text(file, f"{_today().isoformat()}\n")
    os.environ[DATE] = file.read_text(encoding="utf-8").strip()
    try:
        yield
    finally:
        del os.environ[DATE]


def _today() -> date:
    """The date that a template writes: that of `HF_QADS_DATE`, so that it stays the same, else today's."""
    told = os.environ.get(DATE)
    try:
        return date.fromisoformat(told) if told else datetime.now(UTC).date()
    except ValueError as error:
        raise ScoringError(f"{DATE}={told!r} is no date. Write it as 2026-01-31.") from error
