# ruff: noqa: RUF001 - models write typographic signs
"""Numbers out of text, exact, with how they were written."""

import re
from dataclasses import dataclass
from fractions import Fraction

from hf_qads.answers.latex import plain

LONGEST = 1000  # digits; no answer has more
LARGEST_POWER = 10_000  # bits; beyond this a power is not computed but compared as it is written

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d+)?|\.\d+)"
_CURRENCY = r"(?:US\$|[$€£¥₹]|Rs\.?|USD|EUR)"
_SIGN = r"(?:[-+]\s*|negative\s+|minus\s+)"
_SCIENCE = rf"({_DECIMAL})\s*(?:(?:\\times|\\cdot|[*xX])\s*10\s*\^\s*\{{?\s*([-+]?\d+)\s*\}}?|[eE]([-+]?\d+))"
_POWER = rf"({_DECIMAL})\s*(?:\^|\*\*)\s*(?:\{{\s*([-+]?\d+)\s*\}}|([-+]?\d+))"
_MIXED = r"(\d+)(?:\s+and\s+|\s*)(?:\\frac\{\s*(\d+)\s*\}\{\s*(\d+)\s*\}|(?<=\s)(\d+)\s*/\s*(\d+))"
_FRACTION = (
    rf"(?:\\frac\{{\s*([-+]?{_DECIMAL})\s*\}}\{{\s*([-+]?{_DECIMAL})\s*\}}|({_DECIMAL})\s*/\s*({_DECIMAL}))"
)
NUMBER = re.compile(
    rf"(?P<before>{_SIGN})?\(?(?P<currency>{_CURRENCY}\s*)?\(?(?P<after>{_SIGN})?"
    rf"(?:(?P<science>{_SCIENCE})|(?P<power>{_POWER})|(?P<mixed>{_MIXED})|(?P<fraction>{_FRACTION})"
    rf"|(?P<decimal>{_DECIMAL}))(?P<ordinal>(?:st|nd|rd|th)\b)?\)?(?P<percent>\s*(?:%|percent\b|per cent\b))?"
)

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SMALL = {word: value for value, word in enumerate(_ONES)} | {
    word: 10 * value for value, word in enumerate(_TENS, start=2)
}
_LARGE = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_SPELT = re.compile(
    rf"\b(?:{'|'.join([*_SMALL, *_LARGE])})(?:(?:[\s-]+(?:and\s+)?)(?:{'|'.join([*_SMALL, *_LARGE])}))*\b",
    re.IGNORECASE,
)
UNITS = set(
    "cm mm km m ft in yd mi cc ml l kg g mg lb lbs oz s sec min hr hrs h day days mph kph per of the a an pm "
    "am way ways cup cups deg rad pts sq each for and he she men new one all box cat dog egg pen car bus "
    "tip pie ton fee".split()
)
_SCALE = re.compile(r"\s*(thousand|million|billion)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Number:
    """A number as it was written.

    Attributes:
        value: its exact value, without the percent sign's hundredth.
        decimals: digits after the point where it was written as a decimal fraction, else 0.
        percent: whether a percent sign or word followed.
        start: where it begins in the text it was found in.
        stop: where it ends.
    """

    value: Fraction
    decimals: int = 0
    percent: bool = False
    start: int = 0
    stop: int = 0

    @property
    def readings(self) -> tuple[tuple[Fraction, int], ...]:
        """The values it can stand for, each with its decimals: 50 % is 50 or 0.5."""
        own = (self.value, self.decimals)
        return (own, (self.value / 100, self.decimals + 2)) if self.percent else (own,)


def equal(answer: Number, gold: Number) -> bool:
    """Whether an answer states the gold number.

    Exact values are equal; a gold written with decimals is also met by a value that rounds to it, up or to
    even. An integer is only met exactly.
    """
    return any(
        _meets(value, wanted, decimals) for value, _ in answer.readings for wanted, decimals in gold.readings
    )


def _meets(value: Fraction, wanted: Fraction, decimals: int) -> bool:
    if value == wanted:
        return True
    return bool(decimals) and wanted.denominator != 1 and abs(value - wanted) * 2 <= Fraction(1, 10**decimals)


def numbers(text: str) -> list[Number]:
    """Every number of a text in `plain` spelling, digits and words, from left to right."""
    found = [number for match in NUMBER.finditer(text) if (number := _read(match, text)) is not None]
    taken = [(number.start, number.stop) for number in found]
    for match in _SPELT.finditer(text):
        if not any(start < match.end() and match.start() < stop for start, stop in taken):
            value, start = Fraction(_spelt(match.group())), match.start()
            if sign := re.search(r"(?:negative|minus)\s+$", text[max(0, start - 12) : start], re.IGNORECASE):
                value, start = -value, start - (sign.end() - sign.start())
            percent = bool(re.match(r"\s*(?:%|percent\b)", text[match.end() :]))
            found.append(Number(value, 0, percent, start, match.end()))
    return sorted(found, key=lambda number: number.start)


def only_number(text: str, *, algebra: bool = False) -> Number | None:
    """The number that a text consists of, with or without a unit behind it; None where it says more.

    A unit is words and unit powers, without another number: `18 miles per hour`, `440 cm^2`. With `algebra`
    letters may be variables, so that only known units and longer words count as such.
    """
    text = re.sub(r"\\[()\[\]]|\$\$", " ", plain(text))
    text = re.sub(r"\s+", " ", text).strip(" *`\"'").rstrip(".")
    text = re.sub(r"^\$([^$]+)\$", r"\1", text)
    text = re.sub(r"^(?:about|approximately|approx\.?|roughly|exactly|only|\\approx|=)\s*", "", text.strip())
    all_of_it = numbers(text)
    if not all_of_it or text[: all_of_it[0].start].strip():
        return None
    rest = text[all_of_it[0].stop :].strip()
    return all_of_it[0] if is_unit(rest, algebra=algebra) else None


def is_unit(rest: str, *, algebra: bool = False) -> bool:
    """Whether what follows a number only names what was counted."""
    rest = re.sub(r"(?<=[A-Za-z)])\s*\^\s*\{?\s*-?[123]\s*\}?", "", rest).strip().strip("$.").strip()
    if not rest:
        return True
    if re.search(r"\d|[=<>+*^_\\{}\[\]|]|(?:^|\s)(?:or|and|to)\s", rest):
        return False
    words = re.findall(r"[A-Za-z]+", rest)
    if algebra and not all(len(word) > 3 or word.lower() in UNITS for word in words):
        return False
    return bool(re.fullmatch(r"[-(]?[A-Za-z€£$%][A-Za-z€£$'’./()% -]*", rest)) and not re.match(
        r"[a-z]\(", rest
    )


def _read(match: re.Match[str], text: str) -> Number | None:
    start, before = match.start(), match["before"] or ""
    left = text[max(0, start - 8) : start]
    minus = sum("-" in sign or "n" in sign for sign in (before, match["after"] or "")) % 2 == 1
    if before.strip() in ("-", "+") and _is_subtraction(left, before):
        minus, start = False, start + len(before)
    if max(map(len, re.findall(r"\d+", match.group()))) > LONGEST:
        return None
    if re.search(r"[A-Za-z_\\]$|\d\.$|[A-Za-z]_\{?$", left) and not (before or match["currency"]):
        return None  # part of a name, as in x2
    value, decimals = _value(match)
    stop, percent = match.end(), bool(match["percent"])
    if match["decimal"] and value is not None and (scale := _SCALE.match(text, stop)):
        value, decimals, percent, stop = value * _LARGE[scale[1].lower()], 0, False, scale.end()
    return None if value is None else Number(-value if minus else value, decimals, percent, start, stop)


def _value(match: re.Match[str]) -> tuple[Fraction | None, int]:
    """The value of one match without its sign, and its decimals; None for what cannot be computed."""
    if match["science"]:
        mantissa, *exponents = _groups(match, _SCIENCE_GROUPS)
        ten = _power(Fraction(10), int(exponents[0] or exponents[1]))
        return None if ten is None else Fraction(_clean(mantissa)) * ten, 0
    if match["power"]:
        base, *exponents = _groups(match, _POWER_GROUPS)
        return _power(Fraction(_clean(base)), int(exponents[0] or exponents[1])), 0
    if match["mixed"]:
        whole, *parts = _groups(match, _MIXED_GROUPS)
        top, bottom = int(parts[0] or parts[2]), int(parts[1] or parts[3])
        return (Fraction(whole) + Fraction(top, bottom) if bottom else None), 0
    if match["fraction"]:
        parts = _groups(match, _FRACTION_GROUPS)
        above, below = Fraction(_clean(parts[0] or parts[2])), Fraction(_clean(parts[1] or parts[3]))
        return (above / below if below else None), 0
    written = _clean(match["decimal"])
    return Fraction(written), len(written.partition(".")[2])


def _is_subtraction(left: str, sign: str) -> bool:
    last = left.rstrip()[-1:]
    return bool(last) and (
        last in "0123456789)}]" or (last.isalpha() and (last == left[-1:] or sign != sign.rstrip()))
    )


def _clean(written: str) -> str:
    return written.replace(",", "").replace(" ", "")


def _power(base: Fraction, exponent: int) -> Fraction | None:
    bits = max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent)
    return None if bits > LARGEST_POWER or (not base and exponent < 0) else base**exponent


def _spelt(words: str) -> int:
    total, group = 0, 0
    for word in re.split(r"[\s-]+", words.lower()):
        if word in _SMALL:
            group += _SMALL[word]
        elif word == "hundred":
            group = max(1, group) * 100
        elif word in _LARGE:
            total, group = total + max(1, group) * _LARGE[word], 0
    return total + group


def _places(name: str) -> list[int]:
    """The numbers of the unnamed groups inside the named group `name` of `NUMBER`."""
    opening = NUMBER.groupindex[name]
    following = [place for place in NUMBER.groupindex.values() if place > opening]
    return list(range(opening + 1, min(following)))


_SCIENCE_GROUPS, _POWER_GROUPS = _places("science"), _places("power")
_MIXED_GROUPS, _FRACTION_GROUPS = _places("mixed"), _places("fraction")


def _groups(match: re.Match[str], places: list[int]) -> list[str]:
    return [match[place] or "" for place in places]
