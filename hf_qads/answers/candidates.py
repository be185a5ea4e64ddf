"""Candidates for an output's final answer, in order of trust: boxed, announced, the last statement."""

import re
from collections.abc import Callable
from typing import NamedTuple

from hf_qads.answers.cleaning import Statement, before_next_question, readable, statements
from hf_qads.answers.languages import ANSWER, BECOMES, CONCLUDES, IS, OPTION, WORDLESS
from hf_qads.answers.latex import closing

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
_REMARK = re.compile(  # a check of what was found, an offer or an aside
    r"(?i)^\W*(?:(?:as|an?|to|we|can|let's|let|us|me|final|quick|sanity|double)[\s-]+){0,3}"
    r"(?:(?:double-?)?check|verif\w+|notes?|remark|tip|bonus|reminder|fun\s+fact|explanation|reason\w*)\b"
    r"(?!\s+(?:how|which)|.*\bwe\s+(?:find|get|have|see)\b)|"
    r"^\W*(?:(?:would|do)\s+you\b|let\s+me\s+know|feel\s+free|i\s+hope|hope|for\s+(?:comparison|reference|example)|"
    r"should\s+(?:the|you|it|he|she|they)|this\s+assumes|the\s+other(?:s|\s+\d+)|"
    r"(?:that|this|it)(?:'s|\s+is)\s+(?:more|less|about|nearly|almost|over|just))\b|"
    r"^\W*\((?=(?:[^()]*[^\W\d]{2,}){2})|\b(?:agrees|consistent\s+with|checks\s+out)\b"
)
_RESULT = re.compile(r"(?:[=→]|\\approx)\s*[\\$(*]*([\d,.]*\d)(?![\d.,]*\s*(?:[-+*/×÷^=]|\\[tcd]))")
_ANEW = re.compile(  # computes, sums up or changes its mind
    r"(?i)^(?!.*\bif\b.*\bwould\b).*(?:=|\b(?:total|sum|altogether|remain\w*|left|wrong|wait|actually|could\s+be)\b)"
)
_SECOND_THOUGHT = re.compile(
    r"(?i)\b(?:wait|hold on|hmm|correction|edit:|oops|sorry|let me (?:re|correct|fix|try)|actually|"
    r"an? (?:mistake|error)|(?:that|this|it)(?:'s| is| was)? (?:wrong|incorrect)|"
    r"(?:not|n't)(?: seem| look)? (?:right|correct))"
)
_OPEN = re.compile(  # denied, doubted, or still to be done
    r"(?i)(?<!\w that )(?<!who )(?<!which )\b(?:is|are|was|were|can|could|do|does)(?:\s*not\b|n't\b)"
    r"(?!\s+(?:exist|[^,;]*\bbut\b))|\b(?:might|may|could)\s+be\b|\bnot (?:sure|certain)\b(?!.*\bbut\b)|"
    r"^\W*(?:next|first|let)\b|\b(?:needs?|have|going|remains?)\s+to\s+"
    r"(?:find|calculate|determine|solve|compute|show|add|subtract|multiply|divide)\b"
)
_DENIED = re.compile(r"(?:not|never|wrong|incorrect)\b")
_SUPPOSED = re.compile(r"(?i)(?:\bnot|n't|不)\s*$|\b(?:if|whether|suppose|assum\w+|unless)\b[^,]{0,30}$")
_TOTAL = re.compile(r"(?i)=|\b(?:total|sum|all|answer|result|remain\w*|left|final|so|thus|therefore)\b")
Usable = Callable[[str], bool]


class Candidate(NamedTuple):
    """What an output states as its answer."""

    text: str  # without the words that announce it
    rule: str
    sentence: bool = False  # nothing announced it, so that the value has to be found within a sentence


def conclude(output: str, usable: Usable) -> Candidate | str:
    """The last boxed or announced candidate, unless taken back, else the last statement with a value.

    Only statements that are `usable` as an answer are looked at; a text is the reason why there is none.
    """
    text = readable(output)
    if not text:
        return CUT_OFF if text is None else EMPTY
    said = statements(before_next_question(text))
    if said and not said[-1].ended and any(one.text.startswith(said[-1].text) for one in said[:-1]):
        said.pop()  # a repetition that the length limit cut says nothing new
    for place in range(len(said) - 1, -1, -1):
        if found := _announced(said[place], usable, first=not place, last=place == len(said) - 1):
            break
    else:
        return _unannounced(said, usable) if said else NONE
    doubts = [one for one in range(place + 1, len(said)) if _SECOND_THOUGHT.search(said[one].text)]
    if isinstance(found, str) or not doubts:
        return found
    changed = _unannounced(said[doubts[0] :], usable)
    return changed if isinstance(changed, Candidate) else RETRACTED


