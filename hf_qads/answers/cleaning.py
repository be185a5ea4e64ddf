# ruff: noqa: RUF001 - models write typographic signs
"""Model outputs as plain statements: thoughts, tags, code and Markdown taken away, sentences split."""

import html
import re
from dataclasses import dataclass, replace

LONGEST = 1200  # characters of a statement; of a longer one the end is read
MANY = 60  # statements at either end of an output that are read
READ = 20_000  # characters; of a longer output the first and the last half of these are read
_STOPS = re.compile(r"</s>|<\|[a-z_]+\|>|<eos>|<end_of_turn>|\[/INST\]")
_NEXT_QUESTION = re.compile(
    r"\n[ \t]*(?:#+[ \t]*)?(?:\*\*)?"
    r"(?:Question|Problem|Q|Human|User|Instruction|Exercise)(?:\s*\d+)?\s*(?:\*\*)?[:.]"
)
_CALLS = re.compile(r"<(tool_call|tool_response|function_call)>.*?(?:</\1>|$)", re.DOTALL)
_TAGGED = re.compile(r"<(final_answer|final|answer|result)>(.{0,1000}?)</\1>", re.DOTALL | re.IGNORECASE)
_JSON = re.compile(
    r"\"(?:final[_ ]?)?(?:answer|result|solution)\"\s*:\s*"
    r"(?:\"((?:[^\"\\\n]|\\.){0,500})\"|(\[[^\]\n]{0,200}\]|[-+\d.eE]+))"
)
_BLOCK_TAG = re.compile(
    r"</?(?:p|div|br|li|ul|ol|h[1-6]|table|tr|section|body|html)\b[^<>]{0,200}>", re.IGNORECASE
)
_TAG = re.compile(
    r"</?(?:b|i|u|em|strong|span|code|a|td|th|sup|sub|small|mark|font|pre)\b[^<>]{0,200}>", re.IGNORECASE
)
_FENCE = re.compile(r"```[ \t]*([A-Za-z]*)[^\n]{0,40}\n(.*?)(?:```|$)", re.DOTALL)
_CODE = re.compile(
    r"^\s*(?:def|import|from|return|for|while|if|print|class|else|try)\b.*[:)]\s*$|^\s*(?:import|return)\s"
)
_SHOWN = re.compile(r"\bprint\(.*\)\s*#\s*(?:=>|->|prints?|outputs?|output:)?\s*(.+)")
_DISPLAY = re.compile(
    r"\\\[.{0,2000}?\\\]|\$\$.{0,2000}?\$\$|\\begin\{(\w{1,12}\*?)\}.{0,2000}?\\end\{\1\}|\\boxed\s*\{[^{}]{0,500}\}",
    re.DOTALL,
)
_HEADING = re.compile(
    r"^(?:[^\w\n]|_){0,12}(?:the\s+)?(?:final\s+|correct\s+)?(?:answer|result|solution\s+is|答案)(?:[^\w\n]|_){0,12}$",
    re.IGNORECASE | re.MULTILINE,
)
_MARKER = re.compile(r"^[ \t]*(?:[-*•>+]+|\(?\d{1,2}[.)])[ \t]+(?=\S)")
_END = re.compile(r"(?:[.?。？]|(?<=[a-z\u4e00-\u9fff)]{2})[!！])[\"'”)\]]*(?=\s|$|[\u4e00-\u9fff])|\n")
_SIGNS = str.maketrans("，：；（）＝", ",:;()=")


@dataclass(frozen=True)
class Statement:
    """A sentence or line of an output.

    Attributes:
        text: without Markdown and its closing point.
        ended: a point or a new line closes it.
        question: a question mark closes it.
    """

    text: str
    ended: bool
    question: bool = False


