"""Candidates for an output's final answer, in order of trust: boxed, announced, the last statement."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hf_qads.answers.cleaning import Statement, before_next_question, readable, statements
from hf_qads.answers.languages import ANSWER, BECOMES, CONCLUDES, IS, OPTION, WORDLESS
from hf_qads.answers.latex import closing

BOXED, PHRASE, LAST, WHOLE = "boxed", "answer phrase", "last statement", "whole output"
EMPTY, CUT_OFF, NONE, RETRACTED = "empty output", "cut off", "no conclusion", "conclusion taken back"
Usable = Callable[[str], bool]
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
_OPEN = re.compile(  # denied, doubted, or still to be done
    r"(?i)(?<!\w that )(?<!who )(?<!which )(?:\b(?:is|are|was|were|can|could|do|does)(?:\s+not\b|n't\b)"
    r"(?!\s+(?:exist|[^,;]*\bbut\b))|\bcannot\b)|"
    r"\b(?:might|may|could)\s+be\b|\bnot (?:sure|certain)\b(?!.*\bbut\b)|\bor (?:maybe|perhaps)\b|"
    r"^\W*(?:next|first|let)\b|\b(?:needs?|have|going|remains?)\s+to\s+"
    r"(?:find|calculate|determine|solve|compute|show|add|subtract|multiply|divide)\b|"
    r"\bwe\s+(?:now\s+)?(?:add|subtract|multiply|divide)\b(?!.*(?:=|\bget|\bgiv|\bis\b))"
)
_LEAD = re.compile(
    r"(?i)[,;]\s*(?:so|thus|hence|therefore|only)\b|^\W*(?:since|because|as|if|although)\b[^,]*,"
)
_SECOND_THOUGHT = re.compile(
    r"(?i)\b(?:wait|hold on|hmm|correction|edit:|scratch that|oops|sorry|let me (?:re|correct|fix|try)|"
    r"on second thought|actually|an? (?:mistake|error)|(?:that|this|it)(?:'s| is| was)? (?:wrong|incorrect)|"
    r"(?:not|n't)(?: seem| look)? (?:right|correct))"
)
_ASIDE = re.compile(  # a courtesy without a number, or a check of what was found
    r"(?i)^\((?=(?:[^()]*[^\W\d]{2,}){2})|^\W*(?:fun\s+fact|for\s+(?:comparison|reference|instance|example)|"
    r"should\s+(?:the|you|it|he|she|they|an?)|by\s+the\s+way|p\.?s\.?:|remark|tip|bonus|this\s+assumes|"
    r"(?:quick\s+)?reminder|did\s+you\s+know|upvote|if\s+you|the\s+other(?:s|\s+(?:\d+|options|choices|answers|ones))|"
    r"(?:that|this|it)(?:'s|\s+is)\s+(?:more|less|about|nearly|almost|over|roughly|just))\b|"
    r"\b(?:about|nearly|almost|roughly|over|more\s+than|less\s+than)\s+(?:an?\s+|\w+\s+)?"
    r"(?:half|thirds?|quarters?)\s+(?:of|as)\b|\b(?:agrees|consistent\s+with|checks\s+out)\b|"
    r"^\W*the\b(?!\s+(?:answer|problem|question|result|value|number)\b)\D*\bnot\b\D*$|"
    r"^(?!.*\d).*\b(?:hope|let me know|feel free|these|those|"
    r"good luck|happy|glad|question|thank)|^\W*(?:to\s+|we\s+|let\s+(?:us|me)\s+|"
    r"let's\s+)?(?:double[- ]?)?(?:check|verif|note|explanation|reason)(?!.*\bwe (?:find|get|have|see)\b)"
)
_REMARKS = re.compile(  # a check of what was found or an offer, which go on to the next conclusion
    r"(?i)^\W*(?:(?:as|an?|to|we|can|let's|let|us|me|final|quick|sanity|double)[\s-]+){0,3}(?:check|verif\w+)"
    r"(?:\W*(?:[:,]|$)|\s+(?:this|that|it|our|if|whether|the\s+(?:answer|result|solution))\b)|"
    r"^\W*(?:(?:would|do)\s+you\s+(?:like|want)|shall\s+(?:we|i))\b"
)
_CONFIRMS = re.compile(r"(?i)\b(?:match|agree|correct|right|consistent|checks?\s+out|holds|equal)")
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
_RESULT = re.compile(r"(?:[=→]|\\approx)\s*[\\$(*]*([\d,.]*\d)(?![\d.,]*\s*(?:[-+*/×÷^=]|\\[tcd]))")
_NO_IF = re.compile(r"(?i)\W*(?!\W|if\b)")
_ANEW = re.compile(  # computes, sums up or changes its mind
    r"(?i)^(?!.*\bif\b.*\bwould\b).*(?:=|\b(?:total|sum|altogether|remain\w*|left|wrong|correction|"
    r"wait|actually|(?:could|might)\s+be)\b)"
)
_SO = re.compile(r",\s+so\b")
_COMPUTED = re.compile(r"^(?!.*\bremains\s+to\b).*=\s*[\\$(*]*[\d,.]*\d\D*$")
_READING = re.compile(  # of a question, or one answer of several
    r"(?i)\b(?:answer|interpretation|reading|scenario)\s+(?:\d|[AB])\b\W*:|"
    r"^\W*(?:if|otherwise|assuming|under|(?:in\s+)?(?:the\s+)?(?:first|second|other)\s+reading)\b"
)


class Candidate(NamedTuple):
    """What an output states as its answer."""

    text: str  # without the words that announce it
    rule: str
    sentence: bool = False  # nothing announced it, so that the value has to be found within a sentence
    whole: bool = True  # not cut off
    computed: Sequence[str] = ()  # results of the computations before the sentence


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
    readings = {one.text for one in said if _READING.search(one.text)}
    if len(readings) > 1 and readings & {found.text, said[place].text} and any(map(_NO_IF.match, readings)):
        return NONE
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
    doubts = next((place for place, one in enumerate(tail) if _SECOND_THOUGHT.search(one.text)), None)
    if doubts is None:
        return found
    changed = _unannounced(tail[doubts:], usable)
    if isinstance(changed, Candidate):
        return changed
    if not tail[-1].ended and dangling(tail[-1].text):
        return CUT_OFF
    doubted = re.search(r"mistake|error|wrong|incorrect|n['o]t .*(?:right|correct)", str(tail[doubts:]))
    return RETRACTED if doubted else found


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
    last = said[-1]
    if not last.ended and (dangling(last.text) or (len(said) > 1 and _breaks_off(said))):
        return CUT_OFF
    kept = _without_remarks(said, usable) or said
    one, results = _concluded(kept, said, usable)
    for other in reversed(kept[-MANY:]):
        if one:
            break
        clause = _LEAD.split(re.sub(r"\s\([^()]*\)", "", other.text))[-1]
        if other.question or (_OPEN.search(clause) and not _COMPUTED.search(clause)):
            return NONE
        if usable(other.text):
            if other.item and not _TOTAL.search(other.text) and sum(each.item for each in said) > 1:
                return NONE
            one, results = other, _RESULT.findall("\n".join(each.text for each in said[: said.index(other)]))
    if not one:
        return NONE
    value = one.bold[0] if len(one.bold) == 2 else ""  # the only one in bold within other words
    if is_value(value) and usable(value) and not re.search(r"[\d)]\s*=|\b(?:not?|wait|actually)\b", one.text):
        return Candidate(value, LAST)
    wordy = CONCLUDES.match(one.text) is not None or not is_value(one.text)
    return Candidate(one.text, WHOLE if len(said) == 1 else LAST, sentence=wordy, computed=results)


def _without_remarks(said: list[Statement], usable: Usable) -> list[Statement]:
    """The statements but for asides, and but for checks and offers up to the next conclusion."""
    kept, remarks = list[Statement](), False
    for one in said:
        opens = _REMARKS.match(one.text)
        goes_on = bool(kept) and (opens or (remarks and not _changes(one)))
        remarks = bool(goes_on) and usable(kept[-1].text)  # asked last: it reads every number
        if not (opens or remarks or _ASIDE.search(one.text)):
            kept.append(one)
    return kept


def _changes(one: Statement) -> bool:
    """Whether a statement concludes anew, so that it ends a remark."""
    clause = re.split(r"[,;]\s+(?=(?:so|thus|hence|therefore)\b)", one.text)[-1]
    concludes = CONCLUDES.match(clause) and not _CONFIRMS.search(clause)
    return bool(concludes or (one.bold and not one.item) or _SECOND_THOUGHT.search(one.text))


def _concluded(
    kept: list[Statement], said: list[Statement], usable: Usable
) -> tuple[Statement | None, list[str]]:
    """The conclusion behind which there are only remarks, and the results of the computations before it.

    It concludes in bold or with the last result, or opens the output as a value. What computes something new
    or changes its mind is no remark. Without one, the results are all that `said` computes, each once.
    """
    opens = re.match(r"[-$\d(\\]", kept[0].text) and is_value(kept[0].text) and usable(kept[0].text)
    found, before, results, left = (
        kept[0] if opens and kept[1:] else None,
        list[str](),
        list[str](),
        kept[::-1],
    )
    for one in said:
        earlier = [*results]
        results += [result for result in _RESULT.findall(one.text) if result not in results]
        if not left or one is not left[-1]:
            continue  # a remark
        first = left.pop() is kept[0]
        leads = CONCLUDES.match(one.text) or (one.bold and _SO.search(one.text))
        if leads or _ANEW.search(one.text) or (is_value(one.text) and not first):
            found = None
        likely = "|".join(map(re.escape, results if one.bold else results[-1:]))
        backed = likely and re.search(rf"(?<![\d.])(?:{likely})(?![\d.,]*\d)", one.text)
        if (
            bool(leads) + bool(one.bold) + bool(backed) > 1
            and not _OPEN.search(one.text)
            and usable(one.text)
        ):
            found, before = one, earlier
    return found, before if found else results


def is_value(text: str) -> bool:
    """Whether a statement is nothing but a value."""
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\\[A-Za-z]+|\{[^{}]*\}", "", text))
    value = re.search(r"\d|\\|^\W*[A-Ea-e]\W*$", text)
    computed = re.search(r"[\d)}]\s+[-+*/×÷]\s+\$?\d|=", text)
    return len(words) <= 2 and len(text) < 200 and bool(value) and not computed


def dangling(text: str) -> bool:
    """Whether a text breaks off: after an operator, a comma or a word that calls for another."""
    text = text.rstrip()
    if text.endswith(("\\)", "\\]", "\\}", "\\%", "\\$")):
        return False
    body = text.rstrip("$").rstrip()
    opened = body.count("{") - body.count("\\{") > body.count("}") - body.count("\\}")
    opened = opened or (text.count("$") % 2 == 1 and not re.match(r"[\d.]|$", text.rpartition("$")[2]))
    return opened or bool(_OPEN_END.search(body))


def _breaks_off(said: list[Statement]) -> bool:
    """Whether a last statement without a point is a step's number, or neither computes nor gives a value."""
    text = said[-1].text
    step = re.fullmatch(r"(?i)\W*(?:step|case|part|question)\s*\d{1,2}\W*", text)
    return bool(step) or not (is_value(text) or " " not in text or _GIVES.search(text))
