"""Remarks behind a conclusion: checks, offers, comparisons, told by the results computed before."""

import re
from collections.abc import Callable

from hf_qads.answers.cleaning import Statement
from hf_qads.answers.languages import CONCLUDES

Usable = Callable[[str], bool]
_REMARK = re.compile(  # a check of what was found, an offer or an aside
    r"(?i)^\W*(?:(?:as|an?|to|we|can|let's|let|us|me|final|quick|sanity|double)[\s-]+){0,3}"
    r"(?:(?:double-?)?check|verif\w+|notes?|remark|tip|bonus|reminder|fun\s+fact|explanation|reason\w*)\b"
    r"(?!\s+(?:how|which)|.*\bwe\s+(?:find|get|have|see)\b)|"
    r"^\W*(?:(?:would|do)\s+you\b|let\s+me\s+know|feel\s+free|i\s+hope|hope|for\s+(?:comparison|reference|example)|"
    r"should\s+(?:the|you|it|he|she|they)|this\s+assumes|the\s+other(?:s|\s+\d+)|"
    r"(?:that|this|it)(?:'s|\s+is)\s+(?:more|less|about|nearly|almost|over|just))\b|"
    r"^\W*\((?=(?:[^()]*[^\W\d]{2,}){2})|\b(?:agrees|consistent\s+with|checks\s+out)\b"
)
RESULT = re.compile(r"(?:[=→]|\\approx)\s*[\\$(*]*([\d,.]*\d)(?![\d.,]*\s*(?:[-+*/×÷^=]|\\[tcd]))")
_ANEW = re.compile(  # computes, sums up or changes its mind
    r"(?i)^(?!.*\bif\b.*\bwould\b).*(?:=|\b(?:total|sum|altogether|remain\w*|left|wrong|wait|actually|could\s+be)\b)"
)
SECOND_THOUGHT = re.compile(
    r"(?i)\b(?:wait|hold on|hmm|correction|edit:|oops|sorry|let me (?:re|correct|fix|try)|actually|"
    r"an? (?:mistake|error)|(?:that|this|it)(?:'s| is| was)? (?:wrong|incorrect)|"
    r"(?:not|n't)(?: seem| look)? (?:right|correct))"
)
OPEN = re.compile(  # denied, doubted, or still to be done
    r"(?i)(?<!\w that )(?<!who )(?<!which )\b(?:is|are|was|were|can|could|do|does)(?:\s*not\b|n't\b)"
    r"(?!\s+(?:exist|[^,;]*\bbut\b))|\b(?:might|may|could)\s+be\b|\bnot (?:sure|certain)\b(?!.*\bbut\b)|"
    r"^\W*(?:next|first|let)\b|\b(?:needs?|have|going|remains?)\s+to\s+"
    r"(?:find|calculate|determine|solve|compute|show|add|subtract|multiply|divide)\b"
)


def without_remarks(said: list[Statement]) -> list[Statement]:
    """The statements but for remarks."""
    return [one for one in said if not _REMARK.search(one.text)]


def concluded(kept: list[Statement], usable: Usable) -> Statement | None:
    """The conclusion behind which there are only remarks.

    It concludes in bold or with the result that was computed last. What computes something new or changes
    its mind is no remark.
    """
    found, result = None, ""
    for one in kept:
        result = [result, *RESULT.findall(one.text)][-1]
        leads = CONCLUDES.match(one.text)
        if leads or _ANEW.search(one.text) or is_value(one.text):
            found = None
        backed = result and re.search(rf"(?<![\d.]){re.escape(result)}(?![\d.,]*\d)", one.text)
        if bool(leads) + bool(one.bold) + bool(backed) > 1 and not OPEN.search(one.text) and usable(one.text):
            found = one
    return found


def is_value(text: str) -> bool:
    """Whether a statement is nothing but a value."""
    words = re.findall(r"[A-Za-z]{2,}", re.sub(r"\\[A-Za-z]+|\{[^{}]*\}", "", text))
    computed = re.search(r"[\d)}]\s+[-+*/×÷]\s+\$?\d|=", text)
    return len(words) <= 2 and len(text) < 200 and bool(re.search(r"\d|\\", text)) and not computed
