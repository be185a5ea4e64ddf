"""Model outputs as plain statements: thoughts, tags, code and Markdown taken away, sentences split."""

import html
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hf_qads.answers.languages import NEXT_QUESTION, in_points

LONGEST = 1200  # characters of a statement; of a longer one the end is read
MANY = 60  # statements at either end of an output that are read
READ = 20_000  # characters; of a longer output the first and the last half of these are read
_JSON = re.compile(
    r"\"(?:final[_ ]?)?(?:answer|result|solution)\"\s*:\s*(?:\"((?:[^\"\\\n]|\\.){0,500})\"|([-+\d.eE]+))"
)
_THOUGHT = re.compile(
    r"(?i)[<\[]/(?:think(?:ing)?|thoughts?|reasoning|reflection)[>\]]|◁/think▷|"
    r"<\|channel\|>\s*final\s*(?:<\|message\|>)?"
)
_MARKUP: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"【([^【】\n]{1,12})】", r"\n\1: "),
    (r"<<[^<>\n]{0,200}>>", ""),  # GSM8K's calculator notes
    (r"<(tool_call|tool_response|function_call)>.*?(?:</\1>|$)", "\n"),
    (r"<(final_answer|final|answer|result)>(.{0,1000}?)</\1>", r"\nAnswer: \2\n"),
    (r"```[ \t]*([A-Za-z]*)[^\n]{0,40}\n(.*?)(?:```|$)", lambda block: _shown(*block.groups())),
    (r"</?(?:p|div|br|li|ul|ol|h[1-6]|table|tr|section|body|html)\b[^<>]{0,200}>", "\n"),
    (r"</?(?:b|i|u|em|strong|span|code|a|td|th|sup|sub)\b[^<>]{0,200}>", ""),
)
_DISPLAY = re.compile(
    r"(?s)\\\[.{0,2000}?\\\]|\$\$.{0,2000}?\$\$|\\begin\{(\w{1,12}\*?)\}.{0,2000}?\\end\{\1\}|"
    r"\\boxed\s*\{[^{}]{0,500}\}"
)
_HEADING = re.compile(
    r"(?im)^(?:[^\w\n]|_){0,12}(?:[a-z]+\s+){0,2}(?:answer|result|conclusion|答案)(?:[^\w\n]|_){0,12}$"
)
_MARKER = re.compile(r"^[ \t*]*(?:[-•>+*]+|(?:[Ss]tep )?\(?\d{1,2}[.:)])\**[ \t]+(?=\S)")
_END = re.compile(r"[。？।]|(?:[.?]|(?<=[a-z\u4e00-\u9fff)]{2})[!！])[\"'”)\]*_]*(?=\s|$|[\u4e00-\u9fff])|\n")
_BOLD = re.compile(r"(?<![\w)])\*\*([^*]*\d[^*]*)(?:\*\*|$)")
_SIGNS = str.maketrans(dict(zip("，：；（）＝", ",:;()=", strict=True)) | {"∴": "therefore "})


class Statement(NamedTuple):
    """A sentence or line of an output, without Markdown and its closing point."""

    text: str
    ended: bool  # by a point or a new line
    question: bool = False
    bold: Sequence[str] = ()  # what stands in bold and holds a number
    item: bool = False  # of a list


def readable(output: str) -> str | None:
    """An output as the text that its reader sees; None where it ends within a thought."""
    output = re.sub(r"\s{40,}", "\n\n", output) if len(output) > READ else output
    text = output if len(output) <= READ else output[: READ // 2] + "\n" + output[-READ // 2 :]
    text = re.sub(r"^(?:<\|[a-z_]+\|>\s*(?:assistant\b)?\s*)+", "", text.replace("\r", "").strip())
    *thoughts, text = _THOUGHT.split(text)
    if not thoughts and re.search(r"<think>|◁think▷|\[THINK\]|<\|channel\|>\s*analysis|^analysis<\|", text):
        return None
    text = re.split(r"</s>|<\|[a-z_]+\|>|<eos>|<end_of_turn>|\[/INST\]", text, maxsplit=1)[0].strip()
    if text.startswith(("{", "```json", "[")):
        found = _JSON.findall(text)
        text = "\n".join(f"Answer: {html.unescape(quoted or bare)}" for quoted, bare in found) or text
    for pattern, shown in _MARKUP:
        text = re.sub(pattern, shown, text, flags=re.DOTALL | re.IGNORECASE)
    return in_points(html.unescape(text).translate(_SIGNS))


def _shown(language: str, block: str) -> str:
    """What a block of code shows: all of it without a language, else nothing."""
    if language.lower() not in ("", "output", "text", "txt", "markdown", "md", "latex", "json", "plaintext"):
        return "\n"
    return f"\n{block}\n"


def before_next_question(text: str) -> str:
    """A text up to the next question that a model makes up; one that opens it, and its parts, were asked."""
    counted = False
    for found in NEXT_QUESTION.finditer(text):
        before = text[: found.start()]
        opens = re.search(r"^\s*$|[^\W\d][:!?][\"”)*\s]*$", before)
        if opens and not re.search(r"\\boxed|####|(?i:answer)\b[^\n]{0,80}\d", before):
            counted = counted or found["number"] == "1"
        elif not (counted and found["number"]):
            return before.rstrip()
    return text


def statements(text: str) -> list[Statement]:
    """The sentences and lines of a `readable` text, without Markdown; a label is joined with what follows."""
    text = re.sub(r"\n{2,}", "\n\n", re.sub(r"[ \t]+(?=\n)|(?<=[ \t]{9})[ \t]+", "", text))
    text = _DISPLAY.sub(_one_line, text)
    text = re.sub(r"`+|(?<!\w)__|__(?!\w)", "", _HEADING.sub(_label, text))
    text = re.sub(r"([:=]|\bis|\bare)([*_ \t]*)\n\s*", r"\1\2 ", text)
    found, open_end = list[Statement](), False
    for line in text.split("\n"):
        item = re.match(r"\s*(?:[-*•]|[A-J][.)])\s", line) is not None
        line, open_end = _MARKER.sub("", line), False
        ends = [(end.start(), end.end(), end[0]) for end in _END.finditer(line)]
        places = [0, *(stop for _, stop, _ in ends)]
        for start, (stop, _, mark) in zip(places, [*ends, (len(line), 0, "")], strict=True):
            part = line[start:stop]
            bare = _bare(part)
            if bare or mark:
                bold = _BOLD.findall(part) if "**" in part else ()
                found.append(Statement(bare, True, mark[:1] in ("?", "？"), bold, item))
                open_end = not mark
    if found and open_end:
        found[-1] = found[-1]._replace(ended=False)
    found = found if len(found) <= 2 * MANY else [*found[:MANY], *found[-MANY:]]
    return [one for one in found if one.text.strip("#$*_-=.\\ ")]


def _label(heading: re.Match[str]) -> str:
    return "Conclusion:" if "onclusion" in heading[0] else "Answer:"


def _one_line(display: re.Match[str]) -> str:
    """A formula over several lines as one, with its closing point behind it."""
    text = re.sub(r"\s*\n\s*", " ", display.group())
    if not re.search(r"\.\s*\S+$", text):
        return text
    return re.sub(r"[.,]\s*(\\\]|\$\$|\\end\{\w+\*?\})$", r" \1.\n", text)


def _bare(text: str) -> str:
    text = re.sub(r"(?<![\w)])\*\*|\*\*(?![\w(])", "", text)
    return re.sub(r"^[\s*_`\"'“”]+|(?<!\s)[*_`\"'“”]+\s*$|\s+$", "", text)[-LONGEST:]
