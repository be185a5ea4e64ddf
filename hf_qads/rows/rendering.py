"""Rows to text, and text to token ids: one way for every pass over a model.

A row becomes a *block*, tokenised whole and without special tokens. A sequence is the BOS id (where the
tokenizer has one) and one or more blocks, joined as ids: an answer's tokens are the same whatever stands
before its block.
"""

from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any, Final, NamedTuple

from hf_qads.errors import ScoringError
from hf_qads.rows.chat import ChatTemplate, Rendered
from hf_qads.schema import ANSWER, HISTORY, QUESTION, text_of

PLAIN: Final = "Question: {question}\nAnswer: {answer}\n\n"


class Block(NamedTuple):
    """A row's token ids, and the positions `[start, stop)` of its answer's tokens within them."""

    ids: list[int]
    answer: tuple[int, int]


class Renderer:
    """Renders rows to blocks for one tokenizer and one template.

    Attributes:
        bos: the ids that open every sequence: the BOS id, or none where the tokenizer has no BOS or its chat
            template opens no conversation with it.
        template: `plain`, `chat` or a format string.
    """

    def __init__(self, tokenizer: Any, template: str = "plain") -> None:
        """Check that `tokenizer` and `template` go together.

        Args:
            tokenizer: a fast tokenizer of transformers; a slow one cannot say which characters a token
                stands for.
            template: `plain` (`PLAIN`), `chat` (the tokenizer's chat template),
                or a format string that holds `{question}` and after it `{answer}`.

        Raises:
            ScoringError: there is no tokenizer, it is slow, it has no chat template where one is asked for,
                it writes no plain question and answer, or the format string lacks a field.
        """
        if tokenizer is None or not getattr(tokenizer, "is_fast", False):
            raise ScoringError(
                f"A fast tokenizer is needed, to find an answer's tokens by their characters, but got "
                f"{type(tokenizer).__name__}. Load one by AutoTokenizer.from_pretrained, with a "
                "tokenizer.json in the model's folder."
            )
        self.tokenizer = tokenizer
        self.template = template
        self.bos: list[int] = [] if tokenizer.bos_token_id is None else [int(tokenizer.bos_token_id)]
        self._chat = ChatTemplate(tokenizer) if template == "chat" else None
        if self._chat is not None and not self._chat.opens:
            self.bos = []
        self._pieces = None if template == "chat" else _pieces(PLAIN if template == "plain" else template)

    def text(self, row: Mapping[str, Any]) -> Rendered | str:
        """The row's text and its answer's characters, or the reason why there is none."""
        if not text_of(row, ANSWER).strip():
            return "the answer is empty"
        if self._pieces is not None:
            return _plain(row, *self._pieces)
        assert self._chat is not None
        return self._chat.render(row.get(HISTORY) or (), text_of(row, QUESTION), text_of(row, ANSWER))

    def blocks(self, rows: Sequence[Mapping[str, Any]]) -> list[Block | str]:
        """Blocks of many rows, tokenised together; where a row has none, the reason as a string.

        Cost: time in proportion to the characters; the offsets of all rows are in memory at once, so pass
        some thousands of rows at a time.
        """
        rendered = [self.text(row) for row in rows]
        blocks: list[Block | str] = [""] * len(rows)
        texts: list[Rendered] = []
        places: list[int] = []
        for place, item in enumerate(rendered):
            if isinstance(item, str):
                blocks[place] = item
            elif not _is_unicode(item.text):
                blocks[place] = "the text is not valid Unicode"
            else:
                texts.append(item)
                places.append(place)
        if texts:
            encoded = self.tokenizer(
                [item.text for item in texts],
                add_special_tokens=False,
                return_offsets_mapping=True,
                return_attention_mask=False,
                verbose=False,
            )
            for place, item, ids, offsets in zip(
                places, texts, encoded["input_ids"], encoded["offset_mapping"], strict=True
            ):
                blocks[place] = _block(ids, offsets, item.answer)
        return blocks

    def block(self, row: Mapping[str, Any]) -> Block:
        """The block of one row.

        Raises:
            ScoringError: the row's answer has no tokens, or its text cannot be rendered.
        """
        block = self.blocks([row])[0]
        if isinstance(block, str):
            start = text_of(row, QUESTION)[:60]
            raise ScoringError(f"The row that begins {start!r} cannot be rendered: {block}. Leave it out.")
        return block


def template_of(model_or_config: Any, template: str = "plain") -> str:
    """The template that holds: `template`, or a model's own `qads_template` where it is left at `plain`."""
    config = getattr(model_or_config, "config", model_or_config)
    return template if template != "plain" else getattr(config, "qads_template", None) or template


def _pieces(template: str) -> tuple[str, str, str]:
    """The literal text before `{question}`, between it and `{answer}`, and after `{answer}`."""
    try:
        parts = [(literal, field) for literal, field, _, _ in Formatter().parse(template)]
    except ValueError as error:
        raise ScoringError(f"template={template!r} is no format string: {error}.") from error
    fields = [field for _, field in parts if field is not None]
    if fields != [QUESTION, ANSWER]:
        raise ScoringError(
            f"template={template!r} has the fields {fields}, but {{question}} and then {{answer}} are "
            "needed, once each. 'plain' and 'chat' are the ready ones."
        )
    literals = [""]
    for literal, field in parts:
        literals[-1] += literal
        if field is not None:
            literals.append("")
    return literals[0], literals[1], literals[2]


def _plain(row: Mapping[str, Any], before: str, between: str, after: str) -> Rendered:
    text, waiting = "", ""
    for turn in row.get(HISTORY) or ():
        content = str(turn["content"])
        if turn["role"] in ("user", "human"):
            waiting += content + "\n"
        elif waiting:
            text += before + waiting[:-1] + between + content + after
            waiting = ""
        else:
            text += content + "\n\n"
    text += before + waiting + text_of(row, QUESTION) + between
    answer = text_of(row, ANSWER)
    return Rendered(text + answer + after, (len(text), len(text) + len(answer)))


def _block(ids: list[int], offsets: list[tuple[int, int]], answer: tuple[int, int]) -> Block | str:
    inside = [place for place, (_, end) in enumerate(offsets) if answer[0] < end <= answer[1]]
    if not inside:
        return "the answer has no tokens of its own"
    return Block(list(ids), (inside[0], inside[-1] + 1))


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
