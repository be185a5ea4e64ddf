"""Escape untrusted text: no control characters, no markup, no surprises in length."""

import re
import unicodedata
from typing import Final

# Marks that change the direction of the text around them, and line separators that editors break at.
_DIRECTION: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]|~$])|^([#+=-])")
_ENTITY: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BARE_LINK: Final = re.compile(r"(?i)\b(https?|ftp)://|\bwww\.")


def visible(text: str, limit: int | None = None) -> str:
    r"""Show what `text` holds: control characters and direction marks become symbols that name them.

    An escape is shown as `␛`, a right-to-left override as `⟨U+202E⟩`; `\n` and `\t` stay. With a
    `limit`, at most that many characters are kept, cut in the middle so that the end (where an answer
    stands) stays in sight, and the cut says how much is missing.
    """
    if limit is not None and len(text) > limit:
        head = limit * 2 // 3
        text = f"{text[:head]} […{len(text) - limit:,} characters…] {text[len(text) - (limit - head) :]}"
    text = text.replace("\r\n", "\n")
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def one_line(text: str, limit: int | None = None) -> str:
    """`visible`, with every run of white space made one space; cut at the end with an ellipsis."""
    line = " ".join(visible(text, None if limit is None else limit * 8).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def markdown(text: str) -> str:
    """`text` as literal text on one line of Markdown: no emphasis, link, image, table cell, HTML or maths.

    A bare address is broken by an entity, so that it is shown and not linked.
    """
    line = one_line(text)
    line = "".join(_ENTITY.get(character, character) for character in line)
    line = _MARKDOWN.sub(lambda found: f"\\{found.group()}", line)
    line = re.sub(r"^(\d+)\.(?=\s|$)", r"\1\\.", line)
    return _BARE_LINK.sub(lambda found: found.group().replace(":", "&#58;").replace(".", "&#46;"), line)


def fenced(text: str, language: str = "text") -> str:
    """`text` as a Markdown code block whose fence is longer than any run of backticks inside."""
    shown = visible(text)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def _shown(character: str) -> str:
    code = ord(character)
    if character in "\n\t":
        return character
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if character in _DIRECTION or unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"⟨U+{code:04X}⟩"
    return "" if character == "\ufeff" else character
