# ruff: noqa: RUF001 - models write typographic signs
"""Candidates for an output's final answer, in order of trust: boxed, announced, the last statement."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from hf_qads.answers.choices import ANNOUNCED, CONFIRMED, LEADING
from hf_qads.answers.cleaning import Statement, before_next_question, readable, statements
from hf_qads.answers.endings import CONCLUDES, breaks_off, dangling, is_value
from hf_qads.answers.latex import closing

BOXED, HASHES, PHRASE, LAST, WHOLE = "boxed", "####", "answer phrase", "last statement", "whole output"
EMPTY, CUT_OFF, NONE, RETRACTED = "empty output", "cut off", "no conclusion", "conclusion taken back"
MANY = 4  # announcements within one statement that are looked at
BACK = 4  # statements without a value that are passed over at the end
_BOX = re.compile(r"\\f?boxed\s*")
_HASHES = re.compile(
    r"^####(?!#)\s*(?!\W*(?:step|solution|explanation|part|conclusion|final|answer)\b)", re.IGNORECASE
)
_LINK = (
    r"(?:is|are|was|were|(?:would|will|should|must|can|has\s+to|have\s+to)\s+be|equals?|comes\s+(?:out\s+)?to"
    r"(?:\s+be)?|es|est|ist|é)\b|[:=→]|-{1,2}>|是|为"
)
_PHRASE = re.compile(
    r"(?<![A-Za-z\d-])(?:(?:answers?|ans|respuesta|réponse|antwort|risposta|resposta)\b\.?|"
    r"final[\s_]+(?:answer|result|value|solution)\b|答案|答|故选|选(?=[A-J]))[\"'*_`)\]]*"
    r"(?:\s+(?:to|for|of|from)\s+(?:the|this|that|our|your|part)\b[^.\n:=]{0,60}?)?\s*"
    rf"(?:(?P<link>{_LINK})[\"'*_`]*|(?<=选)|(?<=ns\.)|$)",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"(?:^|[,;:]\s)(?P<said>(?:[^,;:]|,(?=\d)){1,80}?)\s+is\s+(?:therefore\s+|thus\s+|indeed\s+)?(?:the|our|my)\s+(?:final\s+|correct\s+|right\s+)?answer\b",
    re.IGNORECASE,
)
_ACTION = re.compile(
    r"\b(?:Finish|final_answer|finish|submit)[\[(]\s*(?:answer\s*=\s*)?[\"']?([^\])\"']{1,200})[\"']?[\])]"
)
_FILLER = re.compile(
    r"(?:[\s*_`:]*(?:\b(?:therefore|thus|then|hence|simply|just|indeed|clearly|also|equal\s+to|given\s+by|"
    r"as\s+follows|exactly|only|still)\b,?|:))*[\s*_`]*",
    re.IGNORECASE,
)
_HYPOTHESIS = re.compile(
    r"\b(?:if|whether|suppose|assum(?:e|ing)|unless|when|could|might|check(?:ing)?|find|get|give|verify)\s+(?:that\s+)?"
    r"(?:the|our|my|this|an?)?\s*(?:final|correct|right|only|possible)?\s*$",
    re.IGNORECASE,
)
_DENIAL = re.compile(r"\s*(?:not|never|wrong|incorrect|impossible\s+to\s+say)\b|n't\b", re.IGNORECASE)
_DENIES = re.compile(
    r"\b(?:is|are|was|were|can|could|do|does)(?:\s+not\b|n't\b)(?!\s+[^,;]*\bbut\b)|\bcannot\b|\b(?:might|may|could)\s+be\b|"
    r"\bnot (?:sure|certain)\b|\bsomewhere\b|\bor (?:maybe|perhaps)\b|\bI think\b.*\bnot\b",
    re.IGNORECASE,
)
_SECOND_THOUGHT = re.compile(
    r"\b(?:wait|hold on|hmm|correction|oops|sorry|let me (?:re|correct|fix|try)|on second thought|actually|"
    r"(?:made|is|was) an? (?:mistake|error)|(?:that|this|it)(?:'s| is| was| does(?:n't| not) (?:seem|look))? "
    r"(?:not right|wrong|incorrect|not correct|right))",
    re.IGNORECASE,
)
_TAKEN_BACK = re.compile(
    r"\ban? (?:mistake|error)\b|\b(?:not right|wrong|incorrect|not correct)\b|n't (?:seem|look|be) right",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"\b(?:hope|let me know|feel free|good luck|happy|glad|question|thank|anything else)", re.IGNORECASE
)
_CHECK = re.compile(
    r"^\W*(?:to\s+|we\s+|let\s+(?:us|me)\s+|let's\s+)?(?:double[- ]?)?"
    r"(?:check|verif|note|explanation|reason)",
    re.IGNORECASE,
)
_OPEN_STEP = re.compile(
    r"^\W*(?:next|first|let\b|now,?\s+(?:we|let)|we\s+(?:need|have\s+to|can|should|must)\b|to\s+(?:find|solve|calculate|determine|get|compute|answer)\b[^=]*$)|"
    r"\b(?:need|have|going|remains?)\s+to\s+(?:find|calculate|determine|solve|subtract|add|multiply|divide|know|use|compute|show)\b|^\W*(?:subtract|add|multiply|divide)\b(?!.*\b(?:get|give|is|=))",
    re.IGNORECASE,
)
_CONNECTED = re.compile(
    r"[\s$,.;]*(?:and|or|,|\\text\{\s*(?:and|or)\s*\})?[\s$]*(?:[a-z]\s*=\s*)?[\s$]*", re.IGNORECASE
)


@dataclass(frozen=True)
class Candidate:
    """What an output states as its answer.

    Attributes:
        text: the statement, without the words that announce it.
        rule: which kind of candidate it is.
        sentence: nothing announced it, so that the value has to be found within a sentence.
        whole: it is not cut off.
    """

    text: str
    rule: str
    sentence: bool = False
    whole: bool = True


Usable = Callable[[str], bool]


def conclude(output: str, usable: Usable, *, choices: bool = False) -> Candidate | str:
    """The candidate that decides, or the reason why there is none.

    The last boxed or announced one does, unless it is taken back; else a value that opens the output and is
    followed by its explanation; else the last statement with a value.

    Args:
        output: what a model wrote.
        usable: whether a statement can be an answer at all; `The answer is clear` is passed over.
        choices: `I choose (B)` and `(B) is correct` announce an answer too.
    """
    text = readable(output)
    if not text:
        return CUT_OFF if text is None else EMPTY
    said = statements(before_next_question(text, len(text) - len(text.lstrip()) + 1))
    if not said:
        return NONE
    for place in range(len(said) - 1, -1, -1):
        found = _announced(said, place, usable, choices)
        if found is not None:
            return _unless_taken_back(said, place, found, usable, choices)
    return _unannounced(said, usable)


def _unless_taken_back(
    said: list[Statement], place: int, found: Candidate, usable: Usable, choices: bool
) -> Candidate | str:
    last = place == len(said) - 1
    if last and not said[-1].ended:
        # A repetition that the length limit cut says nothing new; anything else cut off is no answer.
        for earlier in range(place - 1, -1, -1):
            before = _announced(said, earlier, usable, choices)
            if before is not None and before.whole:
                if before.text.startswith(found.text.strip()):
                    return before
                break
    if not found.whole:
        return CUT_OFF
    tail = said[place + 1 :]
    thought = next((one for one, later in enumerate(tail) if _SECOND_THOUGHT.search(later.text)), None)
    if thought is not None:
        changed = _unannounced(tail[thought:], usable)
        if isinstance(changed, Candidate):
            return changed
        if not tail[-1].ended and dangling(tail[-1].text):
            return CUT_OFF
        if any(_TAKEN_BACK.search(later.text) for later in tail[thought:]):
            return RETRACTED
    return found


def _announced(said: list[Statement], place: int, usable: Usable, choices: bool) -> Candidate | None:
    """The last answer that a statement boxes or announces."""
    one, last = said[place], place == len(said) - 1
    boxes = _boxes(one.text)
    if boxes:
        return boxes[-1] if not boxes[-1].whole or usable(boxes[-1].text) else None
    open_end = last and not one.ended
    if match := _HASHES.match(one.text):
        return Candidate(one.text[match.end() :], HASHES, whole=not dangling(one.text))
    if match := _ACTION.search(one.text):
        return Candidate(match[1], PHRASE)
    for match in reversed(list(_PHRASE.finditer(one.text))[-MANY:]):
        if _HYPOTHESIS.search(one.text[max(0, match.start() - 60) : match.start()]) or _DENIAL.match(
            one.text, match.end()
        ):
            continue
        filler = _FILLER.match(one.text, match.end())
        stated = one.text[filler.end() if filler else match.end() :].strip()
        if not stated:
            if match["link"] and open_end:
                return Candidate("", PHRASE, whole=False)
            continue
        label = match["link"] in (":", None)
        if one.question or not usable(stated) or (label and not last and len(stated.split()) > 6):
            continue  # `Answer: Janet sells ...` opens an explanation
        return Candidate(stated, PHRASE, whole=not (open_end and dangling(stated)))
    if (match := _BEFORE.search(one.text)) and usable(match["said"]) and not one.question:
        return Candidate(match["said"], PHRASE)
    return _chosen(one, place, usable) if choices else None


def _chosen(one: Statement, place: int, usable: Usable) -> Candidate | None:
    for match in reversed(list(ANNOUNCED.finditer(one.text))[-MANY:]):
        stated = one.text[match.end() :].strip(" :*")
        if stated and not one.question and usable(stated):
            return Candidate(stated, PHRASE)
    if confirmed := CONFIRMED.search(one.text):
        return Candidate(confirmed[1], PHRASE)
    if place == 0 and (leading := LEADING.match(one.text)):
        return Candidate(leading[1], WHOLE)  # `B, because ...`
    return None


def _boxes(text: str) -> list[Candidate]:
    boxes: list[Candidate] = []
    end = 0
    for match in _BOX.finditer(text):
        place = match.end()
        stop = closing(text, place) if text[place : place + 1] == "{" else None
        if text[place : place + 1] == "{":
            box = Candidate(text[place + 1 : stop], BOXED, whole=stop is not None)
        else:
            content = re.compile(r"\\?[^\s$\\]*").match(text, place)
            box = Candidate(content.group().rstrip(".") if content else "", BOXED)
        if boxes and boxes[-1].whole and box.whole and _CONNECTED.fullmatch(text, end, match.start()):
            # `$\boxed{2}$ and $\boxed{3}$` is one answer of two values
            earlier = boxes.pop()
            box = box if earlier.text == box.text else Candidate(f"{earlier.text}, {box.text}", BOXED)
        end = stop + 1 if stop else place + len(box.text)
        boxes.append(box)
    return [box for box in boxes if box.text.strip() or not box.whole]


def _unannounced(said: list[Statement], usable: Usable) -> Candidate | str:
    """The value that the last statement gives, or that opens the output before its explanation."""
    last = said[-1]
    opening = said[0]
    if (
        len(said) > 1
        and opening.line
        and is_value(opening.text)
        and ":" not in opening.text
        and usable(opening.text)
    ):
        return Candidate(opening.text, WHOLE)
    if not last.ended and (dangling(last.text) or (len(said) > 1 and breaks_off(said))):
        return CUT_OFF
    remarks = [one for one in said if not (_COURTESY.search(one.text) and not re.search(r"\d", one.text))]
    remarks = [
        one
        for one in remarks
        if not (_CHECK.match(one.text) and not re.search(r"\bwe (?:find|get|have|see)\b", one.text))
    ] or remarks
    for one in reversed(remarks[-BACK:]):
        computes = re.search(r"\d\s*\w{0,12}\s*[-+*/×÷xX]\s*\$?\d.*=(?!.*\bthen\b)|:.*=", one.text)
        step = _OPEN_STEP.search(one.text) and not CONCLUDES.search(one.text)
        if one.question or (not computes and (step or _DENIES.search(_last_clause(one.text)))):
            return NONE
        if usable(one.text):
            return Candidate(one.text, WHOLE if len(said) == 1 else LAST, sentence=not is_value(one.text))
    return NONE


def _last_clause(text: str) -> str:
    cuts = [found.start() for found in CONCLUDES.finditer(text)]
    return text[cuts[-1] if cuts else 0 :]
