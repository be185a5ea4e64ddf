"""Text and LaTeX in one plain spelling, and brackets taken apart at their outer level."""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

_SIGNS = str.maketrans(
    dict(zip("−–—÷⁄′’“”", "---//''\"\"", strict=True))
    | {"×": r"\times ", "·": r"\cdot ", "π": r"\pi ", "∞": r"\infty ", "∪": r"\cup ", "∈": r"\in ", "°": ""}
    | {"≤": r"\leq ", "≥": r"\geq ", "±": r"\pm ", "≈": r"\approx ", "√": r"\sqrt", "~": " "}
    | dict.fromkeys("\u00a0\u202f\u2009", " ")
)
_ARGUMENT = r"(\\[A-Za-z]+(?:\{[^{}]*\})?|[0-9A-Za-z])"
_SPELLINGS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"\\([cst][a-z]{2})\s*\{?\(?(\d+)\s*(?:\^\s*\{?\\circ\}?|°)\)?\}?", r"\\\1(\\frac{\2\\pi}{180})"),
    (r"[₀-₉]+", lambda found: f"_{{{unicodedata.normalize('NFKC', found[0])}}}"),
    (r"[⁻⁰¹²³⁴-⁹]+", lambda found: f"^{{{unicodedata.normalize('NFKC', found[0])}}}"),
    (r"(\d)\s*(?=[¼-¾⅐-⅞])", r"\1 "),
    (r"[¼-¾⅐-⅞]", lambda found: unicodedata.normalize("NFKC", found.group())),
    (r"√\s*(\d+|[A-Za-z])", r"\\sqrt{\1}"),
    (r"[−–—÷⁄′’“”×·π∞∪∈°≤≥±≈√~\u00a0\u202f\u2009]", lambda found: found.group().translate(_SIGNS)),
    (r"\\([$%#_])", r"\1"),
    (r"(?<=\d)(?:\{,\}|,\\!\s*|\\[,; ](?=\d{3}(?!\d)))(?=\d)", ","),
    (r"(?<!\\)\\(?:[,;:! ]|q?quad\b|thinspace\b|allowbreak\b)", " "),
    (r"\\(?:left|right|big|Big|bigg|Bigg|bigl|bigr|displaystyle|limits)(?![A-Za-z])\.?", ""),
    (r"\^\s*(?:\{\s*\\circ\s*\}|\\circ)|\\degree\b|\\circ\b(?!\s*[A-Za-z(])", ""),
    (r"\\(?:text(?:bf|it|rm|tt)?|[mh]box|math[a-z]+|operatorname|bold[a-z]*|bf|rm)\s*\{([^{}]*)\}", r" \1 "),
    (r"\\[dtc]frac", r"\\frac"),
    (r"\\([lr])angle\b", lambda found: "()"[found[1] == "r"]),
    (r"\\([lgn])e ", r"\\\1eq "),
    (rf"\\frac\s*(?!\{{){_ARGUMENT}", r"\\frac{\1}"),
    (rf"(\\frac\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}})\s*(?!\{{){_ARGUMENT}", r"\1{\2}"),
)
_COMPILED = [(re.compile(pattern), spelling) for pattern, spelling in _SPELLINGS]
_NAME = re.compile(
    r"^(?:\\?[A-Za-z][A-Za-z']{0,8}|\\[A-Za-z]+)(?:_\{?\w+\}?)?(?:\([A-Za-z]\))?(?:\s*,\s*[A-Za-z])*\s*"
    r"(?:=(?!=)|\\in\b|\\approx)\s*|^[A-Za-z][A-Za-z ]{2,40}:\s+(?=\S*\d)|^\W{0,2}\(?[A-E][).]\s*(?=\S*\d)"
)
_UNIT = re.compile(r"((?<=[\d})])|(?<=\\pi))\s+(?:(?:[A-Za-z]{3,}|[ckm]m|kg|ft|in)\.?\s*)+(?:\^\{?[23]\}?)?$")
FARTHEST = 4000  # characters between a brace and the one that closes it


@lru_cache(256)
def plain(text: str) -> str:
    r"""One spelling for the many ways to write a formula: signs as LaTeX, no spacing, `\frac{1}{2}`."""
    for pattern, spelling in _COMPILED:
        text = pattern.sub(spelling, text)
    return text


def bare(text: str) -> str:
    """`plain` without brackets of formulas, boxes and what stands around it."""
    text = re.sub(r"\\[()\[\]]", " ", plain(text))
    text = re.sub(r"\\boxed\s*\{([^{}]*)\}", r" \1 ", text)
    return re.sub(r"\s+", " ", text).strip(" *`\"'").rstrip(".")


def closing(text: str, place: int) -> int | None:
    """The index of the brace that closes the one at `place`; None where nothing does."""
    depth = 0
    for found in re.compile(r"(?s)\\.|[{}]").finditer(text, place, place + FARTHEST):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0 and found[0] == "}":
            return found.start()
    return None


def compact(text: str) -> str:
    """`plain` without white space, commas of thousands, dollar signs and a closing full stop."""
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", plain(text))
    text = re.sub(r"([_^])\{(\w)\}", r"\1\2", re.sub(r"\s+|\$", "", text))
    return text.rstrip(".,;:")


def unwrapped(text: str) -> str:
    """A statement without Markdown, dollar signs and the like around it."""
    previous = None
    while text != previous:
        previous = text
        text = text.strip(" \t\n*_`\"'“”#")
        inside = re.fullmatch(r"(\$\$?|\\[(\[])((?:(?!\\[()\[\]])[^$])*)(\$\$?|\\[)\]])", text)
        text = inside[2] if inside else text
        text = text.rstrip(".;,") if not text.endswith(("...", "\\,")) else text.rstrip(".\\,")
    return text


def without_name(text: str) -> str:
    """The value of `name = value`; other text as it is."""
    found = _NAME.match(text := text.strip())
    value = text[found.end() :].strip() if found else ""
    return text if not value or re.search(r"[=<>]", value) else value


def value_of(text: str) -> str:
    """The value of an answer in `plain` spelling, without its name, its label or the unit of a formula."""
    return _UNIT.sub("", without_name(plain(text).strip(" $")))


def latexify(text: str) -> str:
    """A formula as LaTeX, also where it was typed as in a program."""
    text = plain(text).strip(" $").rstrip(".,;").replace("**", "^")
    text = re.sub(r"(?<!\\)\bsqrt\s*\(([^()]*)\)", r"\\sqrt{\1}", text)
    return re.sub(r"(?<!\\)\b(pi|infty|sin|cos|tan|log|ln)\b", r"\\\1", text)


def bare_words(text: str) -> str:
    """The words of a text in lower case, without articles, marks and LaTeX commands."""
    text = re.sub(r"\\[a-z]+|[{}$\\]", " ", plain(text)).casefold()
    return " ".join(re.sub(r"[^\w\s%:/+-]|\b(?:the|an?)\b", " ", text).split())