def _announced(one: Statement, usable: Usable, *, first: bool, last: bool) -> Candidate | str | None:
    """The last answer that a statement boxes or announces, or that it is cut off."""
    if boxes := boxed(one.text):
        box = boxes[-1]
        return CUT_OFF if box is None else Candidate(box, BOXED) if usable(box) else None
    if one.question:
        return None
    for match in reversed(list(_PHRASE.finditer(one.text))[-MANY:]):
        stated = one.text[match.end() :].strip(" :*")
        if usable(stated) and not (_DENIED.match(stated) or _SUPPOSED.search(one.text[: match.start()])):
            rule = "####" if match[0].startswith("####") else PHRASE
            return CUT_OFF if last and not one.ended and dangling(one.text) else Candidate(stated, rule)
    chosen = _CONFIRMED.search(one.text) or (_LEADING.match(one.text) if first else None)
    return Candidate(chosen[1], PHRASE) if chosen and usable(chosen[1]) else None


def boxed(text: str) -> list[str | None]:
    r"""What each `\boxed` holds, None where it is cut off; boxes joined by a comma or `and` are one."""
    boxes, end = list[str | None](), 0
    for match in _BOX.finditer(text):
        stop = closing(text, match.end() - 1)
        content = None if stop is None else text[match.end() : stop]
        if boxes and boxes[-1] and content and _CONNECTED.fullmatch(text, end, match.start()):
            earlier = boxes.pop()  # `$\boxed{2}$ and $\boxed{3}$` is one answer of two values
            content = content if earlier == content else f"{earlier}, {content}"
        end = (stop or len(text)) + 1
        boxes.append(content)
    return [box for box in boxes if box is None or box.strip()]


def _unannounced(said: list[Statement], usable: Usable) -> Candidate | str:
    """The last statement with a value, unless the output is cut off, denies it or asks."""
    kept = [one for one in said if not _REMARK.search(one.text)] or said
    if not kept[-1].ended and (dangling(kept[-1].text) or (said[1:] and _breaks_off(kept[-1].text))):
        return CUT_OFF
    one = _concluded(kept, usable)
    for other in reversed(kept[-MANY:]):
        if one:
            break
        clause = _LEAD.split(re.sub(r"\s\([^()]*\)", "", other.text))[-1]
        if other.question or _OPEN.search(clause):
            return NONE
        if usable(other.text):
            if other.item and not _TOTAL.search(other.text) and sum(each.item for each in said) > 1:
                return NONE
            one = other
    if not one:
        return NONE
    # what is in bold within other words
    value = one.bold[0] if len(one.bold) == 1 and ", " not in one.bold[0] else ""
    if is_value(value) and usable(value) and not re.search(r"[\d)]\s*=|\b(?:not?|wait|actually)\b", one.text):
        return Candidate(value, LAST)
    wordy = CONCLUDES.match(one.text) is not None or not is_value(one.text)
    return Candidate(one.text, WHOLE if len(said) == 1 else LAST, sentence=wordy)


def _concluded(kept: list[Statement], usable: Usable) -> Statement | None:
    """A conclusion in bold or with the result computed last, if nothing behind it computes anew."""
    found, result = None, ""
    for one in kept:
        result = [result, *_RESULT.findall(one.text)][-1]
        leads = CONCLUDES.match(one.text)
        if leads or _ANEW.search(one.text) or is_value(one.text):
            found = None
        backed = result and re.search(rf"(?<![\d.]){re.escape(result)}(?![\d.,]*\d)", one.text)
        if (
            bool(leads) + bool(one.bold) + bool(backed) > 1
            and not _OPEN.search(one.text)
            and usable(one.text)
        ):
            found = one
    return found


def is_value(text: str) -> bool:
    """Whether a statement is nothing but a value."""
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\\[A-Za-z]+|\{[^{}]*\}", "", text))
    computed = re.search(r"[\d)}]\s+[-+*/×÷]\s+\$?\d|=", text)
    return len(words) <= 2 and len(text) < 200 and bool(re.search(r"\d|\\", text)) and not computed


def dangling(text: str) -> bool:
    """Whether a text breaks off: after an operator, a comma or a word that calls for another."""
    body = text.rstrip("$ ")
    opened = body.count("{") - body.count("\\{") > body.count("}") - body.count("\\}")
    opened = opened or (text.count("$") % 2 == 1 and not re.match(r"[\d.]|$", text.rpartition("$")[2]))
    return opened or bool(_OPEN_END.search(body))


def _breaks_off(text: str) -> bool:
    """Whether a last statement without a point is a step's number, or neither computes nor gives a value."""
    step = re.fullmatch(r"(?i)\W*(?:step|case|part|question)\s*\d{1,2}\W*", text)
    return bool(step) or not (is_value(text) or " " not in text or _GIVES.search(text))