def readable(output: str) -> str | None:
    """An output as the text that its reader sees; None where it ends within a thought."""
    output = re.sub(r"\s{40,}", "\n\n", output) if len(output) > READ else output
    text = output if len(output) <= READ else output[: READ // 2] + "\n" + output[-READ // 2 :]
    text = text.replace("\r", "").strip()
    text = re.sub(r"^(?:<\|[a-z_]+\|>\s*(?:assistant\b)?\s*)+", "", text)
    if "</think>" in text:
        text = text.rpartition("</think>")[2].strip()
    elif "<think>" in text:
        return None
    if stop := _STOPS.search(text):
        text = text[: stop.start()].strip()
    text = re.sub(r"<<[^<>\n]{0,200}>>", "", text)  # GSM8K's calculator notes
    text = _TAGGED.sub(r"\nAnswer: \2\n", _CALLS.sub("\n", text))
    if text.startswith(("{", "```json", "[")):
        found = _JSON.findall(text)
        text = "\n".join(f"Answer: {html.unescape(quoted or bare)}" for quoted, bare in found) or text
    text = _FENCE.sub(_shown, text)
    text = "\n".join(_shown_line(line) for line in text.split("\n"))
    text = (
        html.unescape(_TAG.sub("", _BLOCK_TAG.sub("\n", re.sub(r"<li\b[^<>]{0,200}>", "\n- ", text))))
        if "<" in text or "&" in text
        else text
    )
    return text.translate(_SIGNS)


def _shown(block: re.Match[str]) -> str:
    """What a block of code shows: all of it without a language, else what a comment says that it prints."""
    if block[1].lower() in ("", "output", "text", "txt", "markdown", "md", "latex", "json", "plaintext"):
        return "\n" + block[2] + "\n"
    return "\n" + "\n".join(said[1] for said in map(_SHOWN.search, block[2].split("\n")) if said) + "\n"


def _shown_line(line: str) -> str:
    return "" if _CODE.match(line) or line.startswith(">>>") else line


def before_next_question(text: str, start: int = 0) -> str:
    """A text up to the next question that a base model makes up."""
    later = _NEXT_QUESTION.search(text, start)
    return text[: later.start()].rstrip() if later else text


def statements(text: str) -> list[Statement]:
    """The sentences and lines of a `readable` text, without Markdown; a label is joined with what follows."""
    text = re.sub(r"\n{2,}", "\n\n", re.sub(r"[ \t]+(?=\n)|(?<=[ \t]{9})[ \t]+", "", text))
    text = _DISPLAY.sub(_one_line, text)
    text = re.sub(r"([.,])\$(?=\s|$)", r"$\1", text)
    text = _HEADING.sub(lambda found: found.group().strip("#*_: \n\t") + ":", text)
    text = re.sub(r"(?<![\w)])\*\*|\*\*(?![\w(])|`+|(?<!\w)__|__(?!\w)", "", text)
    text = re.sub(r"(:|=|\bis|\bare)[ \t]*\n\s*", r"\1 ", text)
    found, last = list[Statement](), ""
    for line in text.split("\n"):
        line, start = _MARKER.sub("", line), 0
        for end in _END.finditer(line):
            found.append(Statement(_bare(line[start : end.start()]), True, end.group()[0] in "?？"))
            start = end.end()
        last = _bare(line[start:])
        if last:
            found.append(Statement(last, True))
    if found and last:
        found[-1] = replace(found[-1], ended=False)
    found = found if len(found) <= 2 * MANY else [*found[:MANY], *found[-MANY:]]
    return [one for one in found if one.text.strip("#$*_-=.\\ ")]


def _one_line(display: re.Match[str]) -> str:
    """A formula over several lines as one, with its closing point behind it."""
    text = re.sub(r"\s*\n\s*", " ", display.group())
    return (
        re.sub(r"[.,]\s*(\\\]|\$\$|\\end\{\w+\*?\})$", r" \1.\n", text)
        if re.search(r"\.\s*\S+$", text)
        else text
    )


def _bare(text: str) -> str:
    text = re.sub(r"^[\s*_`\"'“”]+|(?<!\s)[*_`\"'“”]+\s*$|\s+$", "", text)
    text = text[-LONGEST:]
    while text and ord(text[-1]) > 0x2100 and not text[-1].isalnum() and text[-1] not in "√∞∪∅":
        text = text[:-1].rstrip()  # emoji and ticks
    return text
