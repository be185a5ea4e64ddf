import pytest
import yaml

from hf_qads.publishing.cards.datasets import mixture_card
from hf_qads.publishing.cards.sections import merge, sections
from hf_qads.repositories.front_matter import split_card
from tests.publishing.fixed import EXTRAS, FACTS


@pytest.fixture(scope="module")
def card():
    return mixture_card(FACTS, extras=EXTRAS)


def test_merging_a_card_into_itself_changes_nothing(card):
    assert merge(card, card) == card


def test_merging_twice_is_merging_once(card):
    theirs = card.replace("\n## Limits", "\n## Contact\n\nus\n\n\n## Limits").replace(
        "license:", "mine: 1\nlicense:"
    )
    once = merge(theirs, card)
    assert merge(once, card) == once


@pytest.mark.parametrize("fence", ["```", "~~~", "````md"])
def test_headings_inside_code_are_no_sections(fence):
    end = fence.rstrip("md")
    body = f"start\n{fence}\n## not a section\n```x\n{end}\n## real\nx"
    assert [section.heading for section in sections(body)] == ["", "## real"]


def test_a_card_by_hand_is_kept_below_ours(card):
    merged = merge("# Old title\n\nWritten by hand.\n\n## History\n\nLong.\n", card)
    assert merged.index("# maths-mix") < merged.index("# Old title")
    assert "Written by hand." in merged
    assert "## History\n\nLong.\n" in merged


def test_our_sections_are_updated_and_those_that_are_gone_go(card):
    old = card.replace("\n## Limits", "\n## Comparison\n<!-- hf_qads -->\n\nold numbers\n\n## Limits")
    old = old.replace("Mean score", "Old score")
    assert merge(old, card) == card


def test_lists_of_both_sides_are_joined_and_our_values_win(card):
    data, body = split_card(card)
    old = {**data, "tags": ["theirs"], "license": "wtfpl", "viewer": False}
    merged, _ = split_card(merge(f"---\n{yaml.safe_dump(old)}---\n{body}", card))
    assert merged["tags"] == [*data["tags"], "theirs"]
    assert merged["license"] == data["license"]
    assert merged["viewer"] is False


@pytest.mark.parametrize(
    "broken", ["---\n: [\n---\nbody", "---\njust text\n---\nbody", "no front matter", ""]
)
def test_a_broken_front_matter_counts_as_none(card, broken):
    assert split_card(merge(broken, card))[0] == split_card(card)[0]


def test_a_foreign_section_that_says_our_mark_in_its_text_stays(card):
    old = card + "\n## Notes\n\nA line, then <!-- hf_qads --> in the middle.\n"
    assert "A line, then" in merge(old, card)
