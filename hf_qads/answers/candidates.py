"""Candidates for an output's final answer, in order of trust: boxed, announced, the last statement."""

import re
from typing import NamedTuple

from hf_qads.answers.cleaning import Statement, before_next_question, readable, statements
from hf_qads.answers.languages import ANSWER, BECOMES, CONCLUDES, IS, OPTION, WORDLESS
from hf_qads.answers.latex import closing
from hf_qads.answers.remarks import OPEN, SECOND_THOUGHT, Usable, concluded, is_value, without_remarks

BOXED, PHRASE, LAST, WHOLE = "boxed", "answer phrase", "last statement", "whole output"
EMPTY, CUT_OFF, NONE, RETRACTED = "empty output", "cut off", "no conclusion", "conclusion taken back"
MANY = 4  # announcements within one statement that are looked at, and statements at the end
_BOX = re.compile(r"\\f?boxed\s*\{")
_PHRASE = re.compile(
    r"(?i)^####(?!#)\s*(?!\W*(?:step|solution|part|conclusion|final|answer)\b)|"
    rf"(?<![A-Za-z\d-])(?:{ANSWER}|final[\s_]+(?:answer|result|value|solution)\b|option\b|choice\b|"
    rf"{OPTION}|{WORDLESS}|[选選][择擇]?(?=\s*:?\s*[(（]?[A-J]))[\"'*_`)\]]*"
    r"(?:\s+(?:to|for|of|from)\s+(?:the|this|that|our|your|part)\b[^.\n:=]{0,60}?)?\s*"
    r"(?:(?:(?:is|are|was|were|(?:would|will|should|must)\s+be|equals?|comes\s+to|"
    rf"{IS})\b|[:=→]|-{{1,2}}>|\s[-–—](?=\s)|{BECOMES})[\s\"'*_`:]*|(?<=[选選择擇])|(?<=उत्तर)(?=\s*\d)|$)"
    r"(?:[\s*_`:,]*\b(?:therefore|thus|simply|just|indeed|clearly|exactly|only|donc|also|entonces|"
    r"por\s+(?:lo\s+)?tanto|portanto|quindi|dunque)\b,?)?[\s*_`:]*|"
    r"\b(?:choos(?:e|ing)|pick|select|go\s+with|corresponds?\s+to|match(?:es)?)\s+"
    r"(?=(?:(?:the\s+)?(?:option|choice|answer|letter))?\s*[*(\[]*(?-i:[A-J])\b(?!,))"
)
_CONFIRMED = re.compile(  # `(B) is correct`, and the `B.` that opens an output
    r"(?<![\w'’])[*(\[]*([A-J])[)\]*]*\s+(?:is|must\s+be|would\s+be)\s+(?:therefore\s+|thus\s+|indeed\s+)?"
    r"(?:the\s+)?(?:correct|right|best|answer)\b"
)
_LEADING = re.compile(r"^\W{0,3}([A-J])\s*(?:[.,:)\]]|\*\*|$)(?!.*\b[B-J][.):])")
_LEAD = re.compile(
    r"(?i)[,;]\s*(?:so|thus|hence|therefore|only)\b|^\W*(?:since|because|as|if|although)\b[^,]*,"
)
_CONNECTED = re.compile(r"(?i)[\s$,.;]*(?:and|or|,|\\text\{\s*(?:and|or)\s*\})?[\s$]*(?:[a-z]\s*=\s*)?[\s$]*")
_OPEN_END = re.compile(
    r"(?i)(?:[-+*/=,;:^_<>&(\[{\\]|\b(?:the|an|of|to|and|or|is|are|was|by|for|with|at|we|need|then|so|"
    r"because|which|that|per|from|be|has|have|had|her|his|their|its|will|needs|if|as|but|not|than|let|this))$"
)
_GIVES = re.compile(  # a last statement without a point that is whole
    r"=|:\s*\S+(?:\s\S+){0,3}$|\b(?:is|are|was|were|equals|be)\s+\S+$|"
    r"^(?=.*(?:\d|\\|\b[A-J]\b)).*[A-Za-z$)}%]$|\([a-j]\)$"
)
_TOTAL = re.compile(
    r"(?i)=|\b(?:total|sum|all|altogether|answer|result|remain\w*|left|final|so|thus|therefore)\b"
)


class Candidate(NamedTuple):
    """What an output states as its answer."""

    text: str  # without the words that announce it
    rule: str
    sentence: bool = False  # nothing announced it, so that the value has to be found within a sentence
    whole: bool = True  # not cut off


def conclude(output: str, usable: Usable) -> Candidate | str:
    """The last boxed or announced candidate, unless taken back, else the last statement with a value.

    Only statements that are `usable` as an answer are looked at; a text is the reason why there is none.
    """
    text = readable(output)
    if not text:
        return CUT_OFF if text is None else EMPTY
    said = statements(before_next_question(text))
    if not said:
        return NONE
    last = len(said) - 1
    announced = (
        (place, one)
        for place in range(last, -1, -1)
        if (one := _announced(said[place], usable, first=not place, last=place == last))
    )
    place, stated = next(announced, (last, None))
    found, tail = stated or _unannounced(said, usable), said[place + 1 :]
    if isinstance(found, str):
        return found
    if not found.whole or not (tail or said[-1].ended):
        # A repetition that the length limit cut says nothing new; anything else cut off is no answer.
        before = next((one for _, one in announced if one.whole), None)
        if before and before.text.startswith(found.text.strip()):
            return before
    if not found.whole:
        return CUT_OFF
    return _reconsidered(found, tail, usable)


