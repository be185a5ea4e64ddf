"""Remarks behind a conclusion: checks, offers, comparisons, told by the results computed before."""

import re
from collections.abc import Callable

from hf_qads.answers.cleaning import Statement
from hf_qads.answers.languages import CONCLUDES

Usable = Callable[[str], bool]
_ASIDE = re.compile(  # a courtesy without a number, or a check of what was found
    r"(?i)^\W*(?:feel\s+free|let\s+me\s+know|i\s+hope)\b|^\((?=(?:[^()]*[^\W\d]{2,}){2})|^\W*(?:fun\s+fact|for\s+(?:comparison|reference|instance|example)|"
    r"should\s+(?:the|you|it|he|she|they|an?)|by\s+the\s+way|p\.?s\.?:|remark|tip|bonus|this\s+assumes|we\s+used|"
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
RESULT = re.compile(r"(?:[=→]|\\approx)\s*[\\$(*]*([\d,.]*\d)(?![\d.,]*\s*(?:[-+*/×÷^=]|\\[tcd]))")
_ANEW = re.compile(  # computes, sums up or changes its mind
    r"(?i)^(?!.*\bif\b.*\bwould\b).*(?:=|\b(?:total|sum|altogether|remain\w*|left|wrong|correction|"
    r"wait|actually|(?:could|might)\s+be)\b)"
)
SECOND_THOUGHT = re.compile(
    r"(?i)\b(?:wait|hold on|hmm|correction|edit:|scratch that|oops|sorry|let me (?:re|correct|fix|try)|"
    r"on second thought|actually|an? (?:mistake|error)|(?:that|this|it)(?:'s| is| was)? (?:wrong|incorrect)|"
    r"(?:not|n't)(?: seem| look)? (?:right|correct))"
)
OPEN = re.compile(  # denied, doubted, or still to be done
    r"(?i)(?<!\w that )(?<!who )(?<!which )(?:\b(?:is|are|was|were|can|could|do|does)(?:\s+not\b|n't\b)"
    r"(?!\s+(?:exist|[^,;]*\bbut\b))|\bcannot\b)|"
    r"\b(?:might|may|could)\s+be\b|\bnot (?:sure|certain)\b(?!.*\bbut\b)|\bor (?:maybe|perhaps)\b|"
    r"^\W*(?:next|first|let)\b|\b(?:needs?|have|going|remains?)\s+to\s+"
    r"(?:find|calculate|determine|solve|compute|show|add|subtract|multiply|divide)\b|"
    r"\bwe\s+(?:now\s+)?(?:add|subtract|multiply|divide)\b(?!.*(?:=|\bget|\bgiv|\bis\b))"
)


def without_remarks(said: list[Statement], usable: Usable) -> list[Statement]:
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
    return bool(CONCLUDES.match(clause) or (one.bold and not one.item) or SECOND_THOUGHT.search(one.text))


def concluded(
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
        results += [result for result in RESULT.findall(one.text)[-8:] if result not in results]
        if not left or one is not left[-1]:
            continue  # a remark
        first = left.pop() is kept[0]
        leads = CONCLUDES.match(one.text)
        if leads or _ANEW.search(one.text) or (is_value(one.text) and not first):
            found = None
        likely = "|".join(map(re.escape, results[-8:] if one.bold else results[-1:]))
        backed = likely and re.search(rf"(?<![\d.])(?:{likely})(?![\d.,]*\d)", one.text)
        if bool(leads) + bool(one.bold) + bool(backed) > 1 and not OPEN.search(one.text) and usable(one.text):
            found, before = one, earlier
    return found, before if found else results


def is_value(text: str) -> bool:
    """Whether a statement is nothing but a value."""
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\\[A-Za-z]+|\{[^{}]*\}", "", text))
    value = re.search(r"\d|\\|^\W*[A-Ea-e]\W*$", text)
    computed = re.search(r"[\d)}]\s+[-+*/×÷]\s+\$?\d|=", text)
    return len(words) <= 2 and len(text) < 200 and bool(value) and not computed
