"""Numbers out of text, exact, with how they were written."""

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from hf_qads.answers.latex import bare

LONGEST = 1000  # digits; no answer has more
DIGITS_MET = 3  # significant digits that a rounded answer must show
_DECIMAL = r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
_SIGN = r"(?:[-+]\s*|(?i:negative|minus)\s+)"
_WHOLE = r"\s*(?:\{\s*[-+]?\d+\s*\}|[-+]?\d+)"
_ZEROS = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "lakh": 5, "crore": 7}
_SCALES = {word: 10**zeros for word, zeros in _ZEROS.items()} | {"dozen": 12, "万": 10**4, "亿": 10**8}
_COUNTED = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
).split()
_SMALL = dict(zip(_COUNTED, [*range(20), *range(20, 100, 10)], strict=True))
_WORD = rf"(?:{'|'.join([*_SMALL, *_SCALES])})"
NUMBER = re.compile(
    rf"(?P<before>{_SIGN})?\(?(?P<currency>(?:US\$|[$€£¥₹]|Rs\.?|USD|EUR)\s*)?\(?(?P<after>{_SIGN})?"
    rf"(?:(?P<body>\d+(?:\s+and\s+|\s*)\\frac\{{\s*\d+\s*\}}\{{\s*\d+\s*\}}|\d+(?:\s+and\s+|\s+)\d+\s*/\s*\d+"
    rf"|\\frac\{{\s*[-+]?{_DECIMAL}\s*\}}\{{\s*[-+]?{_DECIMAL}\s*\}}|{_DECIMAL}\s*/\s*{_DECIMAL}"
    rf"|{_DECIMAL}[eE][-+]?\d+"
    rf"|{_DECIMAL}\s*(?:(?:\\times|\\cdot|[*xX])\s*10\s*\^|\^|\*\*){_WHOLE})|(?P<decimal>{_DECIMAL})"
    rf"|(?P<words>\b(?i:(?:an?\s+(?=hundred|thousand|million|dozen))?{_WORD}(?:[\s-]+(?:and\s+)?{_WORD})*)\b))"
    rf"(?:(?:st|nd|rd|th)\b)?\)?(?P<percent>\s*(?:%|percent\b|per cent\b))?"
    rf"(?P<scale>\s*(?:[万亿]|(?i:{'|'.join(_ZEROS)}|dozen)s?\b))?"
)
_ABOUT = re.compile(r"^(about|approx(?:imately|\.)?|roughly|around|exactly|only|just|\\approx|\\sim|~|=)\s*")
_SUBTRACTION = re.compile(r"(?:[0-9)}\]]\s*|[^\W\d_])[-+]\s*$|[^\W\d_]\s+[-+]\s+$")
_SIZES = (  # quantity, size, names
    "length 1/100 cm centimeter,length 1 m meter metre,length 1000 km kilometer,"
    "distance 1 ft foot feet,distance 3 yard,distance 1/12 inch,distance 5280 mile,time 1 sec second,"
    "time 60 min minute,time 3600 h hr hour,time 86400 day,time 604800 week,age 1 month,age 12 year,"
    "weight 1 g gram,weight 1000 kg kilogram,pounds 1 lb pound,pounds 1/16 oz ounce,money 1 $ us$ dollar,"
    "money 1/100 cent ¢,volume 1 l liter litre,volume 1/1000 ml milliliter"
)
_MEASURES = {
    word: (kind, Fraction(size)) for kind, size, *words in map(str.split, _SIZES.split(",")) for word in words
}


class Number(NamedTuple):
    """A number as it was written."""

    value: Fraction  # exact, without the percent sign's hundredth
    decimals: int = 0  # digits after the point where it was written as a decimal fraction
    percent: bool = False
    start: int = 0  # in the text it was found in
    stop: int = 0
    text: str = ""
    unit: tuple[str, Fraction] | None = None  # the quantity and size of a known one that stands beside it

    @property
    def readings(self) -> tuple[tuple[Fraction, int], ...]:
        """The values it can stand for, each with its decimals: 50 % is 50 or 0.5."""
        own = (self.value, self.decimals)
        return (own, (self.value / 100, self.decimals and self.decimals + 2)) if self.percent else (own,)


def equal(answer: Number, gold: Number) -> bool:
    """Whether an answer states the gold number.

    Exact values are equal. A gold written with decimals is also met by a value that rounds to it, and by one
    that rounds it to three significant digits or more. An integer is only met exactly. Units count in pairs.
    """
    if answer.unit and gold.unit and answer.unit != gold.unit:
        size = answer.unit[1] / gold.unit[1]
        return answer.unit[0] == gold.unit[0] and _meets(answer.value * size, 0, gold.value, gold.decimals)
    said = answer.readings[-1:] if abs(answer.value) < 1 else answer.readings  # 0.5 % is not 0.5
    return any(_meets(*one, *other) for one in said for other in gold.readings)


def _meets(value: Fraction, shown: int, wanted: Fraction, decimals: int) -> bool:
    if value == wanted or not decimals:
        return value == wanted
    off = abs(value - wanted) * 2
    digits = len(str(int(abs(value) * 10**shown)).lstrip("0")) if 0 < shown < decimals else 0
    rounds = digits >= DIGITS_MET and off * 10**shown <= 1
    return rounds or (wanted.denominator > 1 and off * 10**decimals <= 1)