def _reconsidered(found: Candidate, tail: list[Statement], usable: Usable) -> Candidate | str:
    """An announced answer, or what second thoughts behind it state instead."""
    doubts = next((place for place, one in enumerate(tail) if SECOND_THOUGHT.search(one.text)), None)
    if doubts is None:
        return found
    changed = _unannounced(tail[doubts:], usable)
    return changed if isinstance(changed, Candidate) else RETRACTED


def _announced(one: Statement, usable: Usable, *, first: bool, last: bool) -> Candidate | None:
    """The last answer that a statement boxes or announces."""
    if boxes := boxed(one.text):
        return boxes[-1] if not boxes[-1].whole or usable(boxes[-1].text) else None
    if one.question:
        return None
    for match in reversed(list(_PHRASE.finditer(one.text))[-MANY:]):
        stated = one.text[match.end() :].strip(" :*")
        if usable(stated) and not _supposed(one.text[: match.start()], stated):
            rule = "####" if match[0].startswith("####") else PHRASE
            return Candidate(stated, rule, whole=one.ended or not (last and dangling(one.text)))
    chosen = _CONFIRMED.search(one.text) or (_LEADING.match(one.text) if first else None)
    return Candidate(chosen[1], PHRASE) if chosen and usable(chosen[1]) else None


def _supposed(before: str, stated: str) -> bool:
    """Whether an announcement denies what it states, or only supposes it."""
    supposed = r"(?:\bnot|n't|不)\s*$|\b(?:if|whether|suppose|assum\w+|unless)\b[^,]{0,30}$"
    return bool(re.match(r"(?:not|never|wrong|incorrect)\b", stated) or re.search(supposed, before, re.I))


def boxed(text: str) -> list[Candidate]:
    r"""What `\boxed` holds, from left to right; boxes that are joined by a comma or `and` are one."""
    boxes, end = list[Candidate](), 0
    for match in _BOX.finditer(text):
        stop = closing(text, match.end() - 1)
        content, whole = text[match.end() : stop], stop is not None
        if boxes and boxes[-1].whole and whole and _CONNECTED.fullmatch(text, end, match.start()):
            # `$\boxed{2}$ and $\boxed{3}$` is one answer of two values
            earlier = boxes.pop().text
            content = content if earlier == content else f"{earlier}, {content}"
        end = stop + 1 if stop else len(text)
        boxes.append(Candidate(content, BOXED, whole=whole))
    return [box for box in boxes if box.text.strip() or not box.whole]


def _unannounced(said: list[Statement], usable: Usable) -> Candidate | str:
    """The last statement with a value, unless the output is cut off, denies it or asks."""
    kept = without_remarks(said) or said
    last = kept[-1]
    if not last.ended and (dangling(last.text) or (len(said) > 1 and _breaks_off(kept))):
        return CUT_OFF
    one = concluded(kept, usable)
    for other in reversed(kept[-MANY:]):
        if one:
            break
        clause = _LEAD.split(re.sub(r"\s\([^()]*\)", "", other.text))[-1]
        if other.question or (OPEN.search(clause)):
            return NONE
        if usable(other.text):
            if other.item and not _TOTAL.search(other.text) and sum(each.item for each in said) > 1:
                return NONE
            one = other
    if not one:
        return NONE
    value = one.bold[0] if len(one.bold) == 2 else ""  # the only one in bold within other words
    if is_value(value) and usable(value) and not re.search(r"[\d)]\s*=|\b(?:not?|wait|actually)\b", one.text):
        return Candidate(value, LAST)
    wordy = CONCLUDES.match(one.text) is not None or not is_value(one.text)
    return Candidate(one.text, WHOLE if len(said) == 1 else LAST, sentence=wordy)


def dangling(text: str) -> bool:
    """Whether a text breaks off: after an operator, a comma or a word that calls for another."""
    text = text.rstrip()
    body = text.rstrip("$").rstrip()
    opened = body.count("{") - body.count("\\{") > body.count("}") - body.count("\\}")
    opened = opened or (text.count("$") % 2 == 1 and not re.match(r"[\d.]|$", text.rpartition("$")[2]))
    return opened or bool(_OPEN_END.search(body))


def _breaks_off(said: list[Statement]) -> bool:
    """Whether a last statement without a point is a step's number, or neither computes nor gives a value."""
    text = said[-1].text
    step = re.fullmatch(r"(?i)\W*(?:step|case|part|question)\s*\d{1,2}\W*", text)
    return bool(step) or not (is_value(text) or " " not in text or _GIVES.search(text))
