# ruff: noqa: RUF001 - models write typographic signs
"""Multiple choice: which option an output chooses, by its letter or by its text."""

import re
from collections.abc import Mapping, Sequence

from hf_qads.answers.latex import bare_words, compact, unwrapped
from hf_qads.answers.statements import stated_number
from hf_qads.answers.values import Number, only_number
from hf_qads.errors import EvaluationError

LETTERS = "ABCDEFGHIJ"
USUAL = "ABCDE"
_WRAP = r"[\s*_`\"'$(\[{\\]*(?:(?:text|textbf|mathrm|mathbf|boxed|rm|bf)\b)?[\s*{(\[]*"
_NAMED = (
    r"(?:(?:the\s+)?(?:correct\s+|right\s+)?"
    r"(?:[Oo]ptions?|[Cc]hoices?|[Ll]etter|[Aa]lternative|[Aa]nswer)\s*:?\s*)"
)
_FIRST = re.compile(
    rf"^{_NAMED}?{_WRAP}(?P<letter>[A-J](?![\w'’^/+<>])|(?<=[(\[])[a-j](?=\s*[)\]])|[a-j](?=\s*(?:\)|[.*$]*$)))(?P<rest>.*)",
    re.DOTALL,
)
_WITHIN = re.compile(
    r"\b(?:[Oo]ptions?|[Cc]hoices?|[Aa]nswer|[Ll]etter)\s*[\s*$(\[{]*([A-J])(?![\w'’])|\(\s*([A-J])\s*\)|"
    r"\b(?:is|be)\s+\**([B-J])\**[\s.*)]*$"
)
_SEVERAL = re.compile(
    rf"^{_NAMED}?{_WRAP}[A-J][\s)\]}}*]*(?:and|or|,|/|&|nor)\s*{_NAMED}?{_WRAP}[A-J](?![\w'’])"
)
_LISTED = re.compile(r"(?:^|(?<=[\s,;\[\"']))[(\[]?([A-J])\s*[).:\]]\s*")

ANNOUNCED = re.compile(  # a choice, beside what announces an answer
    r"\b(?:(?:correct|right|best|chosen|final|appropriate)\s+(?:letter|one)|option|choice|alternative)\b\W*"
    r"(?:is|(?:would|should|must)\s+be|[:=→]|->)(?!\s*(?:not|n't)\b)"
    r"|\b(?:choos(?:e|ing)|pick|select(?:ing)?|go\s+with|corresponds?\s+to|match(?:es)?)\s+(?=(?:option|choice|"
    r"answer|letter|the\s+option)?\s*[*(\[]*[A-J]\b)",
    re.IGNORECASE,
)
CONFIRMED = re.compile(  # `(B) is correct`, and the `B.` that opens an output
    r"(?<![\w'’])[*(\[]*([A-J])[)\]*]*\s+(?:is|must\s+be|would\s+be)\s+(?:therefore\s+|thus\s+|indeed\s+)?"
    r"(?:the\s+)?(?:correct|right|best|answer)\b"
)
LEADING = re.compile(r"^\W{0,3}([A-J])\s*(?:[.,:)\]]|\*\*|$)(?!.*\b[B-J][.):])")
_CLAUSE = re.compile(
    r"(?:[,;:]\s*|\band\s+)(?:so|thus|therefore|hence|which is|which leaves|leaving|i\.e\.)\b,?",
    re.IGNORECASE,
)


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
    """The letter that a statement chooses, or None where it chooses none or several.

    Args:
        text: the statement, without the words that announce it.
        options: letter -> text, where known.
    """
    known = "".join(options) or USUAL
    cuts = [cut.end() for cut in _CLAUSE.finditer(text)][-2:]
    readings = (_chosen(unwrapped(text[cut:]), options, known) for cut in [*reversed(cuts), 0])
    return next((letter for letter in readings if letter is not None), None)


def _chosen(text: str, options: Mapping[str, str], known: str) -> str | None:
    text = re.sub(r"^[A-Za-z]\w{0,12}\s*=\s*(?=[A-J]\W*$)", "", text)
    if _SEVERAL.match(text):
        return None
    first = _FIRST.match(text)
    if first and first["letter"].upper() in known and _is_letter(first, options):
        return str(first["letter"].upper())
    within = {letter for found in _WITHIN.findall(text) for letter in found if letter} & set(known)
    if within:
        return within.pop() if len(within) == 1 else None
    return _by_text(text, options) or _by_value(text, options)


def _is_letter(found: re.Match[str], options: Mapping[str, str]) -> bool:
    """Whether a leading capital is a choice and not the article or a name."""
    rest = found["rest"].strip()
    if not rest or not rest[0].isalnum():
        return not (options and re.match(r"=\s*\S", rest))  # `C = 2 * 9 = 18` names a variable
    text = options.get(found["letter"])
    return bool(text) and compact(rest).startswith(compact(str(text)))


def _by_text(text: str, options: Mapping[str, str]) -> str | None:
    """The one option whose text the statement is, or whose words stand in it without being denied."""
    said = text.strip("*$ ").rstrip(".").strip("\"' ")
    same = [one for one in options if compact(said).casefold() == compact(options[one]).casefold() != ""]
    if same:
        return same[0] if len(same) == 1 else None
    words = {one: bare_words(option) for one, option in options.items()}
    met = [
        one
        for one in words
        if re.search(r"[a-z]{2}", words[one]) and f" {words[one]} " in f" {bare_words(text)} "
    ]
    met = [one for one in met if not any(words[one] in words[other] and one != other for other in met)]
    return met[0] if len(met) == 1 and not re.search(r"\bnot\b|n't\b", text) else None


def _by_value(text: str, options: Mapping[str, str]) -> str | None:
    """The one option whose value the statement gives, exactly or, with two decimals or more, rounded."""
    said = stated_number(text)
    if said is None:
        return None
    values = {letter: number for letter, option in options.items() if (number := only_number(option))}
    for meets in (_exactly, _rounded):
        if matches := [letter for letter, value in values.items() if meets(said, value)]:
            return matches[0] if len(matches) == 1 else None
    return None


def _exactly(said: Number, option: Number) -> bool:
    return not {value for value, _ in said.readings}.isdisjoint(value for value, _ in option.readings)


def _rounded(said: Number, option: Number) -> bool:
    places = min(said.decimals, max(option.decimals, 2)) if said.decimals >= 2 else option.decimals
    # Options are often cut and not rounded, so the last digit may differ by one.
    return places >= 1 and abs(said.value - option.value) * 10**places <= 1
