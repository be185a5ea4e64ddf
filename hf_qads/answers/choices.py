"""Multiple choice: which option an output chooses, by its letter or by its text."""

import re
from collections.abc import Mapping, Sequence

from hf_qads.answers.languages import OPTION
from hf_qads.answers.latex import bare_words, compact, unwrapped
from hf_qads.answers.statements import CLAUSE, stated_number
from hf_qads.answers.values import equal, only_number
from hf_qads.errors import EvaluationError

LETTERS = "ABCDEFGHIJ"
_WRAP = r"[\s*_`\"'$(\[{\\]*(?:(?:text|textbf|mathrm|mathbf|boxed|rm|bf)\b)?[\s*{(\[]*"
_NAMED = (
    r"(?:(?:(?:the|la|die|el|a|o)\s+)?(?:correct\s+|right\s+)?"
    rf"(?:[Oo]ptions?|[Cc]hoices?|[Ll]etter|[Aa]nswer|{OPTION})\s*:?\s*|(?:la|die)\s+(?=[A-J]\W*$))"
)
_FIRST = re.compile(
    rf"(?s)^{_NAMED}?{_WRAP}(?P<letter>[A-J](?![A-Za-z\d_'’^/+<>])|(?<=[(\[])[a-j](?=\s*[)\]])|"
    r"[a-j](?=\s*(?:\)|[.*$]*$)))(?P<rest>.*)"
)
_WITHIN = re.compile(
    r"\b(?:[Oo]ptions?|[Cc]hoices?|[Aa]nswer|[Ll]etter)\s*[\s*$(\[{]*([A-J])(?![\w'’])|\(\s*([A-J])\s*\)|"
    r"(?:\b(?:is|be)|^\W*(?:[Ss]o|[Tt]hus|[Tt]herefore|[Hh]ence|[Oo]nly),?)\s+\**([B-J])\**"
    r"(?:[\s.*)]*$|\s+(?:is|works?|fits?|satisf\w+|match\w*|holds?|remains?|meets?|gives?|equals?)\b)|"
    r"(?:^|,\s)([A-J])\s+(?:is|works?|fits?|satisf\w+|match\w*|meets?)\b"
)
_ANOTHER = re.compile(rf"[\s)\]}}*]*(?:and|or|,|/|&|nor)\s*{_NAMED}?{_WRAP}[A-J](?![\w'’])")
_DENIED = re.compile(r"[\s)\]}*]*(?:is|are|was)\s+(?:wrong|incorrect|false|too|ruled)\b")
_LISTED = re.compile(r"(?:^|(?<=[\s,;\[\"']))[(\[]?([A-J])\s*[).:\]]\s*")


def options_of(options: object) -> dict[str, str]:
    """Options as letter -> text, from a mapping, a list of texts (`A)21` or `21`) or one text with all.

    Raises:
        EvaluationError: `options` is something else.
    """
    if isinstance(options, str):
        pieces = _LISTED.split(options)[1:]
        named = dict(reversed(list(zip(pieces[::2], pieces[1::2], strict=True))))
    elif isinstance(options, Mapping):
        listed = {"label", "text"} <= set(options)
        named = dict(zip(options["label"], options["text"], strict=True)) if listed else dict(options)
    elif options is None or isinstance(options, Sequence):
        named = dict(zip(LETTERS, options or (), strict=False))
    else:
        raise EvaluationError(
            f"options is a {type(options).__name__}. Give a list of texts, or a mapping from letter to text."
        )
    letters = {str(letter).strip("()[]. ").upper(): str(text) for letter, text in named.items()}
    label = r"(?i)^\s*[(\[]?{}\s*[).:\]]\s*"
    return {
        one: re.sub(label.format(re.escape(one)), "", text).strip(" ,;\n\"'") for one, text in letters.items()
    }


def chosen(text: str, options: Mapping[str, str]) -> str | None:
    """The letter that a statement, without what announces it, chooses; None where none or several."""
    cuts = [cut.end() for cut in CLAUSE.finditer(text)][-2:]
    readings = (_chosen(unwrapped(text[cut:].lstrip(" ,")), options) for cut in [*reversed(cuts), 0])
    return next((letter for letter in readings if letter is not None), None)


def _chosen(text: str, options: Mapping[str, str]) -> str | None:
    known = "".join(options) or LETTERS[:5]
    text = re.sub(r"^[A-Za-z]\w{0,12}\s*=\s*(?=[A-J]\W*$)", "", text)
    first = _FIRST.match(text)
    if first and (_ANOTHER.match(first["rest"]) or _DENIED.match(first["rest"])):
        return None
    article = first and re.match(r"\s*(?:[A-Za-z\d]|=\s*\S)", first["rest"])  # or a name
    if first and first["letter"].upper() in known and not article:
        return str(first["letter"].upper())
    within = {letter for found in _WITHIN.findall(text) for letter in found if letter} & set(known)
    if within:
        return within.pop() if len(within) == 1 else None
    return _by_content(text, options)


def _by_content(text: str, options: Mapping[str, str]) -> str | None:
    """The one option that a statement spells out, or whose value it gives, or whose words stand in it."""
    number, words = stated_number(text), f" {bare_words(re.sub(r'(?<=[0-9]) ?: ?(?=[0-9])', ':', text))} "
    values = {one: value for one, option in options.items() if (value := only_number(option))}
    spelt = {one: bare_words(option) for one, option in options.items()}
    met = [one for one in spelt if re.search(r"[a-z]{2}|\d:\d", spelt[one]) and f" {spelt[one]} " in words]
    met = met or [one for one, said in spelt.items() if " " in said and {*said.split()} <= {*words.split()}]
    longest = max((len(spelt[one]) for one in met), default=0)
    ranked = (
        [one for one in options if compact(text).casefold() == compact(options[one]).casefold()],
        [one for one in met if len(spelt[one]) == longest and not re.search(r"\bnot\b|n't\b", text)],
        [one for one, value in values.items() if number and equal(number, value)],
    )
    return next((found[0] for found in ranked if len(found) == 1), None)
