# ruff: noqa: RUF001 - models write typographic signs
"""The last conclusion that an output states, or why there is none."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from hf_qads.answers.choices import ANNOUNCED, CONFIRMED, LETTERS
from hf_qads.answers.latex import closing
from hf_qads.answers.sentences import clause, dangling, last_sentence

BOXED, HASHES, PHRASE, LAST, WHOLE = "boxed", "####", "answer phrase", "last sentence", "whole output"
EMPTY, CUT_OFF, NONE, RETRACTED = "empty output", "cut off", "no conclusion", "conclusion taken back"

MANY = 16  # announcements at either end of an output that are looked at
_STOPS = re.compile(r"</s>|<\|[a-z_]+\|>|<eos>|<end_of_turn>|\[/INST\]")
_NEXT_QUESTION = re.compile(
    r"\n\s*(?:#+\s*)?(?:\*\*)?(?:Question|Problem|Q|Human|User|Instruction|Exercise)(?:\s*\d+)?\s*(?:\*\*)?[:.]"
)
_BOX = re.compile(r"\\f?boxed\s*")
_HASHES = re.compile(
    r"(?:^|(?<=\s))####(?!#)\s*(?!\W*(?:step|solution|explanation|part|conclusion|final|answer)\b)",
    re.MULTILINE | re.IGNORECASE,
)
_LINK = (
    r"(?:is|are|was|were|(?:would|will|should|must|can|has\s+to|have\s+to)\s+be|equals?|comes\s+(?:out\s+)?to"
    r"(?:\s+be)?)\b|[:：=→]|-{1,2}>|是|为"
)
_PHRASE = re.compile(
    r"(?<![A-Za-z\d-])(?:(?:answers?|ans)\b\.?|final\s+(?:result|value|solution)\b|答案)[\"'*_`)\]]*"
    r"(?:\s+(?:to|for|of|from)\s+(?:the|this|that|our|your|part)\b[^.\n:=]{0,60}?)?\s*"
    rf"(?:(?P<link>{_LINK})[\"'*_`]*|(?P<heading>[*:\s]*$))",
    re.IGNORECASE | re.MULTILINE,
)
_FILLER = re.compile(
    r"(?:[\s*_`:]*(?:\b(?:therefore|thus|then|hence|simply|just|indeed|clearly|also|equal\s+to|given\s+by|"
    r"as\s+follows|exactly|only)\b,?|:))*[\s*_`]*",
    re.IGNORECASE,
)
_HYPOTHESIS = re.compile(
    r"\b(?:if|whether|suppose|assum(?:e|ing)|unless|when|could|might|check(?:ing)?)\s+(?:that\s+)?(?:the|our|my|this|an?)?"
    r"\s*(?:final|correct|right|only|possible)?\s*$",
    re.IGNORECASE,
)
_DENIAL = re.compile(r"\s*(?:not|never|wrong|incorrect|impossible\s+to\s+say)\b|n't\b", re.IGNORECASE)
_DENIES = re.compile(
    r"\b(?:is|are|was|were|can|could)(?:\s+not\b|n't\b)|\bcannot\b|"
    r"\b(?:might|may|could)\s+be\b|\bnot (?:sure|certain)\b",
    re.IGNORECASE,
)
_LEADING = re.compile(r"^\W{0,3}([A-J])\s*(?:[.,:)\]]|\*\*)(?=\s|$)")
_SECOND_THOUGHT = re.compile(
    r"\b(?:wait|hold on|hmm|correction|oops|sorry|let me (?:re|correct|fix|try)|on second thought|actually|"
    r"(?:made|is|was) an? (?:mistake|error)|"
    r"(?:that|this|it)(?:'s| is| was)? (?:not right|wrong|incorrect|not correct))",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"\ban? (?:mistake|error)\b|\b(?:not right|wrong|incorrect|not correct)\b", re.IGNORECASE
)
_CONNECTED = re.compile(
    r"[\s$,.;]*(?:and|or|,|\\text\{\s*(?:and|or)\s*\})?[\s$]*(?:[a-z]\s*=\s*)?[\s$]*", re.IGNORECASE
)


@dataclass(frozen=True)
class Conclusion:
    """What an output states as its answer.

    Attributes:
        text: the statement, without the words that announce it.
        rule: how it was announced.
        sentence: where nothing announced it, so that the value has to be found within a sentence.
    """

    text: str
    rule: str
    sentence: bool = False


@dataclass(frozen=True)
class _Statement:
    start: int
    stop: int
    text: str
    rule: str
    whole: bool = True


def conclude(output: str, usable: Callable[[str], bool], *, choices: bool = False) -> Conclusion | str:
    """The last conclusion of an output, or the reason why there is none.

    Args:
        output: what a model wrote.
        usable: whether a statement can be an answer at all; `The answer is clear` is passed over.
        choices: `I choose (B)` and `(B) is correct` conclude too.
    """
    text = output.strip()
    if "</think>" in text:
        text = text.rpartition("</think>")[2].strip()
    elif "<think>" in text:
        return CUT_OFF
    if stop := _STOPS.search(text):
        text = text[: stop.start()].strip()
    if not text:
        return EMPTY
    statements = [found for found in _statements(text, choices) if not found.whole or usable(found.text)]
    if statements:
        later = _NEXT_QUESTION.search(text, min(found.stop for found in statements))
        if later:
            text = text[: later.start()].rstrip()
            statements = [found for found in statements if found.start < later.start()]
        return _last_stated(text, statements, usable)
    return _last_sentence(text, usable)


def _last_stated(text: str, statements: list[_Statement], usable: Callable[[str], bool]) -> Conclusion | str:
    last = statements[-1]
    if not last.whole:
        # A repetition that the length limit cut says nothing new; anything else cut off is no answer.
        earlier = [found for found in statements[:-1] if found.whole]
        if earlier and earlier[-1].text.startswith(last.text.strip()):
            return Conclusion(earlier[-1].text, earlier[-1].rule)
        return CUT_OFF
    tail = text[last.stop :]
    if thought := _SECOND_THOUGHT.search(tail):
        changed = _last_sentence(tail[thought.start() :], usable)
        if isinstance(changed, Conclusion) and changed.rule != WHOLE:
            return changed
        if dangling(text):
            return CUT_OFF
        if _TAKEN_BACK.search(tail):
            return RETRACTED
    return Conclusion(last.text, last.rule)


def _statements(text: str, choices: bool) -> list[_Statement]:
    """Announced answers in the order in which they end, without those inside another."""
    boxes = _boxes(text)
    found = [*boxes, *_phrases(text, boxes)]
    for match in _ends(_HASHES, text):
        stated, whole, stop = clause(text, match.end())
        found.append(_Statement(match.start(), stop, stated, HASHES, whole and bool(stated)))
    if choices:
        found += _choices(text)
    found.sort(key=lambda statement: (statement.stop, -statement.start))
    return [
        one
        for one in found
        if not any(one is not other and other.start < one.start and one.stop <= other.stop for other in found)
    ]


def _ends(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """The first and the last matches: a model that repeats itself a thousand times says nothing between."""
    found = list(pattern.finditer(text))
    return found if len(found) <= 2 * MANY else [*found[:MANY], *found[-MANY:]]


def _choices(text: str) -> list[_Statement]:
    found = []
    for match in _ends(ANNOUNCED, text):
        filler = _FILLER.match(text, match.end())
        stated, whole, stop = clause(text, filler.end() if filler else match.end())
        if stated and not stated.endswith("?"):
            found.append(_Statement(match.start(), stop, stated, PHRASE, whole))
    leading = _LEADING.match(text)
    if leading and not re.search(rf"(?<!\w){LETTERS[LETTERS.index(leading[1]) + 1 :][:1] or '$'}[.):]", text):
        found.append(
            _Statement(0, leading.end(), leading[1], WHOLE)
        )  # `B, because ...`, but no list of options
    for match in _ends(CONFIRMED, text):
        found.append(_Statement(match.start(), match.end(), match[1], PHRASE))
    return found


def _boxes(text: str) -> list[_Statement]:
    boxes: list[_Statement] = []
    for match in _ends(_BOX, text):
        place = match.end()
        if place < len(text) and text[place] == "{":
            stop = closing(text, place)
            content = text[place + 1 : stop] if stop else text[place + 1 :]
            box = _Statement(match.start(), stop + 1 if stop else len(text), content, BOXED, stop is not None)
        else:
            word = re.compile(r"\\?[^\s$\\]*").match(text, place)
            content = word.group() if word else ""
            box = _Statement(match.start(), place + len(content), content.rstrip("."), BOXED, bool(content))
        if boxes and box.whole and boxes[-1].whole and _CONNECTED.fullmatch(text[boxes[-1].stop : box.start]):
            # `$\boxed{2}$ and $\boxed{3}$` is one answer of two values
            earlier = boxes.pop()
            if earlier.text != box.text:
                content = f"{earlier.text}, {box.text}"
            box = _Statement(earlier.start, box.stop, content, BOXED)
        boxes.append(box)
    return boxes


def _phrases(text: str, boxes: list[_Statement]) -> list[_Statement]:
    found: list[_Statement] = []
    for match in _ends(_PHRASE, text):
        before = text[max(text.rfind("\n", 0, match.start()), match.start() - 80, 0) : match.start()]
        if _HYPOTHESIS.search(before) or _DENIAL.match(text, match.end()):
            continue
        filler = _FILLER.match(text, match.end())
        start = filler.end() if filler else match.end()
        stated, whole, stop = clause(text, start)
        if stated.endswith("?"):
            continue
        if not stated:
            found.append(_Statement(match.start(), stop, "", PHRASE, whole=False))
            continue
        inside = [box for box in boxes if start <= box.start < max(stop, start + 1)]
        if inside:
            last = inside[-1]
            found.append(_Statement(match.start(), max(stop, last.stop), last.text, PHRASE, last.whole))
            continue
        announced = match["link"] in (":", "：") or match["heading"] is not None
        if announced and text[stop:].strip(" .\n*") and len(stated.split()) > 6:
            continue  # `Answer: Janet sells ...` opens an explanation
        found.append(_Statement(match.start(), stop, stated, PHRASE, whole))
    return found


def _last_sentence(text: str, usable: Callable[[str], bool]) -> Conclusion | str:
    first, _, rest = text.partition("\n")
    if re.match(r"\W*(?:explanation|reason(?:ing)?|because|solution|workings?)\b", rest, re.IGNORECASE):
        opening, _ = last_sentence(first)  # the value comes first, and then why
        if opening and opening.value_alone and usable(opening.text):
            return Conclusion(opening.text, WHOLE)
    if dangling(text):
        return CUT_OFF
    sentence, alone = last_sentence(text)
    if not sentence or not usable(sentence.text) or _DENIES.search(sentence.text):
        return NONE
    if sentence.value_alone:
        return Conclusion(sentence.text, WHOLE if alone else LAST)
    if sentence.concludes:
        return Conclusion(sentence.text, LAST, sentence=True)
    if alone and not sentence.computes:
        return Conclusion(sentence.text, WHOLE, sentence=True)
    return NONE