@lru_cache(64)
def numbers(text: str) -> list[Number]:
    """Every number of a `plain` text; `5 hours 30 minutes` is one, times of day and ratios are none."""
    joined: list[Number] = []
    for one in filter(None, (_read(match, text) for match in NUMBER.finditer(text))):
        value = _whole(joined[-1], one, text) if joined else None
        if value is None:
            joined.append(one)
        else:
            joined[-1] = joined[-1]._replace(value=value, stop=one.stop, decimals=0)
    return joined


def _whole(first: Number, second: Number, text: str) -> Fraction | None:
    """Two quantities as one of the first's unit."""
    between = re.fullmatch(r"(?i)\s*-?[a-z]+\.?[\s,]*(?:and\s+)?", text[first.stop : second.start])
    if not (between and first.unit and second.unit and first.unit[0] == second.unit[0]):
        return None
    parts = first.unit[1] / second.unit[1]
    if parts <= 1 or parts.denominator > 1 or second.value < 0:
        return None
    return first.value + second.value / parts * (-1 if first.value < 0 else 1)


def only_number(text: str, *, algebra: bool = False) -> Number | None:
    """The number that a text is, with or without a unit; `algebra`: letters may be variables, not units."""
    text = re.sub(r"^\$([^$]+)\$", r"\1", bare(text).replace("$$", " "))
    text = _ABOUT.sub("", text.strip())
    found = numbers(text)
    if not found or text[: found[0].start].strip():
        return None
    return found[0] if is_unit(text[found[0].stop :].strip(), algebra=algebra) else None


def is_unit(rest: str, *, algebra: bool = False) -> bool:
    """Whether what follows a number only names what was counted."""
    rest = re.sub(r"(?<=[A-Za-z)])\s*\^\s*\{?\s*-?[123]\s*\}?", "", rest).strip(" $.")
    if re.search(r"\d|[=<>+*^_\\{}\[\]|:]|(?:^|\s)(?:or|and|to)\s|^[a-z]\(", rest):
        return False
    words = re.findall(r"[^\W\d_]+", rest) if algebra else []
    known = all(len(word) > 2 or word.lower() in _MEASURES for word in words)
    return known and bool(re.fullmatch(r"[-(/]?[^\W\d_€£$%][\w€£$'’./()% -]*|[€£$%]\)?|", rest))


def _read(match: re.Match[str], text: str) -> Number | None:
    start, before = match.start(), match["before"] or ""
    left = text[max(0, start - 8) : start]
    minus = sum("-" in sign or "n" in sign.lower() for sign in (before, match["after"] or "")) % 2 == 1
    if _SUBTRACTION.search(left + before):
        minus, start = False, start + len(before)
    too_long = max(map(len, re.findall(r"\d+", match.group())), default=0) > LONGEST
    if too_long or re.search(r"\d\s?:$", left) or re.match(r"\s?:\s?\d", text[match.end() :]):
        return None
    written = re.sub(r"\s+and\s+", " ", match["decimal"] or match["body"] or "").replace(",", "")
    value = Fraction(_spelt(match["words"])) if match["words"] else _value(written)
    if value is None:
        return None
    decimals = len(written.partition(".")[2]) if match["decimal"] and not match["scale"] else 0
    percent = bool(match["percent"] and not match["scale"])
    if match["scale"]:
        value *= _SCALES[match["scale"].strip().lower().rstrip("s")]
    said, behind = text[start : match.end()].strip(), text[match.end() : match.end() + 40]
    currency = "" if "$" in behind else match["currency"] or ""  # `$12$` is no money
    beside = re.match(r"(?i)\s*-?([a-z]+|¢)(?!\s*(?:[\^/]|\.?\s*per\b))", behind)
    word = currency.strip() or (beside[1] if beside else "")
    unit = _MEASURES.get(re.sub(r"(?<=ch)es$|(?<=..)s$", "", word.lower()))
    return Number(-value if minus else value, decimals, percent, start, match.end(), said, unit)


def _value(written: str) -> Fraction | None:
    """The value of a number in digits: decimal, fraction, mixed number, power or with a power of ten."""
    written = re.sub(r"[eE](?=[-+]?\d+$)", " 10^", written)
    *first, last = [Fraction(one) for one in re.findall(r"[-+]?(?:\d*\.)?\d+", written)]
    if "^" in written or "**" in written:
        if abs(last) > LONGEST or not first[-1]:
            return None
        return math.prod(first[:-1], start=Fraction(1)) * first[-1] ** int(last)
    return last if not first else first[-1] / last + sum(first[:-1]) if last else None


def _spelt(words: str) -> int:
    total, group = 0, 0
    for word in re.split(r"[\s-]+", words.lower()):
        if word in _SMALL:
            group += _SMALL[word]
        elif word in ("hundred", "dozen"):
            group = max(1, group) * _SCALES[word]
        elif word in _SCALES:
            total, group = total + max(1, group) * _SCALES[word], 0
    return total + group
